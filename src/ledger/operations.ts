/**
 * What people do with single deliveries: dead letters, replays, forgetting, retention.
 * Every change names the state it starts from, so that two people who do the same at once do it once.
 */
import type { NewAction } from "./actions.ts";
import type { DeliveryKey, LogPosition } from "./types.ts";
import type { DeliveryRow } from "./views.ts";

/** Which dead letters: all conditions together. */
export interface DeadFilter {
  route?: string;
  source?: string;
  callId?: string;
  errorCode?: string;
  /** Died at or after, and before; Unix ms. */
  since?: number;
  until?: number;
}

export interface DeadLetterLedger {
  dead(options: { filter: DeadFilter; limit: number }): Promise<DeliveryRow[]>;
  /** The raw record of a waiting or dead delivery. */
  body(key: DeliveryKey): Promise<Uint8Array | undefined>;
  /**
   * Dead letters that still have their body wait again, `everyMs` apart; as many as were changed. With `by`, an action of each route is recorded
   * in the same transaction.
   */
  replayDead(options: { keys: DeliveryKey[]; everyMs: number; routesVersion: string; by?: string }): Promise<number>;
  /**
   * Dead letters become skipped (what was once delivered stays delivered), the reason beside them, their bodies gone; as many as were changed.
   * With `by`, an action of each route is recorded in the same transaction.
   */
  discardDead(options: { keys: DeliveryKey[]; reason: string; by?: string }): Promise<number>;
}

/** A past call to be put on a route again. */
export interface ReplayItem extends DeliveryKey, LogPosition {
  hash: string;
  acceptedAt: number;
  body: Uint8Array;
}

/**
 * What became of a {@link ReplayItem}: `queued` it waits for its turn; `delivered` it was delivered with this or a newer content and is not
 * sent again; `newer` the ledger knows a newer record of the call; `open` it waits or is under way already.
 */
export type ReplayAnswer = "queued" | "delivered" | "newer" | "open" | "skipped" | "dead";

export interface ReplayJob {
  id: string;
  /** What was asked for, and how far it has come; the shape is that of `src/operations/replay.ts`. */
  spec: string;
  updatedAt: number;
}

export interface ReplayLedger {
  /**
   * Puts past calls on a route, but none that was forgotten; `only`: rows in another state are left alone; `again`: what was delivered is sent
   * again.
   */
  enqueue(options: { items: ReplayItem[]; dueInMs: number; only: "all" | "failed"; again: boolean }): Promise<ReplayAnswer[]>;
  /** How many queued by a replay still wait or are under way on the route. */
  replaying(route: string): Promise<number>;
  /** `action` is recorded in the same transaction. */
  saveReplay(job: { id: string; spec: string; action?: NewAction }): Promise<void>;
  replay(id: string): Promise<ReplayJob | undefined>;
  replays(): Promise<ReplayJob[]>;
}

export interface ErasureLedger {
  /** The records that are kept of waiting and dead deliveries, one page in the order of their keys, behind `after`. */
  bodies(options: { after?: DeliveryKey | undefined; limit: number }): Promise<(DeliveryKey & { body: Uint8Array })[]>;
  /** Every delivery's key, one page in their order, behind `after`. */
  keys(options: { after?: DeliveryKey | undefined; limit: number }): Promise<DeliveryKey[]>;
  /** From now on no version of the call is claimed ({@link forget} does it too); its rows stay as they are. */
  forbid(hash: string): Promise<void>;
  /** Those of the hashes that are of forgotten calls or records. */
  forgottenAmong(hashes: string[]): Promise<Set<string>>;
  /**
   * Removes receipts, reasons and bodies of a call's rows, and keeps the hash so that no version of it is delivered. `keepReceipts`: routes whose
   * record at the destination is still there, to be deleted by a later forget. With `by`, the action is recorded in the same transaction.
   */
  forget(options: { source: string; callId: string; hash: string; keepReceipts?: string[]; by?: string }): Promise<number>;
  /** Bodies of dead letters, and whole rows that ended, older than this are removed; as many of each. Spans in ms. */
  expire(options: { deadBodyMs: number; rowMs: number }): Promise<{ bodies: number; rows: number }>;
  /** As the log's: what {@link forget} and {@link expire} removed is not in the bytes of its files any more; sentences about what may stay. */
  scrub?(options: { pack: boolean; keepCopiesMs?: number }): Promise<string[]>;
}
