/**
 * The way of one call on one route, from the worker's hands to its end:
 * **match → claim → map → send → settle → ack.** House plan §3, steps 5–7.
 */
import type { Claim, ClaimAnswer, DueDelivery, Settlement } from "../ledger/ledger.ts";
import type { Clock } from "../lib/clock.ts";
import type { Semaphore } from "../lib/semaphore.ts";
import type { Taken } from "../log/log.ts";
import type { Call } from "../model/call.ts";
import { toHeaders } from "../model/envelope.ts";
import type { Route } from "../route.ts";
import { type Attempted, attempt, type ClaimedCall, settlementOfFault } from "./attempt.ts";
import type { Breaker, Permit } from "./breaker.ts";
import type { DeliveryEvent } from "./events.ts";
import type { LedgerBatches } from "./ledger-batches.ts";
import { persist } from "./persist.ts";
import { type ReadCall, readMessage } from "./read.ts";
import type { Sender } from "./sender.ts";

export interface TripOptions {
  route: Route;
  describe: Parameters<typeof readMessage>[0]["describe"];
  routesVersion: string;
  ledger: LedgerBatches;
  /** Extends one claim; `false` when it was lost. */
  renew(claimed: ClaimedCall): Promise<boolean>;
  leaseMs: number;
  sender: Sender;
  /** Of the destination. */
  breaker: Breaker;
  /** Attempts that may be under way at once. */
  slots: Semaphore;
  clock: Clock;
  onEvent(event: DeliveryEvent): void;
  onLedgerFailure(error: unknown): void;
  /** Aborted when a stop may wait no longer. */
  deadline: AbortSignal;
}

export interface Trips {
  /** A message from the log: ends with its `ack`, or with its `release` when the signal comes first. Never rejects. */
  fromLog(taken: Taken, signal: AbortSignal): Promise<void>;
  /** A waiting delivery whose time has come, claimed already. Never rejects. */
  fromLedger(due: DueDelivery, signal: AbortSignal): Promise<void>;
}

type Matched = { wanted: true; call: Call } | { wanted: false; reason: string } | { fault: unknown };

export function createTrips(options: TripOptions): Trips {
  const { route, describe, routesVersion, ledger, renew, leaseMs, sender, breaker, slots, clock, onEvent, onLedgerFailure, deadline } =
    options;
  /** A claim with less left than this is renewed before sending: it must outlive the attempt. */
  const leastLeaseMs = route.to.timeoutMs + 5_000;

  const ask = <T>(signal: AbortSignal, question: () => Promise<T>) => persist({ ask: question, signal, clock, onFailure: onLedgerFailure });

  function match(reading: ReadCall): Matched {
    if (!("call" in reading)) return { fault: reading.fault };
    try {
      const verdict = route.match(reading.call);
      return verdict.wanted ? { wanted: true, call: reading.call } : verdict;
    } catch (fault) {
      return { fault };
    }
  }

  /** Claims until there is an answer that is not `held`; `undefined` when the signal came first. */
  async function claim(reading: ReadCall, taken: Taken, signal: AbortSignal): Promise<Exclude<ClaimAnswer, { kind: "held" }> | undefined> {
    const { partition, offset } = taken.message;
    const { source, callId, hash, acceptedAt } = reading;
    while (!signal.aborted) {
      const answer = await ask(signal, () => ledger.claim({ route: route.id, source, callId, partition, offset, hash, acceptedAt }));
      if (answer?.kind !== "held") return answer;
      await clock.sleep(answer.retryAfterMs, signal);
    }
    return undefined;
  }

  async function settle(claim: Claim, reading: ReadCall, settlement: Settlement): Promise<boolean> {
    const { route: routeId, source, callId, claimId } = claim;
    const ours = await ask(deadline, () => ledger.settle({ route: routeId, source, callId, claimId, settlement, routesVersion }));
    if (ours) report(reading, settlement);
    return ours ?? false;
  }

  /** map → send → settle under a claim. `false`: it did not come to an end here (aborted before sending, or the claim was lost). */
  async function deliver(
    claimed: ClaimedCall,
    reading: ReadCall,
    options: { permit: Permit; claimedAtMs: number; signal: AbortSignal },
  ): Promise<boolean> {
    const { permit, claimedAtMs, signal } = options;
    const released = { settlement: { kind: "released" } as const, outcome: undefined };
    let attempted: Attempted = released;
    if (await slots.acquire(signal)) {
      try {
        const leaseLeftMs = claimedAtMs + leaseMs - clock.monotonicMs();
        if (leaseLeftMs < leastLeaseMs && !(await ask(deadline, () => renew(claimed)))) return false;
        if (permit.stands()) attempted = await attempt({ claimed, route, sender, clock });
      } finally {
        slots.release();
        permit.end(attempted.outcome);
      }
    }
    const settled = await settle(claimed.claim, reading, attempted.settlement);
    return settled && attempted.settlement.kind !== "released";
  }

  function report(reading: ReadCall, settlement: Settlement): void {
    const who = { route: route.id, source: reading.source, callId: reading.callId };
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

  async function skip(reading: ReadCall, taken: Taken, reason: string, signal: AbortSignal): Promise<void> {
    const { partition, offset } = taken.message;
    const { source, callId, hash, acceptedAt } = reading;
    while (!signal.aborted) {
      const answer = await ask(signal, () =>
        ledger.skip({ route: route.id, source, callId, partition, offset, hash, acceptedAt, reason, routesVersion }),
      );
      if (answer === "done") {
        report(reading, { kind: "skipped", reason });
        return taken.ack();
      }
      await clock.sleep(200, signal);
    }
    taken.release();
  }

  return {
    async fromLog(taken, signal) {
      const reading = readMessage({ message: taken.message, describe });
      const body = taken.message.value;
      const verdict = match(reading);
      if (!("fault" in verdict) && !verdict.wanted) return skip(reading, taken, verdict.reason, signal);

      for (;;) {
        // Before the claim: an outage may last longer than a lease.
        const permit = await breaker.pass({ key: taken.message.key, signal });
        if (!permit) return taken.release();
        try {
          const claimedAtMs = clock.monotonicMs();
          const answer = await claim(reading, taken, signal);
          if (!answer) return taken.release();
          if (answer.kind === "done") return taken.ack();
          const ended =
            "fault" in verdict
              ? await settle(answer.claim, reading, settlementOfFault(verdict.fault, body))
              : await deliver({ claim: answer.claim, call: verdict.call, body }, reading, { permit, claimedAtMs, signal });
          if (ended) return taken.ack();
        } finally {
          permit.end(undefined);
        }
        if (signal.aborted || deadline.aborted) return taken.release();
      }
    },

    async fromLedger(due, signal) {
      const { source, callId, acceptedAt, body } = due;
      const reading = readMessage({
        message: { key: `${source}/${callId}`, value: body, headers: toHeaders({ source, acceptedAt, requestId: "" }) },
        describe,
      });
      const verdict = match(reading);
      if ("fault" in verdict) await settle(due, reading, settlementOfFault(verdict.fault, body));
      else if (!verdict.wanted) await settle(due, reading, { kind: "skipped", reason: verdict.reason });
      else {
        const claimedAtMs = clock.monotonicMs();
        const permit = await breaker.pass({ key: `${source}/${callId}`, signal });
        if (permit) await deliver({ claim: due, call: verdict.call, body }, reading, { permit, claimedAtMs, signal });
        else await settle(due, reading, { kind: "released" });
        permit?.end(undefined);
      }
    },
  };
}
