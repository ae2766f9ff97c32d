import { leftOut, type Person, type Receipt, sideOf } from "../../src/connector/index.ts";
import type { CallItem } from "./item.ts";
import { notesOf } from "./notes.ts";
import { UNKNOWN_CALLER } from "./people/create.ts";
import type { SalesforcePerson } from "./people/find.ts";
import type { Task } from "./record.ts";

/** A person's name; undefined for the name that we gave, and for a number that was typed as a name. */
export function nameOf(name: string | undefined): string | undefined {
  const trimmed = name?.trim() ?? "";
  const isNumber = (trimmed.match(/\d/g) ?? []).length >= 7;
  return trimmed === "" || trimmed === UNKNOWN_CALLER || isNumber ? undefined : trimmed;
}

/** The page of a record, as Lightning has it. */
export function pageOf(options: { instanceUrl: string; object: string; id: string }): string {
  const { instanceUrl, object, id } = options;
  return `${instanceUrl}/lightning/r/${object}/${id}/view`;
}

/** `ownerEmail`: of the user who owns the person's record. */
export function personOf(options: { person: SalesforcePerson; ownerEmail: string | undefined; instanceUrl: string }): Person {
  const { person, ownerEmail, instanceUrl } = options;
  const name = nameOf(person.name);
  return {
    id: person.id,
    kind: person.kind.toLowerCase(),
    ...(name ? { name } : {}),
    ...(ownerEmail ? { owner: ownerEmail } : {}),
    url: pageOf({ instanceUrl, object: person.kind, id: person.id }),
  };
}

/**
 * What is remembered of a written Task. `who_id`, `what_id` and `owner_id` are written only once, so that what a person corrects in Salesforce stays.
 * `notes` names the parts of the call that its Comments hold. Of a Task in place of a deleted one it has only what this one has.
 */
export function receiptOf(item: CallItem, options: { id: string; ownerEmail: string | undefined; instanceUrl: string }): Receipt {
  const { task, delivery, matched } = item;
  const { id, ownerEmail, instanceUrl } = options;
  const previous = delivery.previous?.id === id ? delivery.previous : undefined;
  const written = (field: string) => (typeof task[field] === "string" ? task[field] : undefined);
  const extra = present({
    who_id: written("WhoId") ?? previous?.extra?.who_id,
    what_id: written("WhatId") ?? previous?.extra?.what_id,
    owner_id: written("OwnerId") ?? previous?.extra?.owner_id,
    notes: notesOf({ ...delivery, previous }),
    contact_refused: matched.refused,
    ...leftOut([...item.leftOut, ...(matched.leftOut ?? [])]),
    ...sideOf(delivery.call),
  });
  const before = previous ?? previousPerson(task, delivery.previous);
  const isOnPerson = matched.person !== undefined && (written("WhoId") ?? written("WhatId")) !== undefined;
  const person = isOnPerson && matched.person ? personOf({ person: matched.person, ownerEmail, instanceUrl }) : before.person;
  const found = matched.found ?? before.found;
  return {
    id,
    url: pageOf({ instanceUrl, object: "Task", id }),
    ...(person ? { person } : {}),
    ...(found === undefined ? {} : { found }),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

/** The person of the deleted Task that this one replaces, if this one is on the same person. */
function previousPerson(task: Task, receipt: Receipt | undefined): Pick<Receipt, "person" | "found"> {
  if (!receipt) return {};
  const { person, found } = receipt;
  if (!person) return { found };
  const isOnSame = person.id === task.WhoId || person.id === task.WhatId || (task.WhatId && !receipt.extra?.who_id);
  return isOnSame ? { person, found } : { found: 0 };
}

function present(texts: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).flatMap(([name, text]) => (text ? [[name, text]] : [])));
}
