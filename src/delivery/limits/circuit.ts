import type { Outcome } from "../../connector/index.ts";
import type { Clock } from "../../lib/time/clock.ts";

/** How long it stays open after the first, second, … failed probe. Jitter of ±20 % is added. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 5_000;
/** People fix a credential: a probe each second is of no use. */
const FIRST_WAIT_NEEDS_FIX_MS = 3_000;

/** The state of a circuit breaker: closed; open, until its next probe is due; half open while that probe is made. */
export interface Circuit {
  /** Why it is open; `undefined` while closed. */
  cause(): string | undefined;
  /** Changes with every opening, failed probe and closing: an attempt of an earlier generation says nothing about now. */
  generation(): number;
  /** Opens, or stays open for longer. */
  fail(outcome: Outcome): void;
  close(): void;
  isProbeDue(): boolean;
  beginProbe(): void;
  /** The probe came to nothing: the next one is due at once. */
  cancelProbe(): void;
}

interface Open {
  cause: string;
  failures: number;
  isProbing: boolean;
  probeAtMs: number;
}

function causeOf(outcome: Outcome): string {
  if (outcome.kind === "needs-fix") return `needs a fix: ${outcome.reason}. ${outcome.fix}`;
  return "reason" in outcome ? `destination down: ${outcome.reason}` : "destination down";
}

/** Milliseconds until the next probe. */
function waitAfter(outcome: Outcome, failures: number, random: () => number): number {
  const firstMs = outcome.kind === "needs-fix" ? FIRST_WAIT_NEEDS_FIX_MS : FIRST_WAIT_MS;
  const backOffMs = Math.min(firstMs * 2 ** failures, LONGEST_WAIT_MS) * (0.8 + 0.4 * random());
  const askedMs = "retryAfterMs" in outcome ? outcome.retryAfterMs : undefined;
  return Math.max(askedMs ?? 0, backOffMs);
}

/** `onChange` gets the cause when it opens or its cause changes, `undefined` when it closes. `onProbeDue` is called until `signal` is aborted. */
export function createCircuit(options: {
  clock: Clock;
  signal: AbortSignal;
  onChange(cause: string | undefined): void;
  onProbeDue(): void;
}): Circuit {
  const { clock, signal, onChange, onProbeDue } = options;
  let open: Open | undefined;
  let generation = 0;

  function scheduleProbe(ms: number): void {
    const mine = generation;
    void clock.sleep(ms, signal).then(() => {
      if (signal.aborted || mine !== generation || !open) return;
      // A timer may fire a little early.
      const leftMs = open.probeAtMs - clock.monotonicMs();
      if (leftMs > 0) scheduleProbe(leftMs + 1);
      else onProbeDue();
    });
  }

  return {
    cause: () => open?.cause,
    generation: () => generation,
    fail(outcome) {
      const cause = causeOf(outcome);
      const failures = open ? open.failures + 1 : 0;
      const waitMs = waitAfter(outcome, failures, clock.random);
      const isNew = open?.cause !== cause;
      open = { cause, failures, isProbing: false, probeAtMs: clock.monotonicMs() + waitMs };
      generation += 1;
      if (isNew) onChange(cause);
      scheduleProbe(waitMs);
    },
    close() {
      open = undefined;
      generation += 1;
      onChange(undefined);
    },
    isProbeDue: () => open !== undefined && !open.isProbing && clock.monotonicMs() >= open.probeAtMs,
    beginProbe() {
      if (open) open.isProbing = true;
    },
    cancelProbe() {
      if (open) open.isProbing = false;
    },
  };
}
