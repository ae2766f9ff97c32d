import { z } from "zod";
import { OpenError } from "../../src/connector/index.ts";
import type { Session } from "./client.ts";
import { outcomeOfSalesforceError } from "./errors.ts";
import type { Task } from "./record.ts";
import { signalUntil } from "./retry-locked.ts";
import { readVendorErrors, SalesforceError } from "./vendor-error.ts";

/** What became of one Task: its id, or the error that it met with, alone or with the whole request. */
export type TaskResult = { id: string } | { error: unknown };

/** A Task, and the route's own fields in it: a value that is not of its field's type is one of these. */
export interface Mapped {
  task: Task;
  fields: Record<string, string>;
}

/** How many requests may look for what spoils a whole one, and until when (`performance.now()`). One for each `send`: it is counted down. */
export interface Splits {
  left: number;
  untilMs: number;
}

const itemAnswer = z.object({ id: z.string().nullish(), success: z.boolean(), errors: z.array(z.unknown()).default([]) });

/**
 * Upserts up to 200 Tasks in one request (sObject Collections, API 46.0 and later). Never throws; one result per Task, in order.
 * Always the collection, also for one record: the single form would put the external id into the path.
 */
export async function upsertTasks(options: {
  tasks: Mapped[];
  splits: Splits;
  session: Session;
  externalIdField: string;
  signal: AbortSignal;
}): Promise<TaskResult[]> {
  const { tasks, splits, session, externalIdField, signal } = options;
  const results = new Map<Mapped, TaskResult>();
  if (tasks.length > 0) await write(tasks, signal);
  return tasks.map((one) => results.get(one) ?? { error: undefined });

  async function write(some: Mapped[], until: AbortSignal): Promise<void> {
    const body = { allOrNone: false, records: some.map(({ task }) => ({ attributes: { type: "Task" }, ...task })) };
    try {
      const answer = await session.request(
        { method: "PATCH", path: `/composite/sobjects/Task/${externalIdField}`, body },
        { signal: until },
      );
      const items = z.array(itemAnswer).length(some.length).safeParse(answer);
      if (!items.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
      for (const [index, item] of items.data.entries()) {
        const error = () => new SalesforceError({ errors: readVendorErrors(item.errors) });
        results.set(some[index] as Mapped, item.success && item.id ? { id: item.id } : { error: error() });
      }
    } catch (error) {
      const isAboutOne = !(error instanceof OpenError) && outcomeOfSalesforceError(error).kind === "rejected";
      const halves = isAboutOne ? halvesOf(some, error) : undefined;
      if (!halves) for (const one of some) results.set(one, { error });
      else for (const half of halves) await writeHalf(half);
    }
  }

  /** The rest waits when the budget or the time is used up. */
  async function writeHalf(half: Mapped[]): Promise<void> {
    if (splits.left > 0 && performance.now() < splits.untilMs) {
      splits.left -= 1;
      await write(half, signalUntil({ untilMs: splits.untilMs, signal }));
      return;
    }
    const error = new SalesforceError({ errors: [{ code: "BATCH_REFUSED" }] });
    for (const one of half) results.set(one, { error });
  }
}

/**
 * A value of the wrong type spoils the whole request (JSON_PARSER_ERROR): the halves find whose it is. Tasks to which the route gives the same
 * values stand or fall together, so that a mapping that is wrong for all costs two or three requests. Undefined: all of them are to blame.
 */
function halvesOf(tasks: Mapped[], error: unknown): [Mapped[], Mapped[]] | undefined {
  const code = error instanceof SalesforceError ? error.code : "";
  const named: string[] = error instanceof SalesforceError ? error.fields : [];
  const isNamed = ([field]: [string, string]) => named.length === 0 || named.includes(field);
  const alike = (one: Mapped) => JSON.stringify(Object.entries(one.fields).filter(isNamed));
  const isAboutValues = code === "JSON_PARSER_ERROR" || named.length > 0;
  const groups = isAboutValues ? [...Map.groupBy(tasks, alike).values()] : [];
  if (groups.length === 1 && alike(tasks[0] as Mapped) !== "[]") return undefined;
  const units = groups.length > 1 ? groups : tasks.map((one) => [one]);
  if (units.length === 1) return undefined;
  const middle = Math.ceil(units.length / 2);
  return [units.slice(0, middle).flat(), units.slice(middle).flat()];
}
