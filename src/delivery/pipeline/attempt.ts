import {
  CannotTellError,
  type Connector,
  OpenError,
  type Outcome,
  outcomeOfNetworkError,
  type Receipt,
  type Related,
} from "../../connector/index.ts";
import type { Claim, Settlement } from "../../ledger/ledger.ts";
import type { RecordPlace } from "../../ledger/record-order.ts";
import type { Call } from "../../model/call.ts";
import { type Destination, type Route, RouteFault } from "../../route.ts";
import type { BatchSender } from "./batch-sender.ts";
import { idempotencyKey } from "./idempotency-key.ts";

/** A call that this process holds the claim of. */
export interface ClaimedCall {
  claim: Claim;
  call: Call;
  /** The raw record: kept in the ledger if the delivery has to wait. */
  body: Uint8Array;
  /** Of the record in the log. */
  place: RecordPlace;
}

export type Mapped = ReturnType<Route["map"]>;

/** One try at one delivery; `undefined` when nothing was sent. Never throws. */
export async function attempt(options: {
  claimed: ClaimedCall;
  mapped: Mapped;
  route: Route;
  sender: BatchSender;
  related: Related | undefined;
  nowMs: number;
  alone: boolean;
  mayGo: () => boolean;
}): Promise<Outcome | undefined> {
  const { claimed, mapped, route, sender, related, nowMs, alone, mayGo } = options;
  const { claim, call } = claimed;
  const delivery = {
    key: idempotencyKey(route, call),
    call: mapped.call,
    with: mapped.with,
    previous: claim.receipt,
    sinceAcceptedMs: Math.max(0, nowMs - claimed.place.acceptedAt),
    unclear: claim.ambiguous,
    related,
  };
  const duplicates = duplicatesAt(route.to, claim.receipt);
  // A person who replays what may have been sent wants it sent.
  const again = duplicates === "native-key" || (duplicates === "none" && claim.replay);
  if (!claim.ambiguous || again) return sender.send({ delivery, alone, mayGo });
  if (duplicates === "none") {
    // What is there already is not sent a second time: such a connector leaves it as it is.
    if (claim.receipt) return sender.send({ delivery, alone, mayGo });
    return { kind: "ambiguous", code: "claim_expired", reason: "an earlier attempt may have sent it" };
  }
  try {
    const receipt = await sender.find(delivery);
    // Found, it may be of an older version of the call: sending with the receipt edits it.
    return await sender.send({ delivery: receipt ? { ...delivery, previous: receipt } : delivery, alone, mayGo });
  } catch (error) {
    // A person who replays what may have been sent wants it sent, where nothing tells.
    if (error instanceof CannotTellError && claim.replay) return sender.send({ delivery, alone, mayGo });
    return outcomeOfLookUp(error);
  }
}

function outcomeOfLookUp(error: unknown): Outcome {
  if (error instanceof OpenError) return error.outcome;
  const maybe = "an earlier attempt may have sent it, and";
  if (error instanceof CannotTellError) {
    const reason = `${maybe} ${error.message}. Look there; a replay of this dead letter sends it`;
    return { kind: "ambiguous", code: "cannot_tell", reason, lookUp: "impossible" };
  }
  const outcome = { kind: "ambiguous", code: "look_up_failed", reason: `${maybe} the destination cannot be asked` } as const;
  // A limit or a scope of look-ups says nothing of what sending meets.
  return outcomeOfNetworkError(error) ? outcome : { ...outcome, lookUp: "failed" };
}

/**
 * What protects a delivery from a second record at this destination: an edit of what its receipt names makes none, however often it is sent,
 * and the settings may allow that a message is sent again.
 */
export function duplicatesAt(to: Pick<Destination, "connector" | "onAmbiguous">, receipt: Receipt | undefined): Connector["duplicates"] {
  if (receipt && to.connector.edits) return "native-key";
  return to.connector.duplicates === "none" && to.onAmbiguous === "send_again" ? "native-key" : to.connector.duplicates;
}

/** A `when` or a mapping that fails on a call fails on it each time. */
export function settlementOfFault(error: unknown, body: Uint8Array): Settlement & { kind: "dead" } {
  if (error instanceof RouteFault) return { kind: "dead", errorCode: error.code, reason: error.message, body };
  const name = error instanceof Error ? error.name : "unknown";
  return { kind: "dead", errorCode: "mapping_fault", reason: `the mapping failed (${name})`, body };
}
