/**
 * What people do with single deliveries: dead letters, replays, proofs, forgetting. The ledger's contract beside `ledger.ts`.
 * Every change names the state it starts from, so that two people doing the same at once do it once.
 */
import type { DeliveryKey, DeliveryRow, DeliveryState, LogPosition } from "./ledger.ts";
import type { RecordPlace } from "./record-order.ts";

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

/** A past call to be put on a route again. */
export interface ReplayItem extends DeliveryKey, LogPosition {
  hash: string;
  acceptedAt: number;
  body: Uint8Array;
}

/**
 * What became of a {@link ReplayItem}: `queued` it waits for its turn; `delivered` it was delivered with this or a newer content and not
 * sent again; `newer` the ledger knows a newer record of the call; `open` it waits or is under way already.
 */
export type ReplayAnswer = "queued" | "delivered" | "newer" | "open" | "skipped" | "dead";

export interface ReplayJob {
  id: string;
  /** What was asked for, and how far it has come; the shape is `src/repair`'s. */
  spec: string;
  updatedAt: number;
}

/** What a proof needs to know of a row. */
export interface RowProof extends DeliveryKey, RecordPlace {
  state: DeliveryState;
  /** {@link Ledger.fingerprint} of its content, or `skipped`, `forgotten`. */
  hash: string;
  /** Of the call's earlier versions: see `isOneOf` in `conflicts.ts`. */
  earlier: string[];
  hasBody: boolean;
  /** Of the claim, if one is held. */
  claimLeftMs: number | undefined;
}

export interface RepairLedger {
  dead(options: { filter: DeadFilter; limit: number }): Promise<DeliveryRow[]>;
  /** The raw record of a waiting or dead delivery. */
  body(key: DeliveryKey): Promise<Uint8Array | undefined>;
  /** Dead letters that still have their body wait again, `everyMs` apart; as many as were changed. */
  replayDead(options: { keys: DeliveryKey[]; everyMs: number; routesVersion: string }): Promise<number>;
  /** Dead letters become skipped (what was delivered once stays delivered), the reason beside them, their bodies gone. */
  discardDead(options: { keys: DeliveryKey[]; reason: string }): Promise<number>;
  /** Puts past calls on a route; `only`: rows in another state are left alone; `again`: what was delivered is sent again. */
  enqueue(options: { items: ReplayItem[]; dueInMs: number; only: "all" | "failed"; again: boolean }): Promise<ReplayAnswer[]>;
  /** How many queued by a replay still wait or are under way on the route. */
  replaying(route: string): Promise<number>;
  saveReplay(job: { id: string; spec: string }): Promise<void>;
  replay(id: string): Promise<ReplayJob | undefined>;
  replays(): Promise<ReplayJob[]>;

  proofs(options: { route: string; keys: { source: string; callId: string }[] }): Promise<RowProof[]>;
  /** Routes that have rows or a start, whether or not they are in the file. */
  knownRoutes(): Promise<string[]>;
  /** Rows, positions and starts go over to the new id; the old one is gone then. `false` when there was nothing of the old one. */
  renameRoute(options: { from: string; to: string }): Promise<boolean>;
  /** Everything of the route is removed, its dead letters too; as many rows as were removed. */
  retireRoute(options: { route: string; by: string }): Promise<number>;

  /** Removes receipts, reasons and bodies of a call's rows, and remembers the hash so that nothing brings it back. */
  forget(options: { source: string; callId: string; hash: string }): Promise<number>;
  /** Bodies of dead letters, and whole rows that ended, older than this go; as many of each. Spans in ms. */
  expire(options: { deadBodyMs: number; rowMs: number }): Promise<{ bodies: number; rows: number }>;
}
