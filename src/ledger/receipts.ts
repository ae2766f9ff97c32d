/** What routes and people do with receipts of deliveries that ended. */
import type { Receipt } from "../model/receipt.ts";
import type { NewAction } from "./actions.ts";
import type { RecordPlace } from "./record-order.ts";
import type { DeliveryKey, DeliveryState } from "./types.ts";

/** How far a delivery has come, as another route that waits for it sees it. */
export interface DeliveryOutcome {
  state: DeliveryState;
  /** Of the record that the state speaks of. */
  place: RecordPlace;
  /** Of the newest version that was delivered, whatever becomes of a later one. */
  receipt: Receipt | undefined;
}

/** A delivered row that was sent without the receipt of another route's delivery of the same call. */
export interface AwaitingDelivery extends DeliveryKey, RecordPlace {
  /** What the other route has made of the call since; undefined: it has not come to it. */
  other: DeliveryOutcome | undefined;
}

export interface ReceiptLedger {
  /** An answer per key, in order; undefined where there is no row. */
  outcomes(keys: DeliveryKey[]): Promise<(DeliveryOutcome | undefined)[]>;
  /** One page of the route's delivered rows that were sent without `after`, in the order of (source, call_id), behind `from`. */
  awaiting(options: {
    route: string;
    after: string;
    limit: number;
    from?: { source: string; callId: string } | undefined;
  }): Promise<AwaitingDelivery[]>;
  /** How many that were sent without something are on the route again, to get it. */
  adding(route: string): Promise<number>;
  /**
   * They are left as they are: what they were sent without will not come, or cannot be added any more. A row that a newer record of its call
   * has reached since (another place in the log) is not changed.
   */
  awaitNoLonger(rows: Pick<AwaitingDelivery, "route" | "source" | "callId" | "partition" | "offset">[]): Promise<void>;
  /**
   * A person put right what was delivered; `action` is recorded with it. `false`: the row is not delivered, or its receipt is not `from` any
   * more; nothing is changed then.
   */
  amendReceipt(options: DeliveryKey & { from: Receipt; to: Receipt; action?: NewAction }): Promise<boolean>;
}
