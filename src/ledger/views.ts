/** What commands and reports read of deliveries; nothing here changes a row. */
import type { Receipt } from "../model/receipt.ts";
import type { RecordPlace } from "./record-order.ts";
import type { DeliveryKey, DeliveryState, LogPosition } from "./types.ts";

/** A row without its body. */
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
  /** How often an earlier version of the call arrived again and was left out, and when last, Unix ms. */
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

/** What an audit needs to know of a row. */
export interface RowProof extends DeliveryKey, RecordPlace {
  state: DeliveryState;
  /** {@link ViewLedger.fingerprint} of its content, or `skipped`, `forgotten`. */
  hash: string;
  /** The call's earlier versions: `isOneOf` of `versions.ts` finds a fingerprint among them. */
  earlier: string[];
  hasBody: boolean;
  /** Of the claim, if one is held. */
  claimLeftMs: number | undefined;
}

export interface ViewLedger {
  /** Newest first. `unmatched`: only delivered ones whose receipt says that nobody or several people were found. */
  deliveries(options: {
    callId?: string;
    route?: string;
    state?: DeliveryState;
    unmatched?: boolean;
    limit: number;
  }): Promise<DeliveryRow[]>;
  counts(): Promise<RouteCounts[]>;
  proofs(options: { route: string; keys: { source: string; callId: string }[] }): Promise<RowProof[]>;
  /** What stands in a row's `hash` for this content hash: a keyed one, from which a number in the call cannot be found by trying. */
  fingerprint(hash: string): string;
}
