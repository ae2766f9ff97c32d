import { signalUntil } from "./again.ts";
import { SalesforceError } from "./errors.ts";
import type { Org } from "./open.ts";
import { outcomeOfSalesforceError } from "./outcome.ts";
import { repaired } from "./repair.ts";
import type { Task } from "./task.ts";
import { type Splits, upsertTasks } from "./upsert.ts";
import type { Item } from "./write.ts";

/** Each of the person and the company may be gone as well. */
const MAX_TRIES = 3;

/**
 * Somebody deleted the Task, and the upsert has made it anew, without what is written but once: the person, what it is related to, the owner.
 * That is written now, as the receipt has it; so are the Comments where this version was to leave them as they stood. TaskSubtype cannot be:
 * it is not updateable, and whether a Task is there shows only when it is made. What Salesforce refuses is left out of `task`, and so of the
 * receipt; where it gave no clear answer, `result` becomes the error, and the next attempt comes by here again.
 */
export async function putBack(options: { items: Item[]; org: Org; splits: Splits; signal: AbortSignal }): Promise<void> {
  const { items, org, splits, signal } = options;
  const { untilMs } = splits;
  const { session, externalIdField } = org;
  let left = items.flatMap((item) => {
    const lost = isMadeAnew(item) ? lostBy(item) : {};
    return Object.keys(lost).length > 0 ? [{ item, lost }] : [];
  });
  for (let round = 0; round < MAX_TRIES && left.length > 0; round += 1) {
    if (performance.now() >= untilMs) break;
    const tasks = left.map(({ item, lost }) => ({ task: { ...lost, [externalIdField]: item.task[externalIdField] }, fields: {} }));
    const results = await upsertTasks({ tasks, splits, session, externalIdField, signal: signalUntil({ untilMs, signal }) });
    left = left.flatMap(({ item, lost }, index) => {
      const result = results[index] ?? { error: undefined };
      if ("id" in result) {
        item.task = { ...item.task, ...lost };
        return [];
      }
      const repair = repaired(lost, result.error);
      if (repair && repair.task !== lost) return Object.keys(repair.task).length > 0 ? [{ item, lost: repair.task }] : [];
      if (outcomeOfSalesforceError(result.error, { isUpdate: true }).kind !== "rejected") item.result = result;
      return [];
    });
  }
  for (const { item } of left) item.result = { error: new SalesforceError({ errors: [{ code: "NOT_PUT_BACK" }] }) };
}

/** The receipt is of another Task, which is not there any more. */
export function isMadeAnew({ delivery: { previous }, result }: Pick<Item, "delivery" | "result">): boolean {
  return previous !== undefined && "id" in result && result.id !== previous.id;
}

function lostBy({ delivery: { previous }, task, description }: Item): Task {
  const { who_id, what_id, owner_id } = previous?.extra ?? {};
  const once = { WhoId: who_id, WhatId: what_id, OwnerId: owner_id, Description: description };
  return Object.fromEntries(Object.entries(once).filter(([field, value]) => value !== undefined && task[field] === undefined));
}
