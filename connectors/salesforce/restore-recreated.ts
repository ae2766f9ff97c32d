import { outcomeOfSalesforceError } from "./errors.ts";
import type { CallItem } from "./item.ts";
import type { Task } from "./record.ts";
import { SalesforceError } from "./vendor-error.ts";
import { type WriteOptions, writeItems } from "./write.ts";

/**
 * A person deleted the Task, and the upsert has created another one, without the fields that are written only once: the person, what it is related to,
 * the owner. They are written now, as the receipt has them, or looked up again where they are gone as well; so are the Comments that this version was
 * to leave as they were. TaskSubtype is not updateable, and whether a Task exists shows only when it is written. A field that Salesforce refuses is
 * left out of `task`, and so of the receipt. Without a clear answer `result` becomes the error, and the next attempt comes by here again.
 */
export async function restoreRecreated(options: WriteOptions): Promise<void> {
  const { items, context, untilMs } = options;
  const { externalIdField } = context;
  const recreated = items.flatMap((item) => {
    const lost = wasRecreated(item) ? lostBy(item) : {};
    if (Object.keys(lost).length === 0) return [];
    const task = { ...lost, [externalIdField]: item.task[externalIdField] };
    const update: CallItem = { ...item, task, leftOut: [], result: { error: undefined } };
    return [{ item, update }];
  });
  if (performance.now() < untilMs) await writeItems({ ...options, items: recreated.map(({ update }) => update), isReplaced: true });
  for (const { item, update } of recreated) {
    const { result } = update;
    if ("id" in result) {
      item.task = { ...item.task, ...update.task };
      item.matched = update.matched;
      item.leftOut = [...item.leftOut, ...update.leftOut];
    } else if ("outcome" in result) {
      item.result = result;
    } else if (outcomeOfSalesforceError(result.error, { isUpdate: true }).kind !== "rejected") {
      item.result = { error: result.error ?? new SalesforceError({ errors: [{ code: "NOT_PUT_BACK" }] }) };
    }
  }
}

/** The receipt is of another Task, which does not exist any more. */
function wasRecreated({ delivery: { previous }, result }: CallItem): boolean {
  return previous !== undefined && "id" in result && result.id !== previous.id;
}

function lostBy({ delivery: { previous }, task, description }: CallItem): Task {
  const { who_id, what_id, owner_id } = previous?.extra ?? {};
  const once = { WhoId: who_id, WhatId: what_id, OwnerId: owner_id, Description: description };
  return Object.fromEntries(Object.entries(once).filter(([field, value]) => value !== undefined && task[field] === undefined));
}
