import { abortable, type Delivery, type Outcome } from "../../src/connector/index.ts";
import { outcomeOfReading, outcomeOfSalesforceError } from "./errors.ts";
import type { SalesforceWith } from "./mapping.ts";
import { keepNotes } from "./notes.ts";
import type { Org } from "./open.ts";
import { planTasks } from "./plan.ts";
import { receiptOf } from "./receipt.ts";
import { takenTwice } from "./record.ts";
import { putBack } from "./restore-recreated.ts";
import { skipExisting } from "./skip-existing.ts";
import { type Item, writeItems } from "./write.ts";

/** So much of an attempt's time may second tries take: their answers, and the first one's, must still come through. */
const REPAIRS_SHARE = 0.7;
/** Requests that may look for the values that spoil a batch, whatever it holds. */
const MAX_SPLITS = 20;
/** The owner's address is for people to read in the receipt. */
const EMAILS_MS = 2_000;

/** deliveries → people → Tasks → one upsert, and others for those that can be mended. One outcome per delivery, in order. */
export async function sendTasks(options: {
  deliveries: Delivery<SalesforceWith>[];
  org: Org;
  timezone: string;
  /** Of the attempt: after it the caller has stopped listening. */
  timeoutMs: number;
  signal: AbortSignal;
}): Promise<Outcome[]> {
  const { org, timezone, timeoutMs, signal } = options;
  const untilMs = performance.now() + REPAIRS_SHARE * timeoutMs;
  const { session, externalIdField } = org;
  // A key that comes twice is written once: Salesforce would refuse both.
  const deliveries = [...new Map(options.deliveries.map((delivery) => [delivery.key, delivery])).values()];
  const hold = await org.hold(signal).catch(outcomeOfLooking);
  if (hold) return options.deliveries.map(() => hold);

  const outcomes = await skipExisting({ deliveries, session, externalIdField, signal });
  for (const key of takenTwice(deliveries.map(({ key }) => key))) {
    const reason = "another call of the batch has the same id but for capital letters, which Salesforce does not tell apart";
    outcomes.set(key, { kind: "rejected", code: "same_external_id", reason });
  }
  const wanted = deliveries.filter(({ key }) => !outcomes.has(key));
  const plans = await planTasks({ deliveries: wanted, org, timezone, isReplaced: false, signal });
  const items = wanted.flatMap((delivery): Item[] => {
    const plan = plans.get(delivery.key);
    if (plan && !("outcome" in plan)) return [{ delivery, ...plan, description: plan.task.Description, result: { error: undefined } }];
    if (plan) outcomes.set(delivery.key, plan.outcome);
    return [];
  });
  for (const [key, outcome] of await keepNotes({ items, session, signal })) outcomes.set(key, outcome);
  const ready = items.filter(({ delivery }) => !outcomes.has(delivery.key));

  // Before anything is written: what is only nice to have must not cost a written Task its answer.
  const emails = await ownersEmails(ready.flatMap(({ matched }) => matched.person?.owner ?? []));
  const writing = { items: ready, org, timezone, splits: { left: MAX_SPLITS, untilMs }, untilMs, signal };
  await writeItems({ ...writing, isReplaced: false });
  await putBack(writing);
  for (const item of ready) outcomes.set(item.delivery.key, outcomeOf(item));
  return options.deliveries.map(
    ({ key }) => outcomes.get(key) ?? { kind: "ambiguous", code: "no_result", reason: "the Task's end is not known" },
  );

  async function ownersEmails(ids: string[]): Promise<Map<string, string>> {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(Math.round(Math.min(EMAILS_MS, timeoutMs / 5)))]);
    // Also a login on the way, which has a time of its own, is not waited for.
    return abortable(soon, () => org.users.emailsOf(ids, soon)).catch(() => new Map());
  }

  function outcomeOf(item: Item): Outcome {
    const { delivery, matched, task, leftOut, result } = item;
    if ("outcome" in result) return result.outcome;
    if ("error" in result) return outcomeOfSalesforceError(result.error, { isUpdate: delivery.previous !== undefined });
    const ownerEmail = emails.get(matched.person?.owner ?? "");
    const receipt = receiptOf({ id: result.id, task, delivery, matched, leftOut, ownerEmail, instanceUrl: session.instanceUrl });
    return { kind: "delivered", receipt };
  }
}

function outcomeOfLooking(error: unknown): Outcome {
  return outcomeOfReading(error, { what: "the org's limits", fix: "Give the integration user the permission API Enabled" });
}
