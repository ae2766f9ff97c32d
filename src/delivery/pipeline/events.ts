import type { Receipt } from "../../ledger/ledger.ts";

interface Delivered {
  kind: "delivered";
  receipt: Receipt;
  /** From the log's acceptance to the receipt. */
  tookMs: number;
}
interface Skipped {
  kind: "skipped";
  reason: string;
}
interface Waiting {
  kind: "waiting";
  dueInMs: number;
  errorCode: string;
  reason: string;
}
interface Dead {
  kind: "dead";
  errorCode: string;
  reason: string;
}

/** What became of one delivery; told to whoever watches (logs, metrics, the demo). Holds ids and codes, never what a call says. */
export type DeliveryEvent = { route: string; source: string; callId: string } & (Delivered | Skipped | Waiting | Dead);

/** A fault that stops a route for now, told once when it begins and once when it ends. */
export interface RouteTrouble {
  route: string;
  cause: string | undefined;
  /** The route itself goes on: only what the cause names waits. No end is told. */
  goesOn?: true;
}
