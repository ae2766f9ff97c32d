import { outcomeOfReadError } from "../errors.ts";
import { idsWritten, KINDS, type Trip } from "../item.ts";
import type { RelatedRecords } from "../people/companies-deals.ts";

/**
 * What each call is put on: its contacts, their companies, their open deals, as its route says. What an earlier version was put on is left as it is: a
 * person may have put it elsewhere since. A call that was deleted in HubSpot meanwhile is told apart after writing.
 */
export async function findTargets(options: { trips: Trip[]; related: RelatedRecords; signal: AbortSignal }): Promise<void> {
  const { trips, related, signal } = options;
  for (const trip of trips) {
    for (const kind of KINDS) trip.targets[kind] = idsWritten(trip.delivery.previous, kind).filter((id) => !trip.gone.has(id));
    if (asksFor(trip, "contact") && trip.targets.contacts.length === 0) trip.targets.contacts = trip.contacts.map(({ id }) => id);
  }
  const lookUp = async (kind: "companies" | "deals", wanting: Trip[], ask: RelatedRecords["companiesOf"]) => {
    const ids = [...new Set(wanting.flatMap(({ contacts }) => contacts.map(({ id }) => id)))];
    if (ids.length === 0) return;
    try {
      const found = await ask(ids, { signal });
      for (const trip of wanting) trip.targets[kind] = [...new Set(trip.contacts.flatMap(({ id }) => found.get(id) ?? []))];
    } catch (error) {
      for (const trip of wanting) trip.outcome = outcomeOfReadError(error);
    }
  };
  await Promise.all([
    lookUp(
      "companies",
      trips.filter((trip) => asksFor(trip, "company") && trip.targets.companies.length === 0),
      related.companiesOf,
    ),
    lookUp(
      "deals",
      trips.filter((trip) => asksFor(trip, "open_deal") && trip.targets.deals.length === 0),
      related.openDealsOf,
    ),
  ]);
}

function asksFor({ delivery }: Trip, kind: "contact" | "company" | "open_deal"): boolean {
  return delivery.with.associate.includes(kind);
}
