import type { Org } from "./open.ts";
import type { Candidate } from "./people/find.ts";
import { customersIn } from "./people/match.ts";
import { KINDS } from "./people/phone-fields.ts";
import { heirsOf } from "./people/successors.ts";
import { emailOf, planTasks } from "./plan.ts";
import type { Task } from "./record.ts";
import { drop } from "./repair.ts";
import type { Item } from "./write.ts";

/** What the Task of a call refers to is not what it was: its person, its company or deal and its owner may each be what `code` means. */
export function forgetAll({ item, code, org }: { item: Item; code: string; org: Org }): void {
  const { delivery, matched, task } = item;
  for (const { number } of customersIn(delivery)) org.people.forget(number);
  if (matched.person?.accountId) org.deals.forget(matched.person.accountId);
  if ("OwnerId" in task) org.users.forget(emailOf(delivery));
  if (code === "CANNOT_UPDATE_CONVERTED_LEAD" && task.WhoId) org.people.lose(String(task.WhoId));
}

/**
 * The person, company, deal and owner of the calls, as Salesforce says now. Gives those that have a Task again; the others have an outcome. `dropped`: fields of an
 * item that Salesforce refused. `isReplaced`: the Task is there, made in place of a deleted one, and gets only what it still needs.
 */
export async function lookAgain(options: {
  items: Item[];
  dropped: ReadonlyMap<Item, ReadonlySet<string>>;
  isReplaced: boolean;
  org: Org;
  timezone: string;
  signal: AbortSignal;
}): Promise<Item[]> {
  const { items, dropped, isReplaced, org, timezone, signal } = options;
  const people = items.flatMap((item) => before(item) ?? []);
  const after = people.length > 0 ? await heirsOf({ people, session: org.session, signal }) : new Map<string, Candidate>();
  const heirs = new Map(
    items.flatMap((item) => {
      const heir = after.get(before(item)?.id ?? "");
      return heir ? [[item.delivery.key, heir] as const] : [];
    }),
  );
  const plans = await planTasks({ deliveries: items.map(({ delivery }) => delivery), org, timezone, isReplaced, heirs, signal });
  return items.filter((item) => {
    const plan = plans.get(item.delivery.key);
    if (!plan) return false;
    if ("outcome" in plan) {
      item.result = plan;
      return false;
    }
    // Of a Contact that was made for the call, and is found now.
    item.leftOut = [...item.leftOut, ...(item.matched.leftOut ?? []), ...plan.leftOut];
    item.matched = plan.matched;
    item.task = drop(isReplaced ? onlyLost(item.task, plan.task) : asNow(item.task, plan.task), dropped.get(item) ?? []);
    return true;
  });
}

/** The person that the call was to be on: just found, or as the receipt of an earlier version has it. */
function before({ matched, delivery: { previous } }: Item): Pick<Candidate, "kind" | "id"> | undefined {
  if (matched.person) return matched.person;
  const kind = KINDS.find((one) => one.toLowerCase() === previous?.person?.kind);
  return kind && previous?.person ? { kind, id: previous.person.id } : undefined;
}

/** The Comments are as they were merged with what stands. */
function asNow(before: Task, planned: Task): Task {
  const { Description: _, ...task } = planned;
  return "Description" in before ? { ...task, Description: before.Description } : task;
}

/** Of a Task that is there: its person, and the Subject that names them. */
function onlyLost(before: Task, { Subject, WhoId, WhatId }: Task): Task {
  const links = Object.entries({ Subject, WhoId, WhatId }).filter(([, value]) => value !== undefined);
  return { ...drop(before, ["WhoId", "WhatId"]), ...Object.fromEntries(links) };
}
