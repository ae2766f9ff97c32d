import type { Message } from "../../log/log.ts";
import type { Call } from "../../model/call.ts";
import { fromMessage } from "../../model/envelope.ts";
import { parseRecord } from "../../model/record.ts";
import { RouteFault, type Routes } from "../../route.ts";

/** A message of the log; one that waited in the ledger has no time at which the log took it. */
export type ReadableMessage = Pick<Message, "key" | "value" | "headers"> & Partial<Pick<Message, "appendedAt">>;

/** A message of the log as a worker understands it. */
export type ParsedCall = { source: string; callId: string; acceptedAt: number; hash: string } & ({ call: Call } | { fault: RouteFault });

/**
 * Parses and describes a record. A message that is not a call record cannot have come through our ingress;
 * it becomes a dead letter of each route rather than a crash or a loss.
 */
export function parseMessage(options: { message: ReadableMessage; describe: Routes["describe"] }): ParsedCall {
  const { message, describe } = options;
  const { source, acceptedAt } = fromMessage(message);
  const parsed = parseRecord(message.value);
  if (!parsed.ok) {
    const fault = new RouteFault("mapping_fault", `the record in the log is not a call record (${parsed.code})`);
    return { source, callId: message.key.slice(source.length + 1) || message.key || "?", acceptedAt, hash: "unreadable", fault };
  }
  const call = describe(parsed.record, source);
  return { source, callId: call.call_id, acceptedAt, hash: parsed.hash, call };
}
