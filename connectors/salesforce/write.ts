import type { SplitBudget } from "../../src/connector/index.ts";
import type { SalesforceContext } from "./context.ts";
import type { CallItem } from "./item.ts";
import { forgetReferences, lookUpAgain } from "./look-up-again.ts";
import { refusedKey } from "./record.ts";
import { type Repair, repairOf } from "./repair.ts";
import { retryLocked, signalUntil } from "./retry-locked.ts";
import { type TaskToWrite, upsertTasks } from "./upsert.ts";
import { SalesforceError } from "./vendor-error.ts";

export interface WriteOptions {
  items: CallItem[];
  context: SalesforceContext;
  /** Requests that may look for the values that spoil a batch. */
  splits: SplitBudget & { untilMs: number };
  /** Of `performance.now()`: no second try begins after it, nor lasts longer, so that the results of the first one are known. */
  untilMs: number;
  signal: AbortSignal;
}

/** Looked up again, without the deal, without the person, without the owner, and some details: one after another. */
const MAX_REPAIRS = 6;

/** The org does not have the field, or the user may not write it: this is so for every call, and remembered. */
const FOR_ALL = new Set(["INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"]);

/**
 * One upsert for all, and others for those that can be repaired: looked up again where what they refer to is gone, without the detail that was
 * refused. Never throws. `isReplaced`: the Tasks are new ones in place of deleted ones, and their people may be gone as well.
 */
export async function writeItems(options: WriteOptions & { isReplaced: boolean }): Promise<void> {
  const { items, isReplaced, context, splits, untilMs, signal } = options;
  const { session, externalIdField, people } = context;
  const locked: CallItem[] = [];
  const repeated = new Set<CallItem>();
  const lookedUpAgain = new Set<CallItem>();
  const dropped = new Map<CallItem, Set<string>>();
  const bounded = () => signalUntil({ untilMs, signal });

  let tried = items;
  await upsert(tried, signal);
  for (let round = 0; round < MAX_REPAIRS && performance.now() < untilMs; round += 1) {
    const steps = Map.groupBy(tried, prepareRetry);
    const stale = steps.get("look up again") ?? [];
    const ready = steps.get("send") ?? [];
    if (stale.length > 0) ready.push(...(await lookUpAgain({ items: stale, dropped, isReplaced, context, signal: bounded() })));
    if (ready.length === 0 || performance.now() >= untilMs) break;
    await upsert(ready, bounded());
    tried = ready;
  }
  await retryLocked({ locked, run: (some) => upsert(some, bounded()), untilMs, signal });

  async function upsert(some: CallItem[], until: AbortSignal): Promise<void> {
    const results = await upsertTasks({ tasks: some.map(taskToWrite), splits, session, externalIdField, signal: until });
    for (const [index, item] of some.entries()) item.result = results[index] ?? { error: undefined };
  }

  /** Changes the item for its next try, and says what comes before it; undefined: this round has none. */
  function prepareRetry(item: CallItem): "send" | "look up again" | undefined {
    const repair = repairFor(item);
    switch (repair?.kind) {
      case "locked":
        locked.push(item);
        return undefined;
      case "again":
        if (repeated.has(item)) return undefined;
        repeated.add(item);
        return "send";
      case "stale":
        lookedUpAgain.add(item);
        forgetReferences({ item, code: codeOf(item), context });
        return "look up again";
      case "lost":
        item.leftOut = [...item.leftOut, { field: repair.field, code: codeOf(item) }];
        people.gone(String(item.task[repair.field]));
        return "look up again";
      case "without":
        dropped.set(item, new Set([...(dropped.get(item) ?? []), ...Object.keys(item.task).filter((field) => !(field in repair.task))]));
        item.task = repair.task;
        item.leftOut = [...item.leftOut, ...repair.leftOut];
        for (const { field, code } of repair.leftOut) if (FOR_ALL.has(code)) context.refused.set(refusedKey(field, item.delivery), code);
        return "send";
    }
    return undefined;
  }

  function repairFor(item: CallItem): Repair | undefined {
    const { task, result, delivery, matched } = item;
    if (!("error" in result)) return undefined;
    const ownFields = Object.keys(delivery.with.fields ?? {});
    const personField = matched.person?.kind === "Account" || !("WhoId" in task) ? "WhatId" : "WhoId";
    return repairOf({ task, error: result.error, isFresh: lookedUpAgain.has(item), externalIdField, ownFields, personField });
  }
}

function codeOf({ result }: CallItem): string {
  return "error" in result && result.error instanceof SalesforceError ? result.error.code : "";
}

function taskToWrite({ task, delivery }: CallItem): TaskToWrite {
  const own = Object.entries(delivery.with.fields ?? {}).filter(([field]) => field in task);
  return { task, fields: Object.fromEntries(own) };
}
