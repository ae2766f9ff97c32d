import type { Outcome } from "../../connector/index.ts";
import type { Claim, DeliveryKey, Receipt, Settlement } from "../../ledger/ledger.ts";
import type { Route } from "../../route.ts";
import type { Attempted } from "./delivery-result.ts";

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

/** How one delivery was settled, for logs, metrics and the demo. Holds ids and codes, never what a call says. */
export type DeliveryEvent = DeliveryKey & (Delivered | Skipped | Waiting | Dead);

/** One try at one delivery, as it ended; tries in place and tries of deliveries that are released are events too. */
export interface AttemptEvent extends DeliveryKey {
  connector: string;
  /** Under this claim, from 1. */
  try: number;
  /** Attempts at the record that failed under earlier claims. */
  failedBefore: number;
  /** Of the request; deliveries of one batch have the same. */
  durationMs: number;
  outcome: Outcome;
  /** How the delivery is settled, or `retry`: it is tried again in place. */
  decided: Settlement["kind"] | "retry";
  /** Until the next try, where it is known. */
  nextInMs: number | undefined;
}

/** A fault that stops a route, reported when it begins, and when it ends with a `cause` of undefined. */
export interface RouteTrouble {
  route: string;
  cause: string | undefined;
  /** The route itself continues, and only what the cause names waits. No end is reported. */
  continues?: true;
}

/** `undefined`: the delivery was released, which is no end. */
export function settledEvent(options: { key: DeliveryKey; settlement: Settlement; sinceAcceptedMs: number }): DeliveryEvent | undefined {
  const { key, settlement, sinceAcceptedMs: tookMs } = options;
  const { route, source, callId } = key;
  const { kind } = settlement;
  switch (kind) {
    case "delivered":
      return { route, source, callId, kind, receipt: settlement.receipt, tookMs };
    case "skipped":
      return { route, source, callId, kind, reason: settlement.reason };
    case "waiting": {
      const { dueInMs, errorCode, reason } = settlement;
      return { route, source, callId, kind, dueInMs, errorCode, reason };
    }
    case "dead":
      return { route, source, callId, kind, errorCode: settlement.errorCode, reason: settlement.reason };
    case "released":
      return undefined;
  }
}

/** What follows: either a settlement, or a retry in place. */
export function attemptEvent(options: {
  claim: Claim;
  route: Route;
  result: Attempted;
  follows: Settlement | { kind: "retry"; dueInMs: number };
}): AttemptEvent {
  const { claim, route, result, follows } = options;
  return {
    route: route.id,
    connector: route.to.connector.name,
    source: claim.source,
    callId: claim.callId,
    try: result.try,
    failedBefore: claim.attempts,
    durationMs: result.durationMs,
    outcome: result.outcome,
    decided: follows.kind,
    nextInMs: "dueInMs" in follows ? follows.dueInMs : undefined,
  };
}
