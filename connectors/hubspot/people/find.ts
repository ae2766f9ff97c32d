import { type Candidate, createExpiringCache, isSameNumber, type Outcome } from "../../../src/connector/index.ts";
import type { Found, HubSpotRecord } from "../answers.ts";
import { type HubSpotApi, SEARCHES } from "../client.ts";
import { outcomeOfReadError } from "../errors.ts";
import { TooManyWaitError } from "../pace.ts";
import { MAX_FOUND_PER_PAGE, searchRecords } from "../requests.ts";
import { searchesFor } from "./phone-search.ts";

/** A contact whom a call may be logged on. `owner`: HubSpot's id of it. */
export interface Contact extends Candidate {
  name?: string;
}

/** Who has a number, and whether HubSpot was asked just now; or why it could not be found out. `total`: how many, if more than are listed. */
export type FoundContacts = { contacts: Contact[]; total: number; asked: boolean } | { outcome: Outcome };

export interface WantedNumber {
  /** E.164. */
  number: string;
  /** Of our own side of the call: how a number without a country is read. */
  homeCode: string;
  /** Properties of a contact that hold numbers; default HubSpot's own two. */
  fields: readonly string[] | undefined;
}

export interface ContactFinder {
  /** Waits at most so long for a search; what comes from memory may be ten minutes old. */
  find(wanted: WantedNumber, options: { maxWaitMs: number; signal: AbortSignal }): Promise<FoundContacts>;
  /** The next `find` asks HubSpot, unless a contact was made for the number so lately that a search may not see it. */
  forget(wanted: WantedNumber): void;
  /** A contact that HubSpot does not have any more: nobody is found as this one, also while the search still shows it. */
  gone(contactId: string): void;
  /** A contact that was made just now. */
  remember(wanted: WantedNumber, contact: Contact): void;
}

/** A contact that was entered a minute ago should get its calls; one that is known rarely goes away. */
const REMEMBER_FOUND_MS = 10 * 60_000;
const REMEMBER_NONE_MS = 30_000;
/** Until HubSpot's search sees a new contact, and does not see one that is gone: 5 to 30 s are reported. */
export const SEEN_AFTER_MS = 60_000;

/** Of a number that nobody has, in most accounts. */
const MOST_SEARCHES = 2;
/** Of a number that more contacts have than these pages hold, those who were changed last are known, and how many there are. */
const MAX_PAGES = 10;
export const PHONE_FIELDS = ["phone", "mobilephone"];

/** Who has a number in HubSpot, below its limit of searches, with a memory. */
export function createContactFinder(options: { api: HubSpotApi }): ContactFinder {
  const { api } = options;
  const known = createExpiringCache<Searched>({ maxEntries: 10_000 });
  /** By number alone: a route with other phone_fields must not make her once more. */
  const made = createExpiringCache<{ contact: Contact; madeAtMs: number }>({ maxEntries: 10_000 });
  const gone = createExpiringCache<true>({ maxEntries: 10_000 });
  /** Batches that meet a new number at the same time share its search. */
  const searching = new Map<string, Promise<Searched>>();
  let promisedMs = 0;

  const placeOf = ({ number, fields = PHONE_FIELDS }: WantedNumber) => `${number} ${fields.join(" ")}`;
  function theirs({ contacts, notRead }: Searched, wanted: WantedNumber): { contacts: Contact[]; total: number } {
    const having = contacts.filter(
      ({ contact, numbers }) => !gone.get(contact.id) && numbers.some((stored) => isSameNumber(stored, wanted)),
    );
    return { contacts: having.map(({ contact }) => contact), total: having.length + notRead };
  }

  function madeFor({ number }: WantedNumber): Contact | undefined {
    const ours = made.get(number)?.contact;
    return ours && !gone.get(ours.id) ? ours : undefined;
  }

  /** Those who cannot be looked up now come again one after the other, not all at once. */
  function comeAgain(waitMs: number): Outcome {
    const nowMs = performance.now();
    promisedMs = Math.max(nowMs + waitMs, promisedMs + (MOST_SEARCHES * SEARCHES.perMs) / SEARCHES.starts);
    const reason = "HubSpot takes five contact searches a second, and many wait";
    const retryAfterMs = Math.ceil(promisedMs - nowMs);
    return { kind: "retry", because: "rate-limit", scope: "call", code: "search_pace", reason, retryAfterMs };
  }

  function searchOnce(wanted: WantedNumber, limits: { maxWaitMs: number; signal: AbortSignal }): Promise<Searched> {
    const place = placeOf(wanted);
    const underWay = searching.get(place);
    if (underWay) return underWay;
    const noted = searchContacts({ api, wanted, ...limits }).finally(() => searching.delete(place));
    searching.set(place, noted);
    return noted;
  }

  return {
    async find(wanted, limits) {
      const ours = madeFor(wanted);
      if (ours) return { contacts: [ours], total: 1, asked: false };
      const remembered = known.get(placeOf(wanted));
      if (remembered) return { ...theirs(remembered, wanted), asked: false };
      try {
        const found = await searchOnce(wanted, limits);
        known.set(placeOf(wanted), found, found.contacts.length > 0 ? REMEMBER_FOUND_MS : REMEMBER_NONE_MS);
        const madeMeanwhile = madeFor(wanted);
        if (madeMeanwhile) return { contacts: [madeMeanwhile], total: 1, asked: true };
        return { ...theirs(found, wanted), asked: true };
      } catch (error) {
        return { outcome: error instanceof TooManyWaitError ? comeAgain(error.waitMs) : outcomeOfSearchError(error) };
      }
    },
    forget(wanted) {
      known.delete(placeOf(wanted));
      const ours = made.get(wanted.number);
      if (ours && performance.now() - ours.madeAtMs >= SEEN_AFTER_MS) made.delete(wanted.number);
    },
    gone: (contactId) => gone.set(contactId, true, SEEN_AFTER_MS),
    remember: ({ number }, contact) => made.set(number, { contact, madeAtMs: performance.now() }, REMEMBER_FOUND_MS),
  };
}

interface StoredContact {
  contact: Contact;
  /** As people typed them. */
  numbers: string[];
}

interface Searched {
  /** Those who were changed last come first. */
  contacts: StoredContact[];
  /** How many more HubSpot has found. */
  notRead: number;
}

async function searchContacts(options: {
  api: HubSpotApi;
  wanted: WantedNumber;
  maxWaitMs: number;
  signal: AbortSignal;
}): Promise<Searched> {
  const { api, wanted, maxWaitMs, signal } = options;
  const { number, fields = PHONE_FIELDS } = wanted;
  const untilMs = performance.now() + maxWaitMs;
  const found = new Map<string, StoredContact>();
  let notRead = 0;
  let isContinued = false;
  for (const { groups: filterGroups, ifNobody } of searchesFor({ number, fields })) {
    if (ifNobody && [...found.values()].some(({ numbers }) => numbers.some((stored) => isSameNumber(stored, wanted)))) break;
    const properties = [...new Set([...fields, "firstname", "lastname", "hubspot_owner_id"])];
    let after: string | undefined;
    let read = 0;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const request = searchRecords("contacts", {
        filterGroups,
        sorts: [{ propertyName: "lastmodifieddate", direction: "DESCENDING" }],
        properties,
        limit: MAX_FOUND_PER_PAGE,
        ...(after === undefined ? {} : { after }),
      });
      const answer: Found = await api.search(request, { maxWaitMs: Math.max(0, untilMs - performance.now()), signal, isContinued });
      isContinued = true;
      for (const record of answer.results) found.set(record.id, { contact: contactOf(record), numbers: numbersOf(record, fields) });
      read += answer.results.length;
      after = answer.paging?.next?.after;
      if (after === undefined || page === MAX_PAGES - 1) notRead += Math.max(0, answer.total - read);
      if (after === undefined) break;
    }
  }
  return { contacts: [...found.values()], notRead };
}

export function contactOf({ id, properties, updatedAt = "" }: HubSpotRecord): Contact {
  const typed = [properties.firstname, properties.lastname].filter((part) => part?.trim()).join(" ");
  // Dialers and imports enter a number as the name: it is none, and receipts have no numbers.
  const name = (typed.match(/\d/g) ?? []).length >= 7 ? "" : typed;
  const owner = properties.hubspot_owner_id ?? undefined;
  return { id, ...(name === "" ? {} : { name }), owner, modifiedAtMs: Date.parse(updatedAt) || 0 };
}

function numbersOf({ properties }: HubSpotRecord, fields: readonly string[]): string[] {
  return fields.map((field) => properties[field]?.trim() ?? "").filter((typed) => typed !== "");
}

function outcomeOfSearchError(error: unknown): Outcome {
  const fix =
    "Correct match.phone_fields in routes.yaml (the internal names of contact properties), or make the property on contacts in HubSpot";
  return outcomeOfReadError(error, { fix });
}
