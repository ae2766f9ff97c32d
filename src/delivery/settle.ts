import type { Connector, Outcome } from "../connector.ts";
import type { Settlement } from "../ledger/ledger.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Waits after the first, second, … failed attempt; the last one repeats. Jitter of ±20 % is added. */
const RETRY_AFTER_MS = [30 * SECOND, 5 * MINUTE, HOUR];
const RATE_LIMITED_MS = [2 * SECOND, 10 * SECOND, MINUTE];
const LOOK_AGAIN_MS = [5 * SECOND, 30 * SECOND, 5 * MINUTE];

/**
 * What follows from an outcome: the one place where that is decided (house plan §3, the outcome table).
 * `attempts` are the failed ones before this; `ambiguous`: an earlier one may have arrived; `body` is kept while the delivery waits or is dead.
 */
export function settlementOf(options: {
  outcome: Outcome;
  connector: Pick<Connector, "duplicates">;
  attempts: number;
  ambiguous: boolean;
  sentFields: string[];
  body: Uint8Array;
  random: () => number;
}): Settlement {
  const { outcome, connector, attempts, ambiguous: mayHaveArrived, sentFields, body, random } = options;

  function waiting(dueInMs: number, reason: string, ambiguous = false): Settlement {
    const errorCode = "code" in outcome ? outcome.code : outcome.kind;
    return { kind: "waiting", dueInMs: Math.round(dueInMs), errorCode, reason, ambiguous, body };
  }
  function withJitter(waitsMs: number[]): number {
    const waitMs = waitsMs[Math.min(attempts, waitsMs.length - 1)] ?? HOUR;
    return waitMs * (0.8 + 0.4 * random());
  }

  /**
   * The destination's trouble, not the call's: the breaker has opened, and the call stays where it was. Only what an earlier attempt may
   * have left is not forgotten: it has to be looked for first, also by whoever comes next.
   */
  function untouched(reason: string): Settlement {
    return mayHaveArrived ? waiting(LOOK_AGAIN_MS[0] ?? 0, reason, true) : { kind: "released" };
  }

  switch (outcome.kind) {
    case "delivered":
      return { kind: "delivered", receipt: outcome.receipt, sentFields };
    case "skipped":
      return { kind: "skipped", reason: outcome.reason };
    case "retry":
      if (outcome.because === "down") return untouched(outcome.reason);
      return waiting(
        outcome.retryAfterMs ?? withJitter(outcome.because === "rate-limit" ? RATE_LIMITED_MS : RETRY_AFTER_MS),
        outcome.reason,
      );
    case "unauthorized":
      return untouched(`${outcome.reason}. ${outcome.fix}`);
    case "rejected":
      return { kind: "dead", errorCode: outcome.code, reason: outcome.reason, body };
    case "ambiguous":
      // Sending again could make a second message where nothing tells the two apart.
      if (connector.duplicates === "none") return { kind: "dead", errorCode: "ambiguous", reason: outcome.reason, body };
      return waiting(withJitter(LOOK_AGAIN_MS), outcome.reason, true);
  }
}
