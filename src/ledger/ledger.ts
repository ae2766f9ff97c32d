/**
 * The ledger: the durable memory of deliveries, and how processes know of each other.
 * Two engines keep this contract, `src/ledger/sqlite` and `src/ledger/postgres`; `test/contracts/ledger.contract.ts` is its suite.
 *
 * Rules every engine keeps:
 * - A delivery is one row per (route, source, call_id). Who may attempt it is decided by one statement per batch.
 * - All spans are counted on the database's clock; callers pass durations, never points in time of their own.
 * - What a call says (numbers, transcript, summary) stands in `body` only, and `body` only while waiting or dead.
 * - A method that resolves has been durable since.
 */

import type { StoreFile } from "../lib/sqlite/copy.ts";
import type { UnknownSeen } from "../model/unknown-calls.ts";
import type { ControlLedger } from "./controls.ts";
import type { ReceiptLedger } from "./receipts.ts";
import type { RepairLedger } from "./repairs.ts";

export type DeliveryState = "sending" | "delivered" | "skipped" | "waiting" | "dead";

export interface DeliveryKey {
  route: string;
  source: string;
  callId: string;
}

export interface LogPosition {
  partition: number;
  offset: number;
}

/**
 * What the destination gave back. `extra` is the connector's own (a Slack channel, which notes were written).
 * It is kept for long: a person's name may stand in `person`, a number, summary or transcript nowhere.
 */
export interface Receipt {
  id: string;
  url?: string;
  /** Whom the call is logged on. */
  person?: Person;
  /** How many people had the number, where the destination was asked: 0 and several are listed by `deliveries --unmatched` until somebody decides. */
  found?: number;
  extra?: Record<string, string>;
}

/** A person of a CRM. */
export interface Person {
  id: string;
  /** `contact`, `lead`, `account`, as the CRM calls it, in small letters. */
  kind: string;
  name?: string;
  /** Email address of who owns the record. */
  owner?: string;
  url?: string;
}

export interface ClaimRequest extends DeliveryKey, LogPosition {
  /** Of the canonical call, before share and mapping. */
  hash: string;
  /** When the ingress accepted the call, Unix ms. */
  acceptedAt: number;
}

/** What is known of a delivery when it is claimed. */
export interface Claim extends DeliveryKey {
  claimId: string;
  /** An earlier attempt's end is unknown: its claim ran out, or it was settled as waiting with `ambiguous`. */
  ambiguous: boolean;
  /** Attempts at this record that ended in `retry` or `ambiguous`; a newer record begins at 0. */
  attempts: number;
  /** Of the earlier delivered version of this call, if any. */
  receipt: Receipt | undefined;
  /** Fields of the Call that have ever been sent; they are never blanked. */
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
 * `record-order.ts`. `earlier`: newer by that rule, with the content of an earlier version of the call, which somebody sends a second time.
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
 * `done`: nothing to send, acknowledge it; `returned` as well, and the row says that it came. `held`: ask again after `retryAfterMs`.
 * A claim of a newer record drops the row's body: the newer record is in the log, not acknowledged, and comes again if we die.
 */
export type ClaimAnswer =
  | { kind: "claimed"; claim: Claim }
  | { kind: "done"; state: DeliveryState }
  | { kind: "returned"; state: DeliveryState }
  | { kind: "held"; retryAfterMs: number };

/** A waiting delivery whose time has come, claimed. */
export interface DueDelivery extends Claim, LogPosition {
  hash: string;
  acceptedAt: number;
  /** The raw record, as it stood in the log. */
  body: Uint8Array;
}

/**
 * How a claimed attempt ended. `released`: nothing was attempted; a claim from the log leaves the row `sending` without a claim
 * (the message comes again), a claim of a due row makes it `waiting` again, due at once, with the error that it had.
 * `skipped`: a delivered row stays delivered, with the reason beside it, and the next record of the call is judged anew, whatever it holds.
 * `ambiguous` is kept with a dead letter too: a replay looks before it sends.
 * `paced`: the wait is for a place at a limiter, no failure: neither an attempt nor age is counted.
 * `awaits`: of a waiting one, it waits for the receipt of that route's delivery of the call, no failure either; of a delivered one, it went
 * without that receipt, and {@link ReceiptLedger.awaiting} finds it.
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

export type SkipAnswer = "done" | "held" | "returned";

/** A row as commands show it; no body. */
export interface DeliveryRow extends DeliveryKey, LogPosition {
  state: DeliveryState;
  attempts: number;
  acceptedAt: number;
  updatedAt: number;
  dueAt: number | undefined;
  errorCode: string | undefined;
  /** Last error, or why it was skipped. */
  reason: string | undefined;
  receipt: Receipt | undefined;
  /** It waits for that route's receipt, or was delivered without it. */
  awaits: string | undefined;
  claimedBy: string | undefined;
  routesVersion: string | undefined;
  /** How often an earlier version of the call came again and was left out, and when last, Unix ms. */
  returned: number;
  returnedAt: number | undefined;
}

export interface RouteCounts {
  route: string;
  delivered: number;
  skipped: number;
  waiting: number;
  dead: number;
  sending: number;
  /** The earliest due time of a waiting row, Unix ms. */
  nextDueAt: number | undefined;
}

export interface RouteWorkerState {
  route: string;
  partitions: number[];
  inFlight: number;
  oldestOpenAt: number | undefined;
  /** Why it does not progress, if it does not: `standby`, `ledger away`, … */
  cause: string | undefined;
  /** Deliveries that reached an end (delivered, skipped, dead) per second, over the last ten seconds. */
  endedPerSecond: number;
}

export interface WorkerHeartbeat {
  /** Unique per process start: `<host>-<pid>-<random>`. */
  worker: string;
  host: string;
  pid: number;
  startedAt: number;
  routesVersion: string;
  /** What is wrong with the routes file as it is now, if this process goes on with an earlier one. */
  routesProblem?: string | undefined;
  /** Calls that the routes file says too little of. */
  unknown?: UnknownSeen | undefined;
  routes: RouteWorkerState[];
}

export interface WorkerRow extends WorkerHeartbeat {
  /** Of the last heartbeat, by the database's clock. */
  ageMs: number;
}

export interface Ledger extends ControlLedger, RepairLedger, ReceiptLedger {
  /** For people, without credentials. */
  readonly name: string;
  readonly engine: "sqlite" | "postgres";
  /** Absent where the ledger is no file. */
  readonly file?: StoreFile;

  /** One statement for the whole batch; an answer per item, in order. A batch never holds one delivery twice. */
  claim(options: { worker: string; leaseMs: number; items: ClaimRequest[] }): Promise<ClaimAnswer[]>;
  /** Claims waiting deliveries of a route whose time has come, oldest due first. Expired claims of due rows come back as ambiguous. */
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
  /** What stands in a row's `hash` for this content hash: a keyed one, which does not give away a number by trying. */
  fingerprint(hash: string): string;
  /** Milliseconds until the route's next due row, 0 if one is due, undefined if none waits. */
  nextDueInMs(route: string): Promise<number | undefined>;

  /** The positions where a route begins; the first writer wins and everyone gets what it wrote. */
  routeStart(options: { route: string; resolve: () => Promise<LogPosition[]> }): Promise<LogPosition[]>;
  routeStarts(): Promise<Map<string, LogPosition[]>>;
  /** Copies of the log's committed positions, so that expired group offsets are not the end of them. Never moves one back. */
  mirrorPositions(options: { route: string; positions: LogPosition[] }): Promise<void>;
  mirroredPositions(route: string): Promise<LogPosition[]>;

  /** Newest first. `unmatched`: only delivered ones whose receipt says that nobody or several people were found. */
  deliveries(options: {
    callId?: string;
    route?: string;
    state?: DeliveryState;
    unmatched?: boolean;
    limit: number;
  }): Promise<DeliveryRow[]>;
  counts(): Promise<RouteCounts[]>;

  /**
   * Ties this ledger to one log: the first identity wins, and is returned. Positions of another log mean nothing here.
   * `earlier`: names that the same log had; a ledger bound to one of them is bound to the new one.
   */
  bindLog(options: { identity: string; earlier?: string[] }): Promise<string>;
  /** The log that it is tied to; undefined when it has met none. */
  boundLog(): Promise<string | undefined>;
  /**
   * From now on this ledger belongs to that log, or to that log as it is now. Routes begin at `from`, whatever they had reached; rows stay,
   * so that what was delivered is known. Noted as an action.
   */
  adoptLog(options: { identity: string; from: LogPosition[]; by: string }): Promise<void>;
  /** The log has at least these ends: offsets below them were read. Never moves one back. */
  noteSeen(ends: LogPosition[]): Promise<void>;
  /** What {@link noteSeen} and the mirrored positions say: by partition the end that the log had at least. */
  seen(): Promise<LogPosition[]>;

  heartbeat(state: WorkerHeartbeat): Promise<void>;
  /** A worker that ends says so, instead of going stale. */
  goodbye(worker: string): Promise<void>;
  workers(): Promise<WorkerRow[]>;

  /** @throws {UnreachableError} */
  check(): Promise<void>;
  close(): Promise<void>;
}
