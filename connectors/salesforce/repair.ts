import { SalesforceError } from "./errors.ts";
import type { Task } from "./task.ts";

/** The person, the company or the deal that the call was to be logged on was merged, deleted or hidden since we looked. */
const STALE = new Set(["INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"]);

const LINKS = ["WhatId", "WhoId"];

export interface Repair {
  task: Task;
  /** Another transaction must end first. */
  isLocked?: boolean;
}

/** What to send once more, in the same attempt, after `error`; undefined when that would not help. */
export function repaired(task: Task, error: unknown): Repair | undefined {
  if (!(error instanceof SalesforceError)) return undefined;
  const { code, fields } = error;
  if (code === "UNABLE_TO_LOCK_ROW") return { task, isLocked: true };
  // A write of the same key was faster: this one is an update now.
  if (code === "DUPLICATE_VALUE") return { task };
  // Who left the company since we looked: the Task stays with the integration user, until somebody gives it away.
  if ("OwnerId" in task && (code === "INACTIVE_OWNER_OR_USER" || (STALE.has(code) && fields.includes("OwnerId")))) {
    const { OwnerId: _, ...unowned } = task;
    return { task: unowned };
  }
  if (STALE.has(code)) {
    const links = LINKS.filter((field) => field in task);
    // Which one is stale Salesforce does not always say. Then the deal or company goes first: the person matters more.
    const stale = fields.length === 0 ? links.slice(0, 1) : links.filter((field) => fields.includes(field));
    if (stale.length > 0) return { task: without(task, stale) };
  }
  if (code === "INVALID_FIELD_FOR_INSERT_UPDATE" && fields.includes("TaskSubtype") && "TaskSubtype" in task) {
    const { TaskSubtype: _, ...rest } = task;
    return { task: rest };
  }
  return undefined;
}

function without(task: Task, fields: readonly string[]): Task {
  return Object.fromEntries(Object.entries(task).filter(([field]) => !fields.includes(field)));
}
