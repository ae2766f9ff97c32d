import { setTimeout as delay } from "node:timers/promises";
import type { Delivery, Outcome, Receipt } from "../../src/connector.ts";
import { lookUpAll } from "./look-up.ts";
import { keepNotes, notesOf } from "./notes.ts";
import { outcomeOfSalesforceError } from "./outcome.ts";
import { callerOf, choosePerson, type People } from "./people.ts";
import { repaired } from "./repair.ts";
import type { Session } from "./session.ts";
import type { SalesforceWith } from "./settings.ts";
import { MappingFault, type Task, taskOf } from "./task.ts";
import { type TaskResult, upsertTasks } from "./upsert.ts";

interface Item {
  delivery: Delivery<SalesforceWith>;
  task: Task;
  result: TaskResult;
  isLocked: boolean;
}

/** A lock is held for as long as another transaction runs; both would meet again without chance in it. */
const AGAIN_AFTER_MS = { least: 100, spread: 300 };

const NOT_SENT: TaskResult = { error: undefined };

/** deliveries → people → Tasks → one upsert, and a second one for those that can be mended. One outcome per delivery, in order. */
export async function sendTasks(options: {
  deliveries: Delivery<SalesforceWith>[];
  session: Session;
  people: People;
  externalIdField: string;
  timezone: string;
  signal: AbortSignal;
}): Promise<Outcome[]> {
  const { deliveries, session, people, externalIdField, timezone, signal } = options;
  const outcomes = new Map<string, Outcome>();
  const items: Item[] = [];

  const found = await lookUpAll({ callers: deliveries.map(({ call }) => callerOf(call)), people, signal });
  for (const delivery of deliveries) {
    const matches = found(callerOf(delivery.call));
    if ("outcome" in matches) {
      outcomes.set(delivery.key, matches.outcome);
      continue;
    }
    try {
      const person = choosePerson(matches.people, delivery.with.match.on_many);
      items.push({ delivery, task: taskOf({ delivery, person, externalIdField, timezone }), result: NOT_SENT, isLocked: false });
    } catch (error) {
      if (!(error instanceof MappingFault)) throw error;
      outcomes.set(delivery.key, { kind: "rejected", code: "unreadable_value", reason: error.message });
    }
  }

  const unread = await keepNotes({ items, session, signal });
  for (const [key, outcome] of unread) outcomes.set(key, outcome);
  const ready = items.filter(({ delivery }) => !unread.has(delivery.key));

  await upsert(ready);
  const again = ready.filter(mend);
  if (again.some((item) => item.isLocked)) {
    await delay(AGAIN_AFTER_MS.least + Math.random() * AGAIN_AFTER_MS.spread, undefined, { signal }).catch(() => undefined);
  }
  // Out of time: they keep the outcome of the first try, and the others theirs.
  if (again.length > 0 && !signal.aborted) await upsert(again);

  for (const item of ready) outcomes.set(item.delivery.key, outcomeOf(item, session.instanceUrl));
  return deliveries.map(({ key }) => outcomes.get(key) ?? { kind: "ambiguous", code: "no_result", reason: "the Task's end is not known" });

  async function upsert(some: Item[]): Promise<void> {
    const results = await upsertTasks({ tasks: some.map(({ task }) => task), session, externalIdField, signal });
    for (const [index, item] of some.entries()) item.result = results[index] ?? NOT_SENT;
  }

  function mend(item: Item): boolean {
    const repair = "error" in item.result ? repaired(item.task, item.result.error) : undefined;
    if (!repair) return false;
    item.task = repair.task;
    item.isLocked = repair.isLocked ?? false;
    const caller = callerOf(item.delivery.call);
    if (repair.isStale && caller) people.forget(caller);
    return true;
  }
}

function outcomeOf({ delivery, task, result }: Item, instanceUrl: string): Outcome {
  if ("error" in result) return outcomeOfSalesforceError(result.error);
  return { kind: "delivered", receipt: receiptOf({ id: result.id, task, delivery, instanceUrl }) };
}

/** Ids, and the names of the parts in the Comments: the receipt is kept for long, and names nobody. */
function receiptOf(options: { id: string; task: Task; delivery: Delivery<SalesforceWith>; instanceUrl: string }): Receipt {
  const { id, task, delivery, instanceUrl } = options;
  const { previous } = delivery;
  const notes = notesOf(delivery);
  const who = textOf(task.WhoId) ?? previous?.extra?.who_id;
  const what = textOf(task.WhatId) ?? previous?.extra?.what_id;
  const extra = { ...(who ? { who_id: who } : {}), ...(what ? { what_id: what } : {}), ...(notes ? { notes } : {}) };
  const url = `${instanceUrl}/lightning/r/Task/${id}/view`;
  return Object.keys(extra).length > 0 ? { id, url, extra } : { id, url };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
