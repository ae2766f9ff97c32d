import { outcomeOfSalesforceError } from "./errors.ts";
import type { Task } from "./record.ts";
import { SalesforceError } from "./vendor-error.ts";
import { type Item, type Writing, writeItems } from "./write.ts";

/**
 * Somebody deleted the Task, and the upsert has made a new one, without what is written but once: the person, what it is related to, the owner.
 * That is written now, as the receipt has it, or as it is looked up again where that is gone as well; so are the Comments where this version was to
 * leave them as they stood. TaskSubtype cannot be: it is not updateable, and whether a Task is there shows only when it is made. What Salesforce
 * refuses is left out of `task`, and so of the receipt; where it gave no clear answer, `result` becomes the error, and the next attempt comes by
 * here again.
 */
export async function putBack(options: Writing & { items: Item[] }): Promise<void> {
  const { items, org } = options;
  const { externalIdField } = org;
  const backs = items.flatMap((item) => {
    const lost = wasReplaced(item) ? lostBy(item) : {};
    if (Object.keys(lost).length === 0) return [];
    const back: Item = {
      ...item,
      task: { ...lost, [externalIdField]: item.task[externalIdField] },
      leftOut: [],
      result: { error: undefined },
    };
    return [{ item, back }];
  });
  if (performance.now() < options.untilMs) await writeItems({ ...options, items: backs.map(({ back }) => back), isReplaced: true });
  for (const { item, back } of backs) {
    const { result } = back;
    if ("id" in result) {
      item.task = { ...item.task, ...back.task };
      item.matched = back.matched;
      item.leftOut = [...item.leftOut, ...back.leftOut];
    } else if ("outcome" in result) {
      item.result = result;
    } else if (outcomeOfSalesforceError(result.error, { isUpdate: true }).kind !== "rejected") {
      item.result = { error: result.error ?? new SalesforceError({ errors: [{ code: "NOT_PUT_BACK" }] }) };
    }
  }
}

/** The receipt is of another Task, which is not there any more. */
export function wasReplaced({ delivery: { previous }, result }: Pick<Item, "delivery" | "result">): boolean {
  return previous !== undefined && "id" in result && result.id !== previous.id;
}

function lostBy({ delivery: { previous }, task, description }: Item): Task {
  const { who_id, what_id, owner_id } = previous?.extra ?? {};
  const once = { WhoId: who_id, WhatId: what_id, OwnerId: owner_id, Description: description };
  return Object.fromEntries(Object.entries(once).filter(([field, value]) => value !== undefined && task[field] === undefined));
}
