import type { Connector, Outcome } from "../../connector/index.ts";
import type { Claim, Settlement } from "../../ledger/ledger.ts";
import type { Route } from "../../route.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Waits after the first, second, … failed attempt; the last one repeats. Jitter of ±20 % is added. */
const RETRY_AFTER_MS = [30 * SECOND, 5 * MINUTE, HOUR];
const LOOK_AGAIN_MS = [5 * SECOND, 30 * SECOND, 5 * MINUTE];

/**
 * What follows from an outcome: the one place where that is decided (house plan §3, the outcome table).
 * `destinationStands`: the breaker is open, so what looks like the call's failure is the destination's, and the call stays where it was.
 * `limitedForMs`: the wait that a rate limit costs this call; `undefined` where the whole destination waits and the call stays where it was.
 */
export function decideSettlement(options: {
  outcome: Outcome;
  connector: Pick<Connector, "duplicates">;
  claim: Pick<Claim, "attempts" | "ambiguous" | "agedMs">;
  route: Pick<Route, "maxAgeMs">;
  destinationStands: boolean;
  limitedForMs: number | undefined;
  sentFields: string[];
  body: Uint8Array;
  random: () => number;
}): Settlement {
  const { outcome, connector, claim, route, destinationStands, limitedForMs, sentFields, body, random } = options;
  const { attempts, agedMs } = claim;
  const mayHaveArrived = claim.ambiguous;
  const errorCode = "code" in outcome ? outcome.code : outcome.kind;

  /** A failure of the call itself: it waits, and ages by that; too old, it is given up. */
  function failed(options: { waitsMs: number[]; askedMs?: number; reason: string; ambiguous: boolean }): Settlement {
    const { waitsMs, askedMs, reason, ambiguous } = options;
    const leftMs = route.maxAgeMs - agedMs;
    if (leftMs <= 0)
      return { kind: "dead", errorCode: "max_age", reason: `given up after ${hours(agedMs)} of tries: ${reason}`, ambiguous, body };
    const planned = (waitsMs[Math.min(attempts, waitsMs.length - 1)] ?? HOUR) * (0.8 + 0.4 * random());
    const dueInMs = Math.round(askedMs ?? Math.min(planned, leftMs));
    return { kind: "waiting", dueInMs, errorCode, reason, ambiguous, body };
  }
  const limited = (dueInMs: number, reason: string): Settlement => ({
    kind: "waiting",
    dueInMs: Math.round(dueInMs),
    errorCode,
    reason,
    ambiguous: mayHaveArrived,
    paced: true,
    body,
  });

  /**
   * The destination's trouble, not the call's: the call stays where it was. Only what an earlier attempt may have left is not forgotten:
   * it has to be looked for first, also by whoever comes next.
   */
  function untouched(reason: string): Settlement {
    return mayHaveArrived && connector.duplicates !== "native-key" ? limited(LOOK_AGAIN_MS[0] ?? 0, reason) : { kind: "released" };
  }

  switch (outcome.kind) {
    case "delivered":
      return { kind: "delivered", receipt: outcome.receipt, sentFields };
    case "skipped":
      return { kind: "skipped", reason: outcome.reason };
    case "retry":
      if (outcome.because === "rate-limit")
        return limitedForMs === undefined ? untouched(outcome.reason) : limited(limitedForMs, outcome.reason);
      if (outcome.because === "not-yet") return limited(outcome.retryAfterMs, outcome.reason);
      if (outcome.because === "down" || (outcome.because === "server" && destinationStands)) return untouched(outcome.reason);
      return failed({ waitsMs: RETRY_AFTER_MS, askedMs: outcome.retryAfterMs, reason: outcome.reason, ambiguous: mayHaveArrived });
    case "needs-fix":
      return untouched(`${outcome.reason}. ${outcome.fix}`);
    case "rejected":
      return { kind: "dead", errorCode: outcome.code, reason: outcome.reason, body };
    case "ambiguous":
      // Sending again could make a second message where nothing tells the two apart.
      if (connector.duplicates === "none" || outcome.lookUp === "impossible")
        return { kind: "dead", errorCode: "ambiguous", reason: outcome.reason, ambiguous: true, body };
      if (connector.duplicates === "native-key" && destinationStands) return { kind: "released" };
      return failed({ waitsMs: LOOK_AGAIN_MS, reason: outcome.reason, ambiguous: true });
  }
}

function hours(ms: number): string {
  return ms >= HOUR ? `${Math.round(ms / HOUR)} h` : ms >= MINUTE ? `${Math.round(ms / MINUTE)} min` : `${Math.round(ms / SECOND)} s`;
}
