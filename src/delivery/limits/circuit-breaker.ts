import type { Outcome } from "../../connector/index.ts";
import type { Clock } from "../../lib/time/clock.ts";

/** How long it stays open after the first, second, … failed probe. Jitter of ±20 % is added. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 5_000;
/** A credential is mended by people: no use in asking every second. */
const FIRST_WAIT_UNAUTHORIZED_MS = 3_000;
/** One odd call can get a 500 each time, and take a batch with it: only several different ones, in several requests, speak for the destination. */
const DIFFERENT_CALLS = 3;

/** Leave to make one attempt. It must be ended; only the first end counts. */
export interface Permit {
  /** False: the breaker has opened since; the attempt is not to be made. */
  stands(): boolean;
  /** What became of it; `undefined` when no attempt was made. */
  end(outcome: Outcome | undefined): void;
}

/**
 * Stands before one destination. While it is open nobody attempts anything: calls stay where they are (in the log, or waiting), so an
 * outage costs nothing but time. Every now and then one delivery, each time another, may try.
 */
export interface CircuitBreaker {
  /** A permit, now or once there may be one; `undefined` when the signal comes first. */
  pass(options: { key: string; signal: AbortSignal }): Promise<Permit | undefined>;
  /** How many permits would be given at once: none while open, one when a probe may be made. */
  room(): number;
  /** Why it is open. */
  cause(): string | undefined;
}

interface Open {
  cause: string;
  failures: number;
  needsFix: boolean;
  probing: boolean;
  probeAtMs: number;
}

type Verdict = "alive" | "down" | "doubtful" | "nothing";

/** What an outcome says of the destination, not of the call. */
function verdictOf(outcome: Outcome | undefined): Verdict {
  if (outcome === undefined) return "nothing";
  // It has answered, and speaks for the route alone, which stops.
  if (outcome.kind === "needs-fix") return outcome.stopsRoute ? "alive" : "down";
  if (outcome.kind === "ambiguous") return outcome.lookUp === undefined ? "doubtful" : outcome.lookUp === "failed" ? "nothing" : "alive";
  if (outcome.kind !== "retry") return "alive";
  if (outcome.because === "down") return "down";
  return outcome.because === "server" ? "doubtful" : "alive";
}

function causeOf(outcome: Outcome): string {
  if (outcome.kind === "needs-fix") return `needs a fix: ${outcome.reason}. ${outcome.fix}`;
  return "reason" in outcome ? `destination down: ${outcome.reason}` : "destination down";
}

/** Works until `signal` is aborted. `onChange` is told the cause when it opens or its cause changes, `undefined` when it closes. */
export function createCircuitBreaker(options: {
  clock: Clock;
  signal: AbortSignal;
  onChange(cause: string | undefined): void;
}): CircuitBreaker {
  const { clock, signal: ended, onChange } = options;
  let open: Open | undefined;
  /** Attempts that began before the last opening or closing say nothing about now. */
  let generation = 0;
  /** Calls whose attempts were doubtful since the destination last answered well; calls of one request share their outcome. */
  const suspects = new Map<string, Outcome>();
  let waiting: ((probe: boolean) => void)[] = [];

  function waitMs({ failures, needsFix }: Pick<Open, "failures" | "needsFix">, retryAfterMs: number | undefined): number {
    const first = needsFix ? FIRST_WAIT_UNAUTHORIZED_MS : FIRST_WAIT_MS;
    const backOffMs = Math.min(first * 2 ** failures, LONGEST_WAIT_MS) * (0.8 + 0.4 * clock.random());
    return Math.max(retryAfterMs ?? 0, backOffMs);
  }

  function openOrKeep(outcome: Outcome): void {
    const cause = causeOf(outcome);
    const failures = open ? open.failures + 1 : 0;
    const needsFix = outcome.kind === "needs-fix";
    const ms = waitMs({ failures, needsFix }, "retryAfterMs" in outcome ? outcome.retryAfterMs : undefined);
    const news = open?.cause !== cause;
    open = { cause, failures, needsFix, probing: false, probeAtMs: clock.monotonicMs() + ms };
    generation += 1;
    suspects.clear();
    if (news) onChange(cause);
    scheduleProbe(ms);
  }

  function close(): void {
    open = undefined;
    generation += 1;
    suspects.clear();
    onChange(undefined);
    const all = waiting;
    waiting = [];
    for (const go of all) go(false);
  }

  function scheduleProbe(ms: number): void {
    const mine = generation;
    void clock.sleep(ms, ended).then(() => {
      if (ended.aborted || mine !== generation || !open) return;
      // A timer may fire a little early.
      const leftMs = open.probeAtMs - clock.monotonicMs();
      if (leftMs > 0) scheduleProbe(leftMs + 1);
      else startProbe();
    });
  }

  function startProbe(): void {
    if (!open || open.probing || clock.monotonicMs() < open.probeAtMs) return;
    const next = waiting.shift();
    if (!next) return;
    open.probing = true;
    next(true);
  }

  function permit(key: string, probe: boolean): Permit {
    const mine = generation;
    let over = false;
    return {
      stands: () => mine === generation,
      end(outcome) {
        if (over || mine !== generation) return;
        over = true;
        const verdict = verdictOf(outcome);
        if (probe) {
          if (verdict === "nothing") {
            if (open) open.probing = false;
            startProbe();
          } else if (verdict === "alive") close();
          else openOrKeep(outcome as Outcome);
          return;
        }
        if (verdict === "alive") suspects.clear();
        if (verdict === "doubtful" && outcome) suspects.set(key, outcome);
        if (verdict === "down" || new Set(suspects.values()).size >= DIFFERENT_CALLS) openOrKeep(outcome as Outcome);
      },
    };
  }

  return {
    pass({ key, signal }) {
      if (signal.aborted) return Promise.resolve(undefined);
      if (!open) return Promise.resolve(permit(key, false));
      return new Promise((resolve) => {
        const go = (probe: boolean) => {
          signal.removeEventListener("abort", leave);
          resolve(permit(key, probe));
        };
        const leave = () => {
          waiting = waiting.filter((one) => one !== go);
          resolve(undefined);
        };
        signal.addEventListener("abort", leave, { once: true });
        waiting.push(go);
        startProbe();
      });
    },
    room() {
      if (!open) return Number.POSITIVE_INFINITY;
      return !open.probing && waiting.length === 0 && clock.monotonicMs() >= open.probeAtMs ? 1 : 0;
    },
    cause: () => open?.cause,
  };
}
