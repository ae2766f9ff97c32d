import type { Org } from "./open.ts";
import { emailOf, planTasks } from "./plan.ts";
import { drop } from "./repair.ts";
import type { Task } from "./task.ts";
import { customersIn } from "./whom.ts";
import type { Item } from "./write.ts";

/** What the Task of a call refers to is not what it was: whom, what and whose it is may each be what `code` means. */
export function forgetAll({ item, code, org }: { item: Item; code: string; org: Org }): void {
  const { delivery, whom, task } = item;
  for (const { number } of customersIn(delivery)) org.people.forget(number);
  if (whom.person?.accountId) org.deals.forget(whom.person.accountId);
  if ("OwnerId" in task) org.users.forget(emailOf(delivery));
  if (code === "CANNOT_UPDATE_CONVERTED_LEAD" && task.WhoId) org.people.lose(String(task.WhoId));
}

/**
 * Whom, what and whose the calls are, as Salesforce says now. Gives those that have a Task again; the others have an outcome. `dropped`: fields of an
 * item that Salesforce refused. `isAnew`: the Task is there, made in place of a deleted one, and gets only what it still needs.
 */
export async function lookAgain(options: {
  items: Item[];
  dropped: ReadonlyMap<Item, ReadonlySet<string>>;
  isAnew: boolean;
  org: Org;
  timezone: string;
  signal: AbortSignal;
}): Promise<Item[]> {
  const { items, dropped, isAnew, org, timezone, signal } = options;
  const plans = await planTasks({ deliveries: items.map(({ delivery }) => delivery), org, timezone, isAnew, signal });
  return items.filter((item) => {
    const plan = plans.get(item.delivery.key);
    if (!plan) return false;
    if ("outcome" in plan) {
      item.result = plan;
      return false;
    }
    // Of a Contact that was made for the call, and is found now.
    item.leftOut = [...item.leftOut, ...(item.whom.leftOut ?? []), ...plan.leftOut];
    item.whom = plan.whom;
    item.task = drop(isAnew ? onlyLost(item.task, plan.task) : asNow(item.task, plan.task), dropped.get(item) ?? []);
    return true;
  });
}

/** The Comments are as they were merged with what stands. */
function asNow(before: Task, planned: Task): Task {
  const { Description: _, ...task } = planned;
  return "Description" in before ? { ...task, Description: before.Description } : task;
}

/** Of a Task that is there: whom it is on, and the Subject that names them. */
function onlyLost(before: Task, { Subject, WhoId, WhatId }: Task): Task {
  const links = Object.entries({ Subject, WhoId, WhatId }).filter(([, value]) => value !== undefined);
  return { ...drop(before, ["WhoId", "WhatId"]), ...Object.fromEntries(links) };
}
