import { SalesforceError } from "./errors.ts";
import type { Task } from "./task.ts";

/** The person that the call was to be logged on was merged, deleted or hidden since we looked. */
const STALE = new Set(["INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"]);
/** The second of two writes at once: a row that is locked for a moment, a key that the other one has just inserted. */
const RACES = new Set(["UNABLE_TO_LOCK_ROW", "DUPLICATE_VALUE"]);

/** What to send once more, at once, after `error`; undefined when that would not help. */
export function repaired(task: Task, error: unknown): { task: Task; isStale: boolean } | undefined {
  if (!(error instanceof SalesforceError)) return undefined;
  const { code, fields } = error;
  if (RACES.has(code)) return { task, isStale: false };
  if (STALE.has(code) && isLinked(task) && (fields.length === 0 || fields.some((field) => field === "WhoId" || field === "WhatId"))) {
    const { WhoId: _who, WhatId: _what, ...alone } = task;
    return { task: alone, isStale: true };
  }
  if (code === "INVALID_FIELD_FOR_INSERT_UPDATE" && fields.includes("TaskSubtype") && "TaskSubtype" in task) {
    const { TaskSubtype: _, ...rest } = task;
    return { task: rest, isStale: false };
  }
  return undefined;
}

function isLinked(task: Task): boolean {
  return "WhoId" in task || "WhatId" in task;
}
