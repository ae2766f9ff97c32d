import { createHash } from "node:crypto";
import { canonicalJson, type Delivery, type Receipt, unixMsOf, wellFormed } from "../../src/connector/index.ts";
import type { WebhookWith } from "./mapping.ts";
import { dataOf, type Payload } from "./payload.ts";
import { extra } from "./receipt.ts";

export interface Message {
  /** The header webhook-id: one for each version of a call. It has no dot, which would end it in the signed text. */
  id: string;
  /** The JSON to send. The same for every try at this version, so that it can be compared. */
  body: Buffer;
  receipt: Receipt;
}

const PREFIX = "msg";

/**
 * One call as a message of Standard Webhooks: `{"type", "timestamp", "data"}`.
 * Its id is made of the delivery's key and of what it says: a try after a lost answer has the same id, and the receiver drops it; a changed call has
 * another. The id of the version before is in it too, so that a call which changes and changes back is three messages.
 */
export function messageOf(delivery: Delivery<WebhookWith>, options: { payload: Payload }): Message {
  const { key, call, previous } = delivery;
  const endedAtMs = unixMsOf(call.end_time);
  const content = {
    type: previous ? delivery.with.update_type : delivery.with.type,
    timestamp: endedAtMs === undefined ? call.end_time : new Date(endedAtMs).toISOString(),
    data: dataOf(delivery, options),
  };
  const text = JSON.stringify(wellFormed(content));
  // A thin message says only that something has changed; what has is in its id, without the numbers, which could be tried out.
  const { from_number: _, to_number: __, customer_number: ___, ...unsaid } = call;
  const version = hashOf([extra.read(previous).webhook_id ?? "", text, options.payload === "thin" ? canonicalJson(unsaid) : ""]);
  const base = `${PREFIX}_${hashOf([key]).slice(0, 24)}`;
  const id = `${base}_${version.slice(0, 16)}`;
  return { id, body: Buffer.from(text, "utf8"), receipt: { id: base, ...extra.write({ webhook_id: id }) } };
}

function hashOf(parts: string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
