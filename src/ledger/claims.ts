/** Who attempts a delivery, and how an attempt ends: the part of the ledger that each worker uses for each call. */
import type { Receipt } from "../model/receipt.ts";
import type { DeliveryKey, DeliveryState, LogPosition } from "./types.ts";

export interface ClaimRequest extends DeliveryKey, LogPosition {
  /** Of the canonical call, before share and mapping. */
  hash: string;
  /** When the ingress accepted the call, Unix ms. */
  acceptedAt: number;
}

/** What is known of a delivery when it is claimed. */
export interface Claim extends DeliveryKey {
  claimId: string;
  /** The end of an earlier attempt is unknown: its claim ran out, or it was settled as waiting with `ambiguous`. */
  ambiguous: boolean;
  /** Attempts at this record that ended in `retry` or `ambiguous`; a newer record begins at 0. */
  attempts: number;
  /** Of the earlier delivered version of this call, if any. */
  receipt: Receipt | undefined;
  /** Fields of the Call that were sent in any version; they are never blanked. */
  sentFields: string[];
  /** What it has waited for because of its own failures, ms: the clock of `max_age`. A newer record begins at 0. */
  agedMs: number;
  /** It waited for its place at a limiter, and this is it. */
  paced: boolean;
  /** It waits in the ledger for this route's receipt, and has looked before. */
  awaits: string | undefined;
  /** A person put it on the route again. */
  replay: boolean;
}

/**
 * The answer to one {@link ClaimRequest}, by what the row says. `older`: the request's record is not newer than the row's, by the one rule of
 * `record-order.ts`. `earlier`: newer by that rule, with the content of an earlier version of the call, which arrives a second time.
 *
 * | row | older | newer, same hash | newer, other hash | earlier |
 * |---|---|---|---|---|
 * | none | – | – | claimed | – |
 * | sending, claim still good | held | held | held | returned |
 * | sending, claim ran out | done when strictly older, else claimed, ambiguous | claimed, ambiguous | claimed, ambiguous | returned |
 * | sending, released | done when strictly older, else claimed | claimed | claimed | returned |
 * | delivered, waiting, dead | done | done | claimed | returned |
 * | skipped | done | claimed | claimed | returned |
 *
 * `done`: nothing to send, acknowledge it. `returned`: the same, and the row counts it. `held`: ask again after `retryAfterMs`.
 * `forgotten`, whatever the row says: the call was forgotten on request; nothing was changed, and a skip of the record ends it.
 * A claim of a newer record drops the row's body: the newer record is in the log, is not acknowledged, and is read again after a crash.
 */
export type ClaimAnswer =
  | { kind: "claimed"; claim: Claim }
  | { kind: "done"; state: DeliveryState }
  | { kind: "returned"; state: DeliveryState }
  | { kind: "held"; retryAfterMs: number }
  | { kind: "forgotten" };

/** A waiting delivery that is due, claimed. */
export interface DueDelivery extends Claim, LogPosition {
  hash: string;
  acceptedAt: number;
  /** The raw record, as it stood in the log. */
  body: Uint8Array;
  /** The call was forgotten on request since it was put to wait: it is to be settled as skipped. */
  forgotten?: true;
}

/**
 * How a claimed attempt ended. `released`: nothing was attempted; a claim from the log leaves the row `sending` without a claim (the message is
 * read again), a claim of a due row makes it `waiting` again, due at once, with the error that it had.
 * `skipped`: a delivered row stays delivered, with the reason beside it, and the next record of the call is matched again, whatever it holds.
 * `ambiguous` is kept with a dead letter too: a replay looks before it sends.
 * `paced`: the wait is for a place at a limiter, which is no failure: neither an attempt nor age is counted.
 * `awaits`: of a waiting one, it waits for the receipt of that route's delivery of the call, which is no failure either; of a delivered one, it
 * was sent without that receipt, and {@link ReceiptLedger.awaiting} finds it.
 */
export type Settlement =
  | { kind: "delivered"; receipt: Receipt; sentFields: string[]; awaits?: string | undefined }
  | { kind: "skipped"; reason: string }
  | {
      kind: "waiting";
      dueInMs: number;
      errorCode: string;
      reason: string;
      ambiguous?: boolean;
      paced?: boolean;
      awaits?: string;
      body: Uint8Array;
    }
  | { kind: "dead"; errorCode: string; reason: string; ambiguous?: boolean; body: Uint8Array }
  | { kind: "released" };

export interface SettleRequest extends DeliveryKey {
  claimId: string;
  settlement: Settlement;
  /** The version (hash) of routes.yaml that decided. */
  routesVersion: string;
}

export interface SkipRequest extends DeliveryKey, LogPosition {
  hash: string;
  acceptedAt: number;
  reason: string;
  routesVersion: string;
}

/** `forgotten`: as `done`, with {@link FORGOTTEN_REASON} as the reason and nothing of the content in the row; the record must leave the log too. */
export type SkipAnswer = "done" | "held" | "returned" | "forgotten";

export interface ClaimLedger {
  /** One statement for the whole batch; an answer per item, in order. A batch never holds one delivery twice. */
  claim(options: { worker: string; leaseMs: number; items: ClaimRequest[] }): Promise<ClaimAnswer[]>;
  /** Claims waiting deliveries of a route that are due, oldest due first. Expired claims of due rows come back as ambiguous. */
  claimDue(options: { route: string; worker: string; leaseMs: number; max: number }): Promise<DueDelivery[]>;
  /** Extends claims that are still ours; `false` where one was lost. */
  renew(options: { leaseMs: number; claims: { key: DeliveryKey; claimId: string }[] }): Promise<boolean[]>;
  /** `false` where the claim was no longer ours: nothing was written then. */
  settle(items: SettleRequest[]): Promise<boolean[]>;
  /**
   * Rows for calls that a route does not want. `held` when an attempt at an older record is under way, `returned` as of a claim.
   * A delivered row stays delivered, with the reason beside it; a waiting or dead one becomes skipped, its body gone.
   */
  skip(items: SkipRequest[]): Promise<SkipAnswer[]>;
  /** Milliseconds until the route's next due row, 0 if one is due, undefined if none waits. */
  nextDueInMs(route: string): Promise<number | undefined>;
}
