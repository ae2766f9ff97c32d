import type { Delivery, Outcome } from "../../src/connector/index.ts";
import type { SalesforceContext } from "./context.ts";
import { outcomeOfReading } from "./errors.ts";
import type { PersonFound, Plan } from "./item.ts";
import type { SalesforceWith } from "./mapping.ts";
import type { SalesforcePerson } from "./people/find.ts";
import { isLinked } from "./people/match.ts";
import { nameOf } from "./receipt.ts";
import { MappingFault, refusedKey, taskOf } from "./record.ts";
import { drop } from "./repair.ts";
import { findDeals, relationsOf } from "./task-relations.ts";

/**
 * deliveries → owners → people → deals → Tasks; by key. A delivery that cannot be written now has an outcome instead. `isReplaced`: the person of an
 * earlier version is gone, and is searched for again although it was chosen. `successors`: who took the place of a call's person, by the call's key.
 */
export async function planTasks(options: {
  deliveries: Delivery<SalesforceWith>[];
  context: SalesforceContext;
  isReplaced: boolean;
  successors?: ReadonlyMap<string, SalesforcePerson>;
  signal: AbortSignal;
}): Promise<Map<string, Plan | { outcome: Outcome }>> {
  const { deliveries, context, isReplaced, successors, signal } = options;
  const { people, missing, externalIdField, timezone } = context;
  const owners = await ownersOf({ deliveries, context, signal });
  if ("outcome" in owners) return new Map(deliveries.map(({ key }) => [key, owners]));
  const ownerOf = (delivery: Delivery<SalesforceWith>) => delivery.previous?.extra?.owner_id ?? owners.ids.get(emailOf(delivery));
  const keepsPerson = (delivery: Delivery<SalesforceWith>) => isLinked(delivery) && !isReplaced;
  const matches = await people.match(
    deliveries
      .filter((delivery) => !keepsPerson(delivery))
      .map((delivery) => ({ delivery, owner: ownerOf(delivery), successor: successors?.get(delivery.key) })),
    { signal },
  );

  const plans = new Map<string, Plan | { outcome: Outcome }>();
  const calls = deliveries.flatMap((delivery) => {
    const match = matches.get(delivery.key) ?? { people: [] };
    if ("outcome" in match) {
      plans.set(delivery.key, match);
      return [];
    }
    const { people, ...matched } = match;
    return [{ delivery, matched, person: people[0] }];
  });
  const found = await findDeals({ calls, deals: context.deals, signal });
  for (const { delivery, matched, person } of calls) {
    const wantsDeal = delivery.with.associate.includes("open_deal") && person !== undefined;
    plans.set(delivery.key, "outcome" in found && wantsDeal ? found : planOf(delivery, { ...matched, ...(person && { person }) }));
  }
  return plans;

  function planOf(delivery: Delivery<SalesforceWith>, matched: PersonFound): Plan | { outcome: Outcome } {
    const { person } = matched;
    const deals = "deals" in found ? found.deals : new Map<string, string>();
    const relations = relationsOf({ person, associate: delivery.with.associate, deals });
    const name = keepsPerson(delivery) ? delivery.previous?.person?.name : nameOf(person?.name);
    const owner = ownerOf(delivery);
    const isUnowned = owner === undefined && emailOf(delivery) !== "";
    try {
      const task = taskOf({ delivery, name, relations, owner, missing, externalIdField, timezone });
      const refused = Object.keys(task).flatMap((field) => {
        const code = context.refused.get(refusedKey(field, delivery));
        return code === undefined ? [] : [{ field, code }];
      });
      const names = refused.map(({ field }) => field);
      const leftOut = isUnowned ? [{ field: "OwnerId", code: "no_active_user" }, ...refused] : refused;
      return { matched, task: drop(task, names), leftOut };
    } catch (error) {
      if (!(error instanceof MappingFault)) throw error;
      return { outcome: { kind: "rejected", code: "unreadable_value", reason: error.message } };
    }
  }
}

async function ownersOf(options: {
  deliveries: Delivery<SalesforceWith>[];
  context: SalesforceContext;
  signal: AbortSignal;
}): Promise<{ ids: Map<string, string> } | { outcome: Outcome }> {
  const { deliveries, context, signal } = options;
  const asked = deliveries.filter(({ previous }) => previous?.extra?.owner_id === undefined).map(emailOf);
  const emails = asked.filter((email) => email !== "");
  try {
    return { ids: emails.length === 0 ? new Map() : await context.owners.idsOf(emails, signal) };
  } catch (error) {
    const fix = "Give the integration user read access to User, or leave out owner";
    return { outcome: outcomeOfReading(error, { what: "the owner's user", fix }) };
  }
}

/** The owner's address that the route or the agent gives, in small letters; "" where neither does. */
export function emailOf({ call, with: { owner } }: Delivery<SalesforceWith>): string {
  return (owner?.trim() || call.agent_owner).trim().toLowerCase();
}
