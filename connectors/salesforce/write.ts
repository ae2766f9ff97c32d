import type { Delivery } from "../../src/connector.ts";
import { signalUntil, tryLocked } from "./again.ts";
import type { Org } from "./open.ts";
import { putBack } from "./put-back.ts";
import { repaired } from "./repair.ts";
import type { Task } from "./task.ts";
import { type Mapped, type TaskResult, upsertTasks } from "./upsert.ts";
import { numberOf, type Whom } from "./whom.ts";
import type { SalesforceWith } from "./with.ts";

/** A call on its way into the org; `task`, `whom` and `result` become what was written in the end. */
export interface Item {
  delivery: Delivery<SalesforceWith>;
  whom: Whom;
  task: Task;
  /** The Comments of this version alone: what a Task that is not there any more would have. */
  description: unknown;
  result: TaskResult;
}

/** Both of a Task's links and a subtype may be wrong, one after another. */
const MAX_REPAIRS = 3;

/** Requests that may look for the values that spoil a batch, whatever it holds. */
const MAX_SPLITS = 20;

/**
 * One upsert for all, others for those that can be mended, and for those whose Task was gone. Never throws.
 * `untilMs` (of `performance.now()`): no second try begins after it, nor lasts longer, so that what was written gets told.
 */
export async function writeTasks(options: { items: Item[]; org: Org; untilMs: number; signal: AbortSignal }): Promise<void> {
  const { items, org, untilMs, signal } = options;
  const { session, externalIdField } = org;
  const splits = { left: MAX_SPLITS, untilMs };
  const locked: Item[] = [];
  const repeated = new Set<Item>();

  let tried = items;
  await upsert(tried, signal);
  for (let round = 0; round < MAX_REPAIRS; round += 1) {
    tried = tried.filter(mend);
    if (tried.length === 0 || performance.now() >= untilMs) break;
    await upsert(tried, signalUntil({ untilMs, signal }));
  }
  await tryLocked({ locked, run: (some) => upsert(some, signalUntil({ untilMs, signal })), untilMs, signal });
  await putBack({ items, org, splits, signal });

  async function upsert(some: Item[], until: AbortSignal): Promise<void> {
    const results = await upsertTasks({ tasks: some.map(mappedOf), splits, session, externalIdField, signal: until });
    for (const [index, item] of some.entries()) item.result = results[index] ?? { error: undefined };
  }

  /** Whether it is to be sent at once again. */
  function mend(item: Item): boolean {
    const repair = "error" in item.result ? repaired(item.task, item.result.error) : undefined;
    if (!repair) return false;
    if (repair.isLocked) {
      locked.push(item);
      return false;
    }
    // The same once more helps once.
    if (repair.task === item.task && repeated.has(item)) return false;
    repeated.add(item);
    const before = item.task;
    const isGone = (field: string) => field in before && !(field in repair.task);
    item.task = repair.task;
    if (isGone("WhoId") || (isGone("WhatId") && item.whom.person?.kind === "Account")) {
      org.people.forget(numberOf(item.delivery) ?? "");
      item.whom = { found: 0 };
    }
    return true;
  }
}

function mappedOf({ task, delivery }: Item): Mapped {
  return { task, fields: delivery.with.fields ?? {} };
}
