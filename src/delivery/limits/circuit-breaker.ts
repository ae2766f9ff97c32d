import type { Outcome } from "../../connector/index.ts";
import type { Clock } from "../../lib/time/clock.ts";
import { createCircuit } from "./circuit.ts";
import { createWaitingLine } from "./waiting-line.ts";

/** One odd call can get a 500 each time, and its batch with it: only several different ones, in several requests, speak for the destination. */
const DIFFERENT_CALLS = 3;

/** Leave to make one attempt. It must be ended; only the first end counts. */
export interface Permit {
  /** `false`: the circuit breaker has opened since, so the attempt must not be made. */
  isValid(): boolean;
  /** What the attempt came to; `undefined` when none was made. */
  end(outcome: Outcome | undefined): void;
}

/**
 * Protects one destination. While it is open nothing is attempted: calls stay where they are (in the log, or waiting), so an
 * outage costs nothing but time. After a wait it is half open: one delivery, each time another, is its probe.
 */
export interface CircuitBreaker {
  /** A permit, now or once there is one; `undefined` when the signal comes first. */
  pass(options: { key: string; signal: AbortSignal }): Promise<Permit | undefined>;
  /** How many permits there are at once: none while open, one while half open. */
  room(): number;
  /** Why it is open. */
  cause(): string | undefined;
}

type Verdict = "alive" | "down" | "suspect" | "nothing";

/** What an outcome says about the destination, not about the call. */
function verdictOf(outcome: Outcome | undefined): Verdict {
  if (outcome === undefined) return "nothing";
  // The destination has answered; the answer is about one route, which pauses.
  if (outcome.kind === "needs-fix") return outcome.stopsRoute ? "alive" : "down";
  if (outcome.kind === "ambiguous") return outcome.lookUp === undefined ? "suspect" : outcome.lookUp === "failed" ? "nothing" : "alive";
  if (outcome.kind !== "retry") return "alive";
  if (outcome.because === "down") return "down";
  return outcome.because === "server" ? "suspect" : "alive";
}

/** Works until `signal` is aborted. `onChange` gets the cause when it opens or its cause changes, `undefined` when it closes. */
export function createCircuitBreaker(options: {
  clock: Clock;
  signal: AbortSignal;
  onChange(cause: string | undefined): void;
}): CircuitBreaker {
  /** Calls whose attempts failed as if the destination were down, since it last answered well; calls of one request share their outcome. */
  const suspects = new Map<string, Outcome>();
  const line = createWaitingLine<Permit>();
  const circuit = createCircuit({ ...options, onProbeDue: startProbe });

  function startProbe(): void {
    if (line.length === 0 || !circuit.isProbeDue()) return;
    circuit.beginProbe();
    line.callFirst(true);
  }

  function fail(outcome: Outcome): void {
    suspects.clear();
    circuit.fail(outcome);
  }

  function endProbe(outcome: Outcome | undefined): void {
    const verdict = verdictOf(outcome);
    if (verdict === "nothing") {
      circuit.cancelProbe();
      startProbe();
    } else if (verdict === "alive") {
      suspects.clear();
      circuit.close();
      line.callAll(false);
    } else fail(outcome as Outcome);
  }

  function endAttempt(key: string, outcome: Outcome | undefined): void {
    const verdict = verdictOf(outcome);
    if (verdict === "alive") suspects.clear();
    if (verdict === "suspect" && outcome) suspects.set(key, outcome);
    if (verdict === "down" || new Set(suspects.values()).size >= DIFFERENT_CALLS) fail(outcome as Outcome);
  }

  function permit(key: string, isProbe: boolean): Permit {
    const generation = circuit.generation();
    let isOver = false;
    return {
      isValid: () => generation === circuit.generation(),
      end(outcome) {
        if (isOver || generation !== circuit.generation()) return;
        isOver = true;
        if (isProbe) endProbe(outcome);
        else endAttempt(key, outcome);
      },
    };
  }

  return {
    pass({ key, signal }) {
      if (signal.aborted) return Promise.resolve(undefined);
      if (circuit.cause() === undefined) return Promise.resolve(permit(key, false));
      const passed = line.join(signal, (isProbe) => permit(key, isProbe));
      startProbe();
      return passed;
    },
    room() {
      if (circuit.cause() === undefined) return Number.POSITIVE_INFINITY;
      return line.length === 0 && circuit.isProbeDue() ? 1 : 0;
    },
    cause: circuit.cause,
  };
}
