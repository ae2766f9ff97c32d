import { abortable, type Delivery, type Outcome } from "../../src/connector/index.ts";
import type { SalesforceContext } from "./context.ts";
import { outcomeOfReading, outcomeOfSalesforceError } from "./errors.ts";
import type { CallItem } from "./item.ts";
import type { SalesforceWith } from "./mapping.ts";
import { keepEarlierNotes } from "./notes.ts";
import { planTasks } from "./plan.ts";
import { receiptOf } from "./receipt.ts";
import { duplicateExternalIds } from "./record.ts";
import { restoreRecreated } from "./restore-recreated.ts";
import { skipExisting } from "./skip-existing.ts";
import { writeItems } from "./write.ts";

/** Second tries may take this share of an attempt's time: their answers, and the first one's, must still come through. */
const REPAIRS_SHARE = 0.7;
/** Requests that may look for the values that spoil a batch, whatever its size. */
const MAX_SPLITS = 20;
/** The owner's address is for people to read in the receipt. */
const EMAILS_MS = 2_000;

/** deliveries → people → Tasks → one upsert, and others for those that can be repaired. One outcome per delivery, in order. */
export async function sendTasks(options: {
  deliveries: Delivery<SalesforceWith>[];
  context: SalesforceContext;
  /** Of the attempt: after it the caller has stopped listening. */
  timeoutMs: number;
  signal: AbortSignal;
}): Promise<Outcome[]> {
  const { context, timeoutMs, signal } = options;
  const untilMs = performance.now() + REPAIRS_SHARE * timeoutMs;
  const { session } = context;
  // A key that comes twice is written once: Salesforce would refuse both.
  const deliveries = [...new Map(options.deliveries.map((delivery) => [delivery.key, delivery])).values()];
  const limited = await context.dailyLimit(signal).catch(outcomeOfLimits);
  if (limited) return options.deliveries.map(() => limited);

  const outcomes = await skipExisting({ deliveries, context, signal });
  for (const key of duplicateExternalIds(deliveries.map(({ key }) => key))) outcomes.set(key, SAME_EXTERNAL_ID);
  const items = await itemsOf(deliveries.filter(({ key }) => !outcomes.has(key)));
  for (const [key, outcome] of await keepEarlierNotes({ items, session, signal })) outcomes.set(key, outcome);
  const ready = items.filter(({ delivery }) => !outcomes.has(delivery.key));

  // Before anything is written: a detail of the receipt must not cost a written Task its answer.
  const emails = await ownersEmails(ready.flatMap(({ matched }) => matched.person?.owner ?? []));
  const writing = { items: ready, context, splits: { left: MAX_SPLITS, untilMs }, untilMs, signal };
  await writeItems({ ...writing, isReplaced: false });
  await restoreRecreated(writing);
  for (const item of ready) outcomes.set(item.delivery.key, outcomeOf(item));
  return options.deliveries.map(({ key }) => outcomes.get(key) ?? NO_RESULT);

  async function itemsOf(wanted: Delivery<SalesforceWith>[]): Promise<CallItem[]> {
    const plans = await planTasks({ deliveries: wanted, context, isReplaced: false, signal });
    return wanted.flatMap((delivery) => {
      const plan = plans.get(delivery.key);
      if (plan && !("outcome" in plan)) return [{ delivery, ...plan, description: plan.task.Description, result: { error: undefined } }];
      if (plan) outcomes.set(delivery.key, plan.outcome);
      return [];
    });
  }

  async function ownersEmails(ids: string[]): Promise<Map<string, string>> {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(Math.round(Math.min(EMAILS_MS, timeoutMs / 5)))]);
    // A login in progress, which has a time of its own, is not waited for either.
    return abortable(soon, () => context.owners.emailsOf(ids, soon)).catch(() => new Map());
  }

  function outcomeOf(item: CallItem): Outcome {
    const { delivery, matched, result } = item;
    if ("outcome" in result) return result.outcome;
    if ("error" in result) return outcomeOfSalesforceError(result.error, { isUpdate: delivery.previous !== undefined });
    const ownerEmail = emails.get(matched.person?.owner ?? "");
    return { kind: "delivered", receipt: receiptOf(item, { id: result.id, ownerEmail, instanceUrl: session.instanceUrl }) };
  }
}

const SAME_EXTERNAL_ID: Outcome = {
  kind: "rejected",
  code: "same_external_id",
  reason: "another call of the batch has the same id except for capital letters, which Salesforce does not tell apart",
};
const NO_RESULT: Outcome = { kind: "ambiguous", code: "no_result", reason: "the Task's end is not known" };

function outcomeOfLimits(error: unknown): Outcome {
  return outcomeOfReading(error, { what: "the org's limits", fix: "Give the integration user the permission API Enabled" });
}
