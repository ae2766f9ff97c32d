/** Words that all parts of the ledger's contract share. */

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
