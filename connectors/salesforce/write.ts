import type { Delivery, Outcome } from "../../src/connector/index.ts";
import { forgetAll, lookAgain } from "./look-up-again.ts";
import type { SalesforceWith } from "./mapping.ts";
import type { Org } from "./open.ts";
import type { Plan } from "./plan.ts";
import { refusedKey } from "./record.ts";
import { type Repair, repairOf } from "./repair.ts";
import { signalUntil, tryLocked } from "./retry-locked.ts";
import { type Mapped, type Splits, type TaskResult, upsertTasks } from "./upsert.ts";
import { SalesforceError } from "./vendor-error.ts";

/** A call on its way into the org; `task`, `matched`, `leftOut` and `result` become what was written in the end. */
export interface Item extends Plan {
  delivery: Delivery<SalesforceWith>;
  /** The Comments of this version alone: what a Task that is not there any more would have. */
  description: unknown;
  result: TaskResult | { outcome: Outcome };
}

export interface Writing {
  org: Org;
  timezone: string;
  splits: Splits;
  /** Of `performance.now()`: no second try begins after it, nor lasts longer, so that what was written is known. */
  untilMs: number;
  signal: AbortSignal;
}

/** Looked up again, without the deal, without the person, without the owner, and some details: one after another. */
const MAX_REPAIRS = 6;

/** A field that the org has not, or that the user may not write: of every call alike, and remembered for so long. */
const FOR_ALL = new Set(["INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"]);
const REFUSED_FOR_MS = 10 * 60_000;

/**
 * One upsert for all, and others for those that can be put right: looked up again where what they refer to is gone, without the detail that was
 * refused. Never throws. `isReplaced`: the Tasks are new ones in place of deleted ones, and their people may be gone as well.
 */
export async function writeItems(options: Writing & { items: Item[]; isReplaced: boolean }): Promise<void> {
  const { items, isReplaced, org, timezone, splits, untilMs, signal } = options;
  const { session, externalIdField, people } = org;
  const locked: Item[] = [];
  const repeated = new Set<Item>();
  const fresh = new Set<Item>();
  const dropped = new Map<Item, Set<string>>();

  let tried = items;
  await upsert(tried, signal);
  for (let round = 0; round < MAX_REPAIRS && performance.now() < untilMs; round += 1) {
    const stale: Item[] = [];
    const ready = tried.filter((item) => {
      const next = put(item);
      if (next === "look again") stale.push(item);
      return next === "send";
    });
    if (stale.length > 0)
      ready.push(...(await lookAgain({ items: stale, dropped, isReplaced, org, timezone, signal: signalUntil({ untilMs, signal }) })));
    if (ready.length === 0 || performance.now() >= untilMs) break;
    await upsert(ready, signalUntil({ untilMs, signal }));
    tried = ready;
  }
  await tryLocked({ locked, run: (some) => upsert(some, signalUntil({ untilMs, signal })), untilMs, signal });

  async function upsert(some: Item[], until: AbortSignal): Promise<void> {
    const results = await upsertTasks({ tasks: some.map(mappedOf), splits, session, externalIdField, signal: until });
    for (const [index, item] of some.entries()) item.result = results[index] ?? { error: undefined };
  }

  function put(item: Item): "send" | "look again" | undefined {
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
        fresh.add(item);
        forgetAll({ item, code: codeOf(item), org });
        return "look again";
      case "lost":
        item.leftOut = [...item.leftOut, { field: repair.field, code: codeOf(item) }];
        people.lose(String(item.task[repair.field]));
        return "look again";
      case "without":
        dropped.set(item, new Set([...(dropped.get(item) ?? []), ...Object.keys(item.task).filter((field) => !(field in repair.task))]));
        item.task = repair.task;
        item.leftOut = [...item.leftOut, ...repair.leftOut];
        for (const { field, code } of repair.leftOut) {
          if (FOR_ALL.has(code)) org.refused.set(refusedKey(field, item.delivery), code, REFUSED_FOR_MS);
        }
        return "send";
    }
    return undefined;
  }

  function repairFor(item: Item): Repair | undefined {
    const { task, result, delivery, matched } = item;
    if (!("error" in result)) return undefined;
    const ownFields = Object.keys(delivery.with.fields ?? {});
    const personField = matched.person?.kind === "Account" || !("WhoId" in task) ? "WhatId" : "WhoId";
    return repairOf({ task, error: result.error, isFresh: fresh.has(item), externalIdField, ownFields, personField });
  }
}

function codeOf({ result }: Pick<Item, "result">): string {
  return "error" in result && result.error instanceof SalesforceError ? result.error.code : "";
}

function mappedOf({ task, delivery }: Item): Mapped {
  const own = Object.entries(delivery.with.fields ?? {}).filter(([field]) => field in task);
  return { task, fields: Object.fromEntries(own) };
}
