import { type Delivery, type Outcome, untilAborted } from "../../src/connector.ts";
import { skipExisting } from "./existing.ts";
import { dealsFor, linkTo } from "./link.ts";
import { keepNotes } from "./notes.ts";
import type { Org } from "./open.ts";
import { outcomeOfReading, outcomeOfSalesforceError } from "./outcome.ts";
import { nameOf, receiptOf } from "./receipt.ts";
import { MappingFault, takenTwice, taskOf } from "./task.ts";
import { decideWhom, isLinked } from "./whom.ts";
import type { SalesforceWith } from "./with.ts";
import { type Item, writeTasks } from "./write.ts";

/** So much of an attempt's time may second tries take: their answers, and the first one's, must still be told. */
const REPAIRS_SHARE = 0.7;
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
  const items = await itemsOf(deliveries.filter(({ key }) => !outcomes.has(key)));
  for (const [key, outcome] of await keepNotes({ items, session, signal })) outcomes.set(key, outcome);
  const ready = items.filter(({ delivery }) => !outcomes.has(delivery.key));

  // Before anything is written: what is only nice to have must not cost a written Task its answer.
  const emails = await ownersEmails(ready.flatMap(({ whom }) => whom.person?.owner ?? []));
  await writeTasks({ items: ready, org, untilMs, signal });
  for (const item of ready) outcomes.set(item.delivery.key, outcomeOf(item));
  return options.deliveries.map(
    ({ key }) => outcomes.get(key) ?? { kind: "ambiguous", code: "no_result", reason: "the Task's end is not known" },
  );

  /** Whom each call is logged on, and the Task that follows. Those that cannot be written have an outcome instead. */
  async function itemsOf(wanted: Delivery<SalesforceWith>[]): Promise<Item[]> {
    const owners = await ownersOf(wanted);
    if ("outcome" in owners) {
      for (const { key } of wanted) outcomes.set(key, owners.outcome);
      return [];
    }
    const ownerOf = (delivery: Delivery<SalesforceWith>) => delivery.previous?.extra?.owner_id ?? owners.ids.get(emailOf(delivery));
    const { people, makeContacts, dealsOf } = org;
    const decided = await decideWhom({ deliveries: wanted, people, makeContacts, ownerOf, signal });
    const calls = wanted.flatMap((delivery) => {
      const whom = decided.get(delivery.key) ?? {};
      if (!("outcome" in whom)) return [{ delivery, whom, person: whom.person }];
      outcomes.set(delivery.key, whom.outcome);
      return [];
    });
    const found = await dealsFor({ calls, dealsOf, signal });
    return calls.flatMap(({ delivery, whom, person }) => {
      try {
        if ("outcome" in found && delivery.with.associate.includes("open_deal") && person) {
          outcomes.set(delivery.key, found.outcome);
          return [];
        }
        const deals = "deals" in found ? found.deals : new Map<string, string>();
        const link = linkTo({ person, associate: delivery.with.associate, deals });
        // Somebody chose the person before: the Subject names that one.
        const name = isLinked(delivery) ? delivery.previous?.person?.name : nameOf(person?.name);
        const task = taskOf({ delivery, name, link, owner: ownerOf(delivery), missing: org.missing, externalIdField, timezone });
        return [{ delivery, whom, task, description: task.Description, result: { error: undefined } }];
      } catch (error) {
        if (!(error instanceof MappingFault)) throw error;
        outcomes.set(delivery.key, { kind: "rejected", code: "unreadable_value", reason: error.message });
        return [];
      }
    });
  }

  async function ownersOf(wanted: Delivery<SalesforceWith>[]): Promise<{ ids: Map<string, string> } | { outcome: Outcome }> {
    const asked = wanted.filter(({ previous }) => previous?.extra?.owner_id === undefined).map(emailOf);
    const emails = asked.filter((email) => email !== "");
    try {
      return { ids: emails.length === 0 ? new Map() : await org.users.idsOf(emails, signal) };
    } catch (error) {
      const fix = "Give the integration user read access to User, or leave out owner";
      return { outcome: outcomeOfReading(error, { what: "the owner's user", fix }) };
    }
  }

  async function ownersEmails(ids: string[]): Promise<Map<string, string>> {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(Math.round(Math.min(EMAILS_MS, timeoutMs / 5)))]);
    // Also a login on the way, which has a time of its own, is not waited for.
    return untilAborted(soon, () => org.users.emailsOf(ids, soon)).catch(() => new Map());
  }

  function outcomeOf({ delivery, whom, task, result }: Item): Outcome {
    if ("error" in result) return outcomeOfSalesforceError(result.error, { isUpdate: delivery.previous !== undefined });
    const ownerEmail = emails.get(whom.person?.owner ?? "");
    return { kind: "delivered", receipt: receiptOf({ id: result.id, task, delivery, whom, ownerEmail, instanceUrl: session.instanceUrl }) };
  }
}

function emailOf({ call, with: { owner } }: Delivery<SalesforceWith>): string {
  return (owner?.trim() || call.agent_owner).trim().toLowerCase();
}

function outcomeOfLooking(error: unknown): Outcome {
  return outcomeOfReading(error, { what: "the org's limits", fix: "Give the integration user the permission API Enabled" });
}
