import type { Connector } from "../../connector/index.ts";
import type { Claim, Settlement } from "../../ledger/ledger.ts";
import { type Destination, type Route, RouteFault } from "../../route.ts";
import type { Attempted, DeliveryResult } from "./delivery-result.ts";
import { duplicatesAt } from "./duplicates.ts";

export interface SettlementOptions {
  result: DeliveryResult;
  claim: Pick<Claim, "attempts" | "ambiguous" | "agedMs" | "awaits" | "receipt" | "replay">;
  route: Pick<Route, "maxAgeMs"> & { to: Pick<Destination, "onAmbiguous"> & { connector: Pick<Connector, "duplicates" | "edits"> } };
  /** The route's admission is closed: what looks like a failure of the call is the destination's, and the call stays where it was. */
  isClosed: boolean;
  /** The raw record: the ledger keeps it while the delivery waits or is dead. */
  body: Uint8Array;
  random: () => number;
  /** Counts an end: `code` of a rejection, `undefined` of a delivery. `false`: the route has paused, so nothing becomes a dead letter. */
  mayReject(code: string | undefined): boolean;
}

const RELEASED = { kind: "released" } as const;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Waits after the first, second, … failed attempt; the last one repeats. Jitter of ±20 % is added. */
const RETRY_AFTER_MS = [30 * SECOND, 5 * MINUTE, HOUR];
const LOOK_AGAIN_MS = [5 * SECOND, 30 * SECOND, 5 * MINUTE];
/** Dead letters that say nothing about the route's mapping. */
const NOT_THE_ROUTES_FAULT = new Set(["filter_fault", "ambiguous", "max_age"]);

/** What follows from how far a delivery came: the only place where that is decided. */
export function decideSettlement(options: SettlementOptions): Settlement {
  const { claim, mayReject } = options;
  const settlement = settlementOf(options);
  if (claim.replay) return settlement;
  if (settlement.kind === "delivered") mayReject(undefined);
  if (settlement.kind !== "dead" || NOT_THE_ROUTES_FAULT.has(settlement.errorCode)) return settlement;
  return mayReject(settlement.errorCode) ? settlement : RELEASED;
}

function settlementOf(options: SettlementOptions): Settlement {
  const { result, claim, body } = options;
  switch (result.kind) {
    case "not-sent":
      return RELEASED;
    case "unwanted":
      return { kind: "skipped", reason: result.reason };
    case "fault":
      return ofFault(result.error, body);
    case "waits-for-route": {
      const { route, dueInMs } = result;
      return {
        kind: "waiting",
        dueInMs,
        errorCode: "after",
        reason: `waits for route ${route}`,
        ambiguous: claim.ambiguous,
        awaits: route,
        body,
      };
    }
    case "waits-for-target":
      return limited({
        ...options,
        dueInMs: Math.ceil(result.dueInMs),
        errorCode: "paced",
        reason: "waits for its place: the target takes no more at once",
      });
    case "attempted":
      return ofAttempt(options, result);
  }
}

/** The outcome table. */
function ofAttempt(options: SettlementOptions, { outcome, limitedForMs, sentFields, awaits }: Attempted): Settlement {
  const { claim, route, isClosed, body } = options;
  const { ambiguous } = claim;
  const duplicates = duplicatesAt(route.to, claim.receipt);
  const errorCode = "code" in outcome ? outcome.code : outcome.kind;
  const failure = { ...options, errorCode, reason: "reason" in outcome ? outcome.reason : "" };
  switch (outcome.kind) {
    case "delivered": {
      // A receipt that is missing is remembered only where it can be added later.
      const isFinal = !route.to.connector.edits || outcome.final;
      return { kind: "delivered", receipt: outcome.receipt, sentFields, ...(!isFinal && { awaits }) };
    }
    case "skipped":
      return { kind: "skipped", reason: outcome.reason };
    case "retry":
      if (outcome.because === "rate-limit")
        return limitedForMs === undefined ? untouched(failure, duplicates) : limited({ ...failure, dueInMs: limitedForMs });
      if (outcome.because === "not-yet") return limited({ ...failure, dueInMs: outcome.retryAfterMs });
      if (outcome.because === "down" || (outcome.because === "server" && isClosed)) return untouched(failure, duplicates);
      return failed({ ...failure, waitsMs: RETRY_AFTER_MS, askedMs: outcome.retryAfterMs, ambiguous });
    case "needs-fix":
      return untouched({ ...failure, reason: `${outcome.reason}. ${outcome.fix}` }, duplicates);
    case "rejected":
      return { kind: "dead", errorCode, reason: outcome.reason, body };
    case "ambiguous":
      // Sending again could make a second message that no look-up would find.
      if (duplicates === "none" || outcome.lookUp === "impossible")
        return { kind: "dead", errorCode: "ambiguous", reason: outcome.reason, ambiguous: true, body };
      if (duplicates === "native-key" && isClosed) return RELEASED;
      return failed({ ...failure, waitsMs: LOOK_AGAIN_MS, ambiguous: true });
  }
}

interface Failure extends SettlementOptions {
  errorCode: string;
  reason: string;
}

/** The call itself failed: it waits and ages, and once it is too old it is given up. */
function failed(options: Failure & { waitsMs: number[]; askedMs?: number | undefined; ambiguous: boolean }): Settlement {
  const { claim, route, waitsMs, askedMs, errorCode, reason, ambiguous, body, random } = options;
  const { attempts, agedMs } = claim;
  const leftMs = route.maxAgeMs - agedMs;
  if (leftMs <= 0)
    return { kind: "dead", errorCode: "max_age", reason: `given up after ${hours(agedMs)} of tries: ${reason}`, ambiguous, body };
  const plannedMs = (waitsMs[Math.min(attempts, waitsMs.length - 1)] ?? HOUR) * (0.8 + 0.4 * random());
  return { kind: "waiting", dueInMs: Math.round(askedMs ?? Math.min(plannedMs, leftMs)), errorCode, reason, ambiguous, body };
}

/** The call waits without having failed: neither an attempt nor age is counted, and what it lacks is still added later. */
function limited({ claim, dueInMs, errorCode, reason, body }: Failure & { dueInMs: number }): Settlement {
  const { ambiguous, awaits } = claim;
  return {
    kind: "waiting",
    dueInMs: Math.round(dueInMs),
    errorCode,
    reason,
    ambiguous,
    paced: true,
    ...(awaits !== undefined && { awaits }),
    body,
  };
}

/**
 * The destination failed, not the call: the call stays where it was. Only what an earlier attempt may have left is kept in the ledger,
 * because the next attempt must look for it first.
 */
function untouched(failure: Failure, duplicates: Connector["duplicates"]): Settlement {
  if (!failure.claim.ambiguous || duplicates === "native-key") return RELEASED;
  return limited({ ...failure, dueInMs: LOOK_AGAIN_MS[0] ?? 0 });
}

/** A `when` or a mapping that fails on a call fails on it each time. */
function ofFault(error: unknown, body: Uint8Array): Settlement {
  if (error instanceof RouteFault) return { kind: "dead", errorCode: error.code, reason: error.message, body };
  const name = error instanceof Error ? error.name : "unknown";
  return { kind: "dead", errorCode: "mapping_fault", reason: `the mapping failed (${name})`, body };
}

function hours(ms: number): string {
  return ms >= HOUR ? `${Math.round(ms / HOUR)} h` : ms >= MINUTE ? `${Math.round(ms / MINUTE)} min` : `${Math.round(ms / SECOND)} s`;
}
