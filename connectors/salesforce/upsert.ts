import { z } from "zod";
import { OpenError } from "../../src/connector.ts";
import { readVendorErrors, SalesforceError } from "./errors.ts";
import { outcomeOfSalesforceError } from "./outcome.ts";
import type { Session } from "./session.ts";
import type { Task } from "./task.ts";

/** What became of one Task: its id, or the error that it met with, alone or with the whole request. */
export type TaskResult = { id: string } | { error: unknown };

const itemAnswer = z.object({ id: z.string().nullish(), success: z.boolean(), errors: z.array(z.unknown()).default([]) });

/**
 * Upserts up to 200 Tasks in one request (sObject Collections, API 46.0 and later). Never throws; one result per Task, in order.
 * Always the collection, also for one record: the single form would put the external id into the path.
 */
export async function upsertTasks(options: {
  tasks: Task[];
  session: Session;
  externalIdField: string;
  signal: AbortSignal;
}): Promise<TaskResult[]> {
  const { tasks, session, externalIdField, signal } = options;
  if (tasks.length === 0) return [];
  const body = { allOrNone: false, records: tasks.map((task) => ({ attributes: { type: "Task" }, ...task })) };
  try {
    const answer = await session.request({ method: "PATCH", path: `/composite/sobjects/Task/${externalIdField}`, body }, { signal });
    const items = z.array(itemAnswer).length(tasks.length).safeParse(answer);
    if (!items.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
    return items.data.map((item) =>
      item.success && item.id ? { id: item.id } : { error: new SalesforceError({ errors: readVendorErrors(item.errors) }) },
    );
  } catch (error) {
    const isAboutOne = !(error instanceof OpenError) && outcomeOfSalesforceError(error).kind === "rejected";
    if (!isAboutOne || tasks.length === 1) return tasks.map(() => ({ error }));
    // A value of the wrong type spoils the whole request (JSON_PARSER_ERROR): the halves find whose it is.
    const middle = Math.ceil(tasks.length / 2);
    const first = await upsertTasks({ ...options, tasks: tasks.slice(0, middle) });
    return [...first, ...(await upsertTasks({ ...options, tasks: tasks.slice(middle) }))];
  }
}
