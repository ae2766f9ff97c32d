/** The numbers by which a CRM is searched for a call. The ledger holds none: they are read from the log, and shown to the person who asks. */
import type { DeliveryRow } from "../ledger/ledger.ts";
import { CALLS_TOPIC, type Log } from "../log/log.ts";
import { customersOf } from "../model/customer.ts";
import { fromMessage } from "../model/envelope.ts";
import { parseRecord } from "../model/record.ts";
import type { Routes } from "../route.ts";

/** `withheld`: the record has none; `gone`: the record is no longer in the log (retention, or `forget`). */
export type CallNumbers = { numbers: string[] } | { missing: "withheld" | "gone" };

/** The customer's number, or both where the customer's side is unknown. @throws {LogUnavailableError} */
export async function numbersOf(options: {
  row: Pick<DeliveryRow, "source" | "callId" | "partition" | "offset">;
  log: Pick<Log, "read">;
  describe: Routes["describe"];
}): Promise<CallNumbers> {
  const { row, log, describe } = options;
  const { partition, offset } = row;
  const [message] = await log.read({ topic: CALLS_TOPIC, partition, from: offset, limit: 1 });
  if (message?.offset !== offset) return { missing: "gone" };
  const parsed = parseRecord(message.value);
  // Another log than the ledger's, or a record that was erased.
  if (!parsed.ok || parsed.record.call_id !== row.callId || fromMessage(message).source !== row.source) return { missing: "gone" };
  const numbers = customersOf(describe(parsed.record, row.source)).map(({ number }) => number);
  return numbers.length > 0 ? { numbers } : { missing: "withheld" };
}
