import { z } from "zod";
import { halves, OpenError, type SplitBudget, splitOnRefusal } from "../../src/connector/index.ts";
import type { Session } from "./client.ts";
import { outcomeOfSalesforceError } from "./errors.ts";
import type { TaskResult } from "./item.ts";
import type { Task } from "./record.ts";
import { signalUntil } from "./retry-locked.ts";
import { readVendorErrors, SalesforceError } from "./vendor-error.ts";

/** A Task, and the route's own fields in it: a value that is not of its field's type is one of these. */
export interface TaskToWrite {
  task: Task;
  fields: Record<string, string>;
}

const itemAnswer = z.object({ id: z.string().nullish(), success: z.boolean(), errors: z.array(z.unknown()).default([]) });

/**
 * Upserts up to 200 Tasks in one request (sObject Collections, API 46.0 and later). Never throws; one result per Task, in order.
 * Always the collection, also for one record: the single form would put the external id into the path. `splits` bounds the further requests that
 * look for the values that spoil a whole one.
 */
export async function upsertTasks(options: {
  tasks: TaskToWrite[];
  splits: SplitBudget & { untilMs: number };
  session: Session;
  externalIdField: string;
  signal: AbortSignal;
}): Promise<TaskResult[]> {
  const { tasks, splits, session, externalIdField, signal } = options;
  let isFirst = true;

  async function write(some: TaskToWrite[]): Promise<TaskResult[]> {
    const body = { allOrNone: false, records: some.map(({ task }) => ({ attributes: { type: "Task" }, ...task })) };
    const request = { method: "PATCH" as const, path: `/composite/sobjects/Task/${externalIdField}`, body };
    const until = isFirst ? signal : signalUntil({ untilMs: splits.untilMs, signal });
    isFirst = false;
    const answer = await session.request(request, { signal: until });
    const items = z.array(itemAnswer).length(some.length).safeParse(answer);
    if (!items.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
    return items.data.map(({ success, id, errors }) =>
      success && id ? { id } : { error: new SalesforceError({ errors: readVendorErrors(errors) }) },
    );
  }

  return splitOnRefusal<TaskToWrite, TaskResult>({
    items: tasks,
    write,
    refusalOf: (error) => ({ error }),
    divide,
    budget: splits,
    exhausted: () => ({ error: new SalesforceError({ errors: [{ code: "BATCH_REFUSED" }] }) }),
  });
}

/**
 * A value of the wrong type spoils the whole request (JSON_PARSER_ERROR): the halves find whose it is. Tasks to which the route gives the same
 * values stay together, so that a mapping that is wrong for all costs two or three requests.
 */
function divide(tasks: readonly TaskToWrite[], error: unknown): { refused: readonly TaskToWrite[]; parts: TaskToWrite[][] } {
  const all = { refused: tasks, parts: [] };
  if (error instanceof OpenError || outcomeOfSalesforceError(error).kind !== "rejected") return all;
  const { code, fields } = error instanceof SalesforceError ? error : new SalesforceError({});
  const isNamed = ([field]: [string, string]) => fields.length === 0 || fields.includes(field);
  const valuesOf = (one: TaskToWrite) => JSON.stringify(Object.entries(one.fields).filter(isNamed));
  const isAboutValues = code === "JSON_PARSER_ERROR" || fields.length > 0;
  const groups = isAboutValues ? [...Map.groupBy(tasks, valuesOf)] : [];
  if (groups.length === 1 && groups[0]?.[0] !== "[]") return all;
  const units = groups.length > 1 ? groups.map(([, group]) => group) : tasks.map((one) => [one]);
  return units.length === 1 ? all : { refused: [], parts: halves(units).map((half) => half.flat()) };
}
