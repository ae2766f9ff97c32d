import { type Delivery, leftOut, type Person, type Receipt, sideOf } from "../../src/connector/index.ts";
import type { SalesforceWith } from "./mapping.ts";
import { notesOf } from "./notes.ts";
import { UNKNOWN_CALLER } from "./people/create.ts";
import type { Candidate } from "./people/find.ts";
import type { Matched } from "./people/match.ts";
import type { Task } from "./record.ts";

/** A person's name, where it is one: what we called them ourselves is none, and neither is a number that somebody typed as a name. */
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

/** `ownerEmail`: of who owns the person's record. */
export function personOf(options: { person: Candidate; ownerEmail: string | undefined; instanceUrl: string }): Person {
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
 * What is remembered of a Task that was written; of a new one in place of a deleted one, what it has now. `who_id`, `what_id` and `owner_id` are what was once written: they are not written again, so that
 * what a person corrects in Salesforce stays. `notes` names the parts of the call that its Comments hold.
 */
export function receiptOf(options: {
  id: string;
  task: Task;
  delivery: Delivery<SalesforceWith>;
  matched: Matched;
  /** Details that the Task is without, and why. */
  leftOut: readonly { field: string; code: string }[];
  ownerEmail: string | undefined;
  instanceUrl: string;
}): Receipt {
  const { id, task, delivery, matched, ownerEmail, instanceUrl } = options;
  const previous = delivery.previous?.id === id ? delivery.previous : undefined;
  const written = (field: string) => (typeof task[field] === "string" ? task[field] : undefined);
  const extra = present({
    who_id: written("WhoId") ?? previous?.extra?.who_id,
    what_id: written("WhatId") ?? previous?.extra?.what_id,
    owner_id: written("OwnerId") ?? previous?.extra?.owner_id,
    notes: notesOf({ ...delivery, previous }),
    contact_refused: matched.refused,
    ...leftOut([...options.leftOut, ...(matched.leftOut ?? [])]),
    ...sideOf(delivery.call),
  });
  const before = previous ?? standing({ task, receipt: delivery.previous });
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

/** Of a Task in place of a deleted one: who the deleted one was on, if this one is again. */
function standing(options: { task: Task; receipt: Receipt | undefined }): Pick<Receipt, "person" | "found"> {
  const { task, receipt } = options;
  if (!receipt) return {};
  const { person, found } = receipt;
  if (!person) return { found };
  return person.id === task.WhoId || person.id === task.WhatId || (task.WhatId && !receipt.extra?.who_id)
    ? { person, found }
    : { found: 0 };
}

function present(texts: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).flatMap(([name, text]) => (text ? [[name, text]] : [])));
}
