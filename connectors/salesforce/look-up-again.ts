import type { SalesforceContext } from "./context.ts";
import type { CallItem } from "./item.ts";
import type { SalesforcePerson } from "./people/find.ts";
import { KINDS } from "./people/phone-fields.ts";
import { successorsOf } from "./people/successors.ts";
import { emailOf, planTasks } from "./plan.ts";
import type { Task } from "./record.ts";
import { drop } from "./repair.ts";

/** Forgets what a Task refers to: its person, its company or deal and its owner may each be what `code` is about. */
export function forgetReferences({ item, code, context }: { item: CallItem; code: string; context: SalesforceContext }): void {
  const { delivery, matched, task } = item;
  context.people.forget(delivery);
  if (matched.person?.accountId) context.deals.forget(matched.person.accountId);
  if ("OwnerId" in task) context.owners.forget(emailOf(delivery));
  if (code === "CANNOT_UPDATE_CONVERTED_LEAD" && task.WhoId) context.people.gone(String(task.WhoId));
}

/**
 * Plans the Tasks again with the person, company, deal and owner that Salesforce has now. Returns the items that have a Task again; the others have an
 * outcome. `dropped`: fields of an item that Salesforce refused. `isReplaced`: the Task exists, in place of a deleted one, and gets only what it still
 * needs.
 */
export async function lookUpAgain(options: {
  items: CallItem[];
  dropped: ReadonlyMap<CallItem, ReadonlySet<string>>;
  isReplaced: boolean;
  context: SalesforceContext;
  signal: AbortSignal;
}): Promise<CallItem[]> {
  const { items, dropped, isReplaced, context, signal } = options;
  const people = items.flatMap((item) => previousPersonOf(item) ?? []);
  const byPerson =
    people.length > 0 ? await successorsOf({ people, session: context.session, signal }) : new Map<string, SalesforcePerson>();
  const successors = new Map(
    items.flatMap((item) => {
      const successor = byPerson.get(previousPersonOf(item)?.id ?? "");
      return successor ? [[item.delivery.key, successor] as const] : [];
    }),
  );
  const plans = await planTasks({ deliveries: items.map(({ delivery }) => delivery), context, isReplaced, successors, signal });
  return items.filter((item) => {
    const plan = plans.get(item.delivery.key);
    if (!plan) return false;
    if ("outcome" in plan) {
      item.result = plan;
      return false;
    }
    // A Contact that was created for the call is found now, without what it was left without.
    item.leftOut = [...item.leftOut, ...(item.matched.leftOut ?? []), ...plan.leftOut];
    item.matched = plan.matched;
    item.task = drop(isReplaced ? withRelationsOf(plan.task, item.task) : withCommentsOf(item.task, plan.task), dropped.get(item) ?? []);
    return true;
  });
}

/** The person that the call was to be on: found just now, or by an earlier version. */
function previousPersonOf({ matched, delivery: { previous } }: CallItem): Pick<SalesforcePerson, "kind" | "id"> | undefined {
  if (matched.person) return matched.person;
  const kind = KINDS.find((one) => one.toLowerCase() === previous?.person?.kind);
  return kind && previous?.person ? { kind, id: previous.person.id } : undefined;
}

/** The Comments stay as they were merged with the existing ones. */
function withCommentsOf(before: Task, planned: Task): Task {
  const { Description: _, ...task } = planned;
  return "Description" in before ? { ...task, Description: before.Description } : task;
}

/** A Task that exists gets its person, and the Subject that names it. */
function withRelationsOf({ Subject, WhoId, WhatId }: Task, before: Task): Task {
  const relations = Object.entries({ Subject, WhoId, WhatId }).filter(([, value]) => value !== undefined);
  return { ...drop(before, ["WhoId", "WhatId"]), ...Object.fromEntries(relations) };
}
