/**
 * The way of one call on one route, from the worker's hands to its end:
 * **match → claim → map → send → settle → ack.** House plan §3, steps 5–7.
 */
import type { Claim, ClaimAnswer, DueDelivery, Settlement } from "../../ledger/ledger.ts";
import type { RecordPlace } from "../../ledger/record-order.ts";
import type { Semaphore } from "../../lib/async/semaphore.ts";
import type { Clock } from "../../lib/time/clock.ts";
import type { Message, Taken } from "../../log/log.ts";
import { toHeaders } from "../../model/envelope.ts";
import type { Routes } from "../../route.ts";
import type { Permit } from "../limits/circuit-breaker.ts";
import type { RateLimiter } from "../limits/rate-limiter.ts";
import { settlementOfFault } from "./attempt.ts";
import type { DeliveryEvent } from "./events.ts";
import type { Lease, Leases } from "./leases.ts";
import type { LedgerBatches } from "./ledger-batches.ts";
import { type MatchResult, matchRoute, type RouteOverrides } from "./match-route.ts";
import type { ParsedCall } from "./parse-message.ts";
import { retryUntilAnswered } from "./retry-until-answered.ts";
import { type RouteRuntime, sendWithRetries } from "./send-with-retries.ts";

export interface ProcessOptions {
  /** How the route delivers now; another after an edit of routes.yaml. */
  currentRoute(): RouteRuntime & Pick<Routes, "describe">;
  decisions(): RouteOverrides;
  ledger: LedgerBatches;
  leases: Leases;
  /** Attempts that may be under way at once. */
  slots: Semaphore;
  pacer: RateLimiter;
  clock: Clock;
  /** Asked about each rejection before it becomes a dead letter; `false`: the route has stopped over them, and this one stays where it was. */
  mayReject(code: string | undefined): boolean;
  /** The destination has said that it is gone for good. */
  onGone(reason: string): void;
  /** A version of a forgotten call came: it is skipped, and must not lie in the log either. */
  onForgotten(message: Message): void;
  onEvent(event: DeliveryEvent): void;
  onLedgerFailure(error: unknown): void;
  /** Aborted when a stop may wait no longer. */
  deadline: AbortSignal;
}

export interface DeliveryProcessor {
  /** A message from the log: ends with its `ack`, or with its `release` when the signal comes first. Never rejects. */
  processMessage(taken: Taken, signal: AbortSignal): Promise<void>;
  /** A waiting delivery whose time has come, claimed already. Never rejects. */
  processDue(due: DueDelivery, options: { claimedAtMs: number; signal: AbortSignal }): Promise<void>;
}

type Answered = Exclude<ClaimAnswer, { kind: "held" }>;
const HELD_ASK_AGAIN_MS = 200;
const RETURNED = "an earlier version of the call came again";

export function createDeliveryProcessor(options: ProcessOptions): DeliveryProcessor {
  const {
    currentRoute,
    decisions,
    ledger,
    leases,
    slots,
    pacer,
    clock,
    mayReject,
    onGone,
    onForgotten,
    onEvent,
    onLedgerFailure,
    deadline,
  } = options;

  const ask = <T>(signal: AbortSignal, question: () => Promise<T>) =>
    retryUntilAnswered({ ask: question, signal, clock, onFailure: onLedgerFailure });

  /** Claims until there is an answer that is not `held`; `undefined` when the signal came first. */
  async function claim(route: string, reading: ParsedCall, taken: Taken, signal: AbortSignal): Promise<Answered | undefined> {
    const { partition, offset } = taken.message;
    const { source, callId, hash, acceptedAt } = reading;
    while (!signal.aborted) {
      const answer = await ask(signal, () => ledger.claim({ route, source, callId, partition, offset, hash, acceptedAt }));
      if (answer?.kind !== "held") return answer;
      await clock.sleep(answer.retryAfterMs, signal);
    }
    return undefined;
  }

  /** `true`: the delivery came to an end (or waits) and this process wrote it. */
  async function settle(claim: Claim, reading: ParsedCall, wanted: Settlement, routesVersion: string): Promise<boolean> {
    const { route, source, callId, claimId } = claim;
    const settlement = afterGuard(wanted, claim);
    const ours = await ask(deadline, () => ledger.settle({ route, source, callId, claimId, settlement, routesVersion }));
    if (ours) report(route, reading, settlement);
    return (ours ?? false) && settlement.kind !== "released";
  }

  function afterGuard(settlement: Settlement, claim: Claim): Settlement {
    if (claim.replay) return settlement;
    if (settlement.kind === "delivered") mayReject(undefined);
    if (settlement.kind !== "dead" || NOT_THE_ROUTES_FAULT.has(settlement.errorCode)) return settlement;
    return mayReject(settlement.errorCode) ? settlement : { kind: "released" };
  }

  function report(route: string, reading: ParsedCall, settlement: Settlement): void {
    const who = { route, source: reading.source, callId: reading.callId };
    const { kind } = settlement;
    if (kind === "delivered") {
      const { receipt } = settlement;
      onEvent({ ...who, kind, receipt, tookMs: clock.nowMs() - reading.acceptedAt });
    } else if (kind === "skipped") {
      onEvent({ ...who, kind, reason: settlement.reason });
    } else if (kind === "waiting") {
      const { dueInMs, errorCode, reason } = settlement;
      onEvent({ ...who, kind, dueInMs, errorCode, reason });
    } else if (kind === "dead") {
      onEvent({ ...who, kind, errorCode: settlement.errorCode, reason: settlement.reason });
    }
  }

  async function skip(route: string, judged: MatchResult & { wanted: false }, taken: Taken, signal: AbortSignal): Promise<void> {
    const { partition, offset } = taken.message;
    const { source, callId, acceptedAt } = judged.reading;
    // Of a forgotten call not even which version came: the row goes on with each, and the audit needs no content.
    const hash = judged.forgotten ? "forgotten" : judged.reading.hash;
    const { routesVersion } = currentRoute();
    if (judged.forgotten) onForgotten(taken.message);
    while (!signal.aborted) {
      const answer = await ask(signal, () =>
        ledger.skip({ route, source, callId, partition, offset, hash, acceptedAt, reason: judged.reason, routesVersion }),
      );
      if (answer === "done" || answer === "returned") {
        report(route, judged.reading, { kind: "skipped", reason: answer === "returned" ? RETURNED : judged.reason });
        return taken.ack();
      }
      await clock.sleep(HELD_ASK_AGAIN_MS, signal);
    }
    taken.release();
  }

  /** Under a claim, which ends here: `true` when the delivery came to an end or waits. */
  async function carry(options: {
    claim: Claim;
    claimedAtMs: number;
    judged: MatchResult;
    body: Uint8Array;
    place: RecordPlace;
    permit: Permit;
    key: string;
    signal: AbortSignal;
  }) {
    const { claim, claimedAtMs, judged, body, place, permit, key, signal } = options;
    const now = currentRoute();
    const lease: Lease = leases.hold({ claim, claimedAtMs });
    try {
      const settlement = await settlementNow();
      return await settle(claim, judged.reading, settlement, now.routesVersion);
    } finally {
      lease.release();
    }

    async function settlementNow(): Promise<Settlement> {
      if (judged.wanted === "fault") return settlementOfFault(judged.fault, body);
      if (!judged.wanted) return { kind: "skipped", reason: judged.reason };
      return sendWithRetries({
        runtime: now,
        claimed: { claim, call: judged.call, body, place },
        key,
        permit,
        lease,
        slots,
        pacer,
        clock,
        signal,
        ask: (wanted) => ask(signal, async () => ({ outcome: await ledger.outcome(wanted) })),
        onGone,
      });
    }
  }

  return {
    async processMessage(taken, signal) {
      const { message } = taken;
      for (;;) {
        const { route, describe, gate } = currentRoute();
        const decided = decisions();
        const judged = matchRoute({ message, describe, route, decisions: decided, replay: false });
        if (judged.wanted === false) return skip(route.id, judged, taken, signal);
        // Before the claim: an outage may last longer than a lease.
        const permit = await gate.pass({ key: message.key, signal });
        if (!permit) return taken.release();
        try {
          // The file was edited, or somebody decided something, while it waited.
          if (currentRoute().route !== route || decisions() !== decided) continue;
          const claimedAtMs = clock.monotonicMs();
          const answer = await claim(route.id, judged.reading, taken, signal);
          if (!answer) return taken.release();
          if (answer.kind === "returned") report(route.id, judged.reading, { kind: "skipped", reason: RETURNED });
          if (answer.kind !== "claimed") return taken.ack();
          const { key, value: body, partition, offset } = message;
          const place = { partition, offset, acceptedAt: judged.reading.acceptedAt };
          const ended = await carry({ claim: answer.claim, claimedAtMs, judged, body, place, permit, key, signal });
          if (ended) return taken.ack();
        } finally {
          permit.end(undefined);
        }
        if (signal.aborted || deadline.aborted) return taken.release();
      }
    },

    async processDue(due, { claimedAtMs, signal }) {
      const { source, callId, acceptedAt, body, partition, offset, replay } = due;
      const place = { partition, offset, acceptedAt };
      const key = `${source}/${callId}`;
      const { route, describe, routesVersion, gate } = currentRoute();
      const message = { key, value: body, headers: toHeaders({ source, acceptedAt, requestId: "" }) };
      const judged = matchRoute({ message, describe, route, decisions: decisions(), replay });
      // It shut since the row was claimed: an outage may last longer than a lease.
      const permit = gate.room() > 0 ? await gate.pass({ key, signal }) : undefined;
      if (permit) await carry({ claim: due, claimedAtMs, judged, body, place, permit, key, signal });
      else await settle(due, judged.reading, { kind: "released" }, routesVersion);
      permit?.end(undefined);
    },
  };
}

/** Ends that say nothing about the route's settings. */
const NOT_THE_ROUTES_FAULT = new Set(["filter_fault", "ambiguous", "max_age"]);
