import { choosePeople, customersOf, type Outcome, whenNobody } from "../../../src/connector/index.ts";
import { outcomeOfReadError } from "../errors.ts";
import { idsWritten, type Trip } from "../item.ts";
import type { ContactMaker } from "./create.ts";
import type { Contact, ContactFinder, FoundContacts, WantedNumber } from "./find.ts";
import type { Owners } from "./owners.ts";

/** The address of the owner that the route or the agent names. */
export function ownerOf({ delivery: { call, with: words } }: Trip): string | undefined {
  return words.owner?.trim() || call.agent_owner || undefined;
}

/** The owner that the route or the agent names, as HubSpot's id; an address that HubSpot does not know is left out. */
export async function findOwners(options: { trips: Trip[]; owners: Owners; signal: AbortSignal }): Promise<void> {
  const { trips, owners, signal } = options;
  await Promise.all(
    trips.map(async (trip) => {
      const email = ownerOf(trip);
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
  const limits = () => ({ maxWaitMs: Math.max(0, searchUntilMs - performance.now()), signal });
  const searching = new Map<string, Promise<FoundContacts>>();
  const find = (wanted: WantedNumber) => {
    const key = JSON.stringify(wanted);
    const found = searching.get(key) ?? finder.find(wanted, limits());
    searching.set(key, found);
    return found;
  };
  await Promise.all(
    trips.map(async (trip) => {
      if (isKnown(trip)) return;
      const numbers = wantedNumbers(trip);
      if (numbers.length === 0) return;
      const found = together(await Promise.all(numbers.map(find)));
      const [number] = numbers;
      if (settle(trip, found, numbers.length) || !number || "outcome" in found) return;
      const made = await maker.make(number, { owner: trip.ownerId, justAsked: found.asked, ...limits() });
      if ("outcome" in made) {
        trip.outcome = made.outcome;
        return;
      }
      trip.found = made.contacts.length;
      if (made.refused !== undefined) trip.contactRefused = made.refused;
      if (made.leftOut !== undefined) trip.leftOut.push(made.leftOut);
      trip.contacts = chosen(trip, made.contacts);
    }),
  );
}

/** Those that an earlier version of the call was put on, and that are there. */
function isKnown(trip: Trip): boolean {
  const { previous } = trip.delivery;
  const ids = new Set([...(previous?.person ? [previous.person.id] : []), ...idsWritten(previous, "contacts")]);
  const known = [...ids].filter((id) => !trip.gone.has(id));
  if (known.length === 0) return false;
  trip.contacts = known.map((id) => ({ id, modifiedAtMs: 0, ...(id === previous?.person?.id ? nameOf(previous.person) : {}) }));
  trip.found = previous?.found;
  return true;
}

/** None for a customer who cannot be known, two where the side is not known; but those that the route says are nobody's. */
export function wantedNumbers({ delivery }: Trip): WantedNumber[] {
  const { call, with: words } = delivery;
  const numbers = customersOf(call).filter(({ number }) => !words.match.never?.includes(number));
  return numbers.map((customer) => ({ ...customer, fields: words.match.phone_fields }));
}

/** Who has one of several numbers. */
function together(all: FoundContacts[]): FoundContacts {
  const contacts = new Map<string, Contact>();
  let [total, asked] = [0, true];
  for (const found of all) {
    if ("outcome" in found) return found;
    for (const contact of found.contacts) contacts.set(contact.id, contact);
    total += found.total - found.contacts.length;
    asked &&= found.asked;
  }
  return { contacts: [...contacts.values()], total: total + contacts.size, asked };
}

/** `false`: nobody has the number, and somebody is to be made. */
function settle(trip: Trip, found: FoundContacts, numbers: number): boolean {
  if ("outcome" in found) {
    trip.outcome = found.outcome;
    return true;
  }
  trip.found = found.total;
  trip.contacts = chosen(trip, found.contacts);
  // A call that is logged already is not held back for somebody who may never come.
  if (found.contacts.length > 0 || trip.delivery.previous) return true;
  const { match, associate } = trip.delivery.with;
  const next = whenNobody({ onNone: match.on_none, sinceAcceptedMs: trip.delivery.sinceAcceptedMs, numbers });
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
