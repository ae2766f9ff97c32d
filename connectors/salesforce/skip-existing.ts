import { z } from "zod";
import { chunk, type Delivery, type Outcome } from "../../src/connector/index.ts";
import type { SalesforceContext } from "./context.ts";
import { outcomeOfReading } from "./errors.ts";
import type { SalesforceWith } from "./mapping.ts";
import { pageOf } from "./receipt.ts";
import { externalIdOf } from "./record.ts";
import { query, soqlList } from "./soql.ts";

/** `on_existing: skip`: the outcomes, by key, of the calls whose Task exists. */
export async function skipExisting(options: {
  deliveries: Delivery<SalesforceWith>[];
  context: SalesforceContext;
  signal: AbortSignal;
}): Promise<Map<string, Outcome>> {
  const { deliveries, context, signal } = options;
  const { session, externalIdField } = context;
  const ends = new Map<string, Outcome>();
  const unknown = new Map<string, string>();
  for (const delivery of deliveries) {
    if (delivery.with.on_existing !== "skip") continue;
    // It stays delivered: later repairs and `forget` need its receipt.
    if (delivery.previous) ends.set(delivery.key, { kind: "delivered", receipt: delivery.previous });
    else unknown.set(externalIdOf(delivery.key), delivery.key);
  }
  if (unknown.size === 0) return ends;
  try {
    const there = await existing();
    for (const [externalId, id] of there) {
      const key = unknown.get(externalId);
      // By its key we created it, in an earlier attempt without an answer.
      if (key) ends.set(key, { kind: "delivered", receipt: { id, url: pageOf({ instanceUrl: session.instanceUrl, object: "Task", id }) } });
    }
  } catch (error) {
    const fix = "Give the integration user read access to Task and the external id field";
    const outcome = outcomeOfReading(error, { what: "the Tasks that are there", fix });
    for (const key of unknown.values()) ends.set(key, outcome);
  }
  return ends;

  async function existing(): Promise<Map<string, string>> {
    const row = z.object({ Id: z.string() }).loose();
    const found = new Map<string, string>();
    // A key may have 255 characters, and a query's address 16,384.
    for (const ids of chunk([...unknown.keys()], 40)) {
      const soql = `SELECT Id, ${externalIdField} FROM Task WHERE ${externalIdField} IN ${soqlList(ids)}`;
      for (const task of await query({ session, soql, row, signal })) found.set(String(task[externalIdField]), task.Id);
    }
    return found;
  }
}
