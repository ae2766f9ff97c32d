import { z } from "zod";
import type { Delivery, Outcome } from "../../src/connector/index.ts";
import type { Session } from "./client.ts";
import { outcomeOfReading } from "./errors.ts";
import type { SalesforceWith } from "./mapping.ts";
import { pageOf } from "./receipt.ts";
import { externalIdOf } from "./record.ts";
import { listed, query } from "./soql.ts";

/** `on_existing: skip`: the outcomes, by key, of those calls whose Task is there. */
export async function skipExisting(options: {
  deliveries: Delivery<SalesforceWith>[];
  session: Session;
  externalIdField: string;
  signal: AbortSignal;
}): Promise<Map<string, Outcome>> {
  const { deliveries, session, externalIdField, signal } = options;
  const ends = new Map<string, Outcome>();
  const unknown = new Map<string, string>();
  for (const delivery of deliveries) {
    if (delivery.with.on_existing !== "skip") continue;
    // Delivered it stays: whoever repairs or erases it later goes by that.
    if (delivery.previous) ends.set(delivery.key, { kind: "delivered", receipt: delivery.previous });
    else unknown.set(externalIdOf(delivery.key), delivery.key);
  }
  if (unknown.size === 0) return ends;
  try {
    const there = await existing();
    for (const [externalId, id] of there) {
      const key = unknown.get(externalId);
      // Its key says that we made it: an earlier attempt, of which we never heard.
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
    const ids = [...unknown.keys()];
    for (let start = 0; start < ids.length; start += 40) {
      const soql = `SELECT Id, ${externalIdField} FROM Task WHERE ${externalIdField} IN ${listed(ids.slice(start, start + 40))}`;
      for (const task of await query({ session, soql, row, signal })) found.set(String(task[externalIdField]), task.Id);
    }
    return found;
  }
}
