import type { Delivery, Outcome } from "../../src/connector/index.ts";
import { outcomeOfReading } from "./errors.ts";
import type { SalesforceWith } from "./mapping.ts";
import type { Org } from "./open.ts";
import type { Candidate } from "./people/find.ts";
import { isLinked, type Matched, matchPeople } from "./people/match.ts";
import { nameOf } from "./receipt.ts";
import { MappingFault, refusedKey, type Task, taskOf } from "./record.ts";
import { drop } from "./repair.ts";
import { dealsFor, linkTo } from "./task-relations.ts";

/** The person that a call is logged on, and the Task that follows. */
export interface Plan {
  matched: Matched;
  task: Task;
  /** Details that the Task is without, and why. */
  leftOut: { field: string; code: string }[];
}

/** deliveries → owners → people → deals → Tasks; by key. Those that cannot be written now have an outcome instead. `isReplaced`, `heirs`: see {@link matchPeople}. */
export async function planTasks(options: {
  deliveries: Delivery<SalesforceWith>[];
  org: Org;
  timezone: string;
  isReplaced: boolean;
  heirs?: ReadonlyMap<string, Candidate>;
  signal: AbortSignal;
}): Promise<Map<string, Plan | { outcome: Outcome }>> {
  const { deliveries, org, timezone, isReplaced, heirs = new Map(), signal } = options;
  const { people, makeContacts, missing, externalIdField } = org;
  const owners = await ownersOf({ deliveries, org, signal });
  if ("outcome" in owners) return new Map(deliveries.map(({ key }) => [key, owners]));
  const ownerOf = (delivery: Delivery<SalesforceWith>) => delivery.previous?.extra?.owner_id ?? owners.ids.get(emailOf(delivery));
  const decided = await matchPeople({ deliveries, people, makeContacts, ownerOf, isReplaced, heirs, signal });

  const plans = new Map<string, Plan | { outcome: Outcome }>();
  const calls = deliveries.flatMap((delivery) => {
    const matched = decided.get(delivery.key) ?? {};
    if (!("outcome" in matched)) return [{ delivery, matched, person: matched.person }];
    plans.set(delivery.key, matched);
    return [];
  });
  const found = await dealsFor({ calls, deals: org.deals, signal });
  for (const { delivery, matched, person } of calls) {
    const wantsDeal = delivery.with.associate.includes("open_deal") && person !== undefined;
    plans.set(delivery.key, "outcome" in found && wantsDeal ? found : planOf(delivery, matched));
  }
  return plans;

  function planOf(delivery: Delivery<SalesforceWith>, matched: Matched): Plan | { outcome: Outcome } {
    const { person } = matched;
    const deals = "deals" in found ? found.deals : new Map<string, string>();
    const link = linkTo({ person, associate: delivery.with.associate, deals });
    // Somebody chose the person before: the Subject names that one.
    const name = isLinked(delivery) && !isReplaced ? delivery.previous?.person?.name : nameOf(person?.name);
    const owner = ownerOf(delivery);
    const isUnowned = owner === undefined && emailOf(delivery) !== "";
    try {
      const task = taskOf({ delivery, name, link, owner, missing, externalIdField, timezone });
      const refused = Object.keys(task).flatMap((field) => {
        const code = org.refused.get(refusedKey(field, delivery));
        return code === undefined ? [] : [{ field, code }];
      });
      const names = refused.map(({ field }) => field);
      return {
        matched,
        task: drop(task, names),
        leftOut: isUnowned ? [{ field: "OwnerId", code: "no_active_user" }, ...refused] : refused,
      };
    } catch (error) {
      if (!(error instanceof MappingFault)) throw error;
      return { outcome: { kind: "rejected", code: "unreadable_value", reason: error.message } };
    }
  }
}

async function ownersOf(options: {
  deliveries: Delivery<SalesforceWith>[];
  org: Org;
  signal: AbortSignal;
}): Promise<{ ids: Map<string, string> } | { outcome: Outcome }> {
  const { deliveries, org, signal } = options;
  const asked = deliveries.filter(({ previous }) => previous?.extra?.owner_id === undefined).map(emailOf);
  const emails = asked.filter((email) => email !== "");
  try {
    return { ids: emails.length === 0 ? new Map() : await org.users.idsOf(emails, signal) };
  } catch (error) {
    const fix = "Give the integration user read access to User, or leave out owner";
    return { outcome: outcomeOfReading(error, { what: "the owner's user", fix }) };
  }
}

/** The owner's address that the route or the agent gives, in small letters; "" where neither does. */
export function emailOf({ call, with: { owner } }: Delivery<SalesforceWith>): string {
  return (owner?.trim() || call.agent_owner).trim().toLowerCase();
}
