import { choosePeople, customerOf, homeCodeOf, type Outcome, whenNobody } from "../../src/connector.ts";
import type { ContactFinder, FoundContacts, WantedNumber } from "./contacts.ts";
import type { ContactMaker } from "./make-contact.ts";
import { outcomeOfReadError } from "./outcome.ts";
import type { Owners } from "./owners.ts";
import { idsWritten, type Trip } from "./trip.ts";

/** The owner that the route or the agent names, as HubSpot's id; an address that HubSpot does not know is left out. */
export async function findOwners(options: { trips: Trip[]; owners: Owners; signal: AbortSignal }): Promise<void> {
  const { trips, owners, signal } = options;
  await Promise.all(
    trips.map(async (trip) => {
      const { call, with: words } = trip.delivery;
      const email = words.owner?.trim() || call.agent_owner;
      if (!email) return;
      try {
        trip.ownerId = await owners.idOf(email, { signal });
      } catch (error) {
        trip.outcome = outcomeOfReadError(error);
      }
    }),
  );
}

/**
 * Whom each call is logged on. Who is on a person already stays there: she may have been chosen by hand. Each number is looked up once.
 * `searchUntilMs`: of `performance.now()`; calls whose number cannot be looked up by then come again later, the others go on.
 */
export async function findPeople(options: {
  trips: Trip[];
  finder: ContactFinder;
  maker: ContactMaker;
  searchUntilMs: number;
  signal: AbortSignal;
}): Promise<void> {
  const { trips, finder, maker, searchUntilMs, signal } = options;
  const searching = new Map<string, { wanted: WantedNumber; trips: Trip[] }>();
  for (const trip of trips) {
    const { previous } = trip.delivery;
    const known = [...new Set([...(previous?.person ? [previous.person.id] : []), ...idsWritten(previous, "contacts")])];
    if (known.length > 0) {
      trip.contacts = known.map((id) => ({ id, modifiedAtMs: 0, ...(id === previous?.person?.id ? nameOf(previous.person) : {}) }));
      trip.found = previous?.found;
      continue;
    }
    const wanted = wantedNumber(trip);
    if (!wanted) continue;
    const key = JSON.stringify(wanted);
    const same = searching.get(key) ?? { wanted, trips: [] };
    same.trips.push(trip);
    searching.set(key, same);
  }
  await Promise.all(
    [...searching.values()].map(async ({ wanted, trips }) => {
      const limits = () => ({ maxWaitMs: Math.max(0, searchUntilMs - performance.now()), signal });
      const found = await finder.find(wanted, limits());
      const nobodyYet = trips.filter((trip) => !settle(trip, found));
      const [first] = nobodyYet;
      if (!first || "outcome" in found) return;
      const made = await maker.make(wanted, { owner: first.ownerId, justAsked: found.asked, ...limits() });
      for (const trip of nobodyYet) {
        if ("outcome" in made) trip.outcome = made.outcome;
        else {
          trip.found = made.contacts.length;
          if (made.refused !== undefined) trip.contactRefused = made.refused;
          trip.contacts = chosen(trip, made.contacts);
        }
      }
    }),
  );
}

/** Undefined for a customer who cannot be known, and for a number that the route says is nobody's. */
export function wantedNumber({ delivery }: Trip): WantedNumber | undefined {
  const { call, with: words } = delivery;
  const customer = customerOf(call);
  if ("unknown" in customer || words.match.never?.includes(customer.number)) return undefined;
  return { number: customer.number, homeCode: homeCodeOf(call), fields: words.match.phone_fields };
}

/** `false`: nobody has the number, and somebody is to be made. */
function settle(trip: Trip, found: FoundContacts): boolean {
  if ("outcome" in found) {
    trip.outcome = found.outcome;
    return true;
  }
  trip.found = found.contacts.length;
  trip.contacts = chosen(trip, found.contacts);
  // A call that is logged already is not held back for somebody who may never come.
  if (found.contacts.length > 0 || trip.delivery.previous) return true;
  const { match, associate } = trip.delivery.with;
  const next = whenNobody({ onNone: match.on_none, sinceAcceptedMs: trip.delivery.sinceAcceptedMs });
  if (typeof next === "object") trip.outcome = nobodyYet(next.againInMs);
  return next !== "create_contact" || !associate.includes("contact");
}

function chosen(trip: Trip, candidates: Trip["contacts"]): Trip["contacts"] {
  return choosePeople({ candidates, onMany: trip.delivery.with.match.on_many, owner: trip.ownerId });
}

function nobodyYet(retryAfterMs: number): Outcome {
  const reason = "no contact in HubSpot has the number yet, and the route waits for one";
  return { kind: "retry", because: "not-yet", code: "no_person_yet", reason, retryAfterMs: Math.ceil(retryAfterMs) };
}

function nameOf({ name }: { name?: string }): { name?: string } {
  return name === undefined ? {} : { name };
}
