import type { Filter, SimplePublicObject } from "@hubspot/api-client/lib/codegen/crm/contacts/index.js";
import { type Candidate, createExpiringCache, isSameNumber, type Outcome, storedForms, untilAborted } from "../../src/connector.ts";
import type { HubSpotApi } from "./client.ts";
import { outcomeOfReadError } from "./outcome.ts";
import { createPace, TooManyWaitError } from "./pace.ts";

/** A contact whom a call may be logged on. `owner`: HubSpot's id of it. */
export interface Contact extends Candidate {
  name?: string;
}

/** Who has a number, and whether HubSpot was asked just now; or why it could not be found out. */
export type FoundContacts = { contacts: Contact[]; asked: boolean } | { outcome: Outcome };

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
  /** A contact that was made just now. */
  remember(wanted: WantedNumber, contact: Contact): void;
}

/** A contact that was entered a minute ago should get its calls; one that is known rarely goes away. */
const REMEMBER_FOUND_MS = 10 * 60_000;
const REMEMBER_NONE_MS = 30_000;
/** Until HubSpot's search sees a new contact: 5 to 30 s are reported. */
export const SEEN_AFTER_MS = 60_000;

/** HubSpot takes 5 searches a second per account (developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm); a timer may be a little early. */
const SEARCHES = { starts: 5, perMs: 1_020 };
const MAX_FILTER_GROUPS = 5;
export const PHONE_FIELDS = ["phone", "mobilephone"];

/** Who has a number in HubSpot, below its limit of searches, with a memory. */
export function createContactFinder(options: { api: HubSpotApi }): ContactFinder {
  const { api } = options;
  const pace = createPace(SEARCHES);
  const known = createExpiringCache<StoredContact[]>({ maxEntries: 10_000 });
  /** By number alone: a route with other phone_fields must not make her once more. */
  const made = createExpiringCache<{ contact: Contact; madeAtMs: number }>({ maxEntries: 10_000 });
  /** Batches that meet a new number at the same time share its search. */
  const searching = new Map<string, Promise<StoredContact[]>>();
  let promisedMs = 0;

  const placeOf = ({ number, fields = PHONE_FIELDS }: WantedNumber) => `${number} ${fields.join(" ")}`;
  const theirs = (contacts: StoredContact[], wanted: WantedNumber) =>
    contacts.filter(({ numbers }) => numbers.some((stored) => isSameNumber(stored, wanted))).map(({ contact }) => contact);

  /** Those who cannot be looked up now come again one after the other, not all at once. */
  function comeAgain(waitMs: number): Outcome {
    const nowMs = performance.now();
    promisedMs = Math.max(nowMs + waitMs, promisedMs + SEARCHES.perMs / SEARCHES.starts);
    const reason = "HubSpot takes five contact searches a second, and many wait";
    const retryAfterMs = Math.ceil(promisedMs - nowMs);
    return { kind: "retry", because: "rate-limit", scope: "call", code: "search_pace", reason, retryAfterMs };
  }

  function searchOnce(wanted: WantedNumber, { maxWaitMs, signal }: { maxWaitMs: number; signal: AbortSignal }): Promise<StoredContact[]> {
    const place = placeOf(wanted);
    const underWay = searching.get(place);
    if (underWay) return underWay;
    const begun = search({ wanted, one: (request) => pace.run(() => request(api), { maxWaitMs, signal }), signal });
    const noted = begun.finally(() => searching.delete(place));
    searching.set(place, noted);
    return noted;
  }

  return {
    async find(wanted, limits) {
      const ours = made.get(wanted.number);
      if (ours) return { contacts: [ours.contact], asked: false };
      const remembered = known.get(placeOf(wanted));
      if (remembered) return { contacts: theirs(remembered, wanted), asked: false };
      try {
        const found = await searchOnce(wanted, limits);
        known.set(placeOf(wanted), found, found.length > 0 ? REMEMBER_FOUND_MS : REMEMBER_NONE_MS);
        const madeMeanwhile = made.get(wanted.number);
        if (madeMeanwhile) return { contacts: [madeMeanwhile.contact], asked: true };
        return { contacts: theirs(found, wanted), asked: true };
      } catch (error) {
        return { outcome: error instanceof TooManyWaitError ? comeAgain(error.waitMs) : outcomeOfSearchError(error) };
      }
    },
    forget(wanted) {
      known.delete(placeOf(wanted));
      const ours = made.get(wanted.number);
      if (ours && performance.now() - ours.madeAtMs >= SEEN_AFTER_MS) made.delete(wanted.number);
    },
    remember: ({ number }, contact) => made.set(number, { contact, madeAtMs: performance.now() }, REMEMBER_FOUND_MS),
  };
}

interface StoredContact {
  contact: Contact;
  /** As people typed them. */
  numbers: string[];
}

/** One search has room for two fields; more of them cost another one. */
async function search(options: {
  wanted: WantedNumber;
  one<T>(request: (api: HubSpotApi) => Promise<T>): Promise<T>;
  signal: AbortSignal;
}): Promise<StoredContact[]> {
  const { wanted, one, signal } = options;
  const { number, fields = PHONE_FIELDS } = wanted;
  const filters = filtersFor({ number, fields });
  const found = new Map<string, StoredContact>();
  for (let at = 0; at < filters.length; at += MAX_FILTER_GROUPS) {
    const filterGroups = filters.slice(at, at + MAX_FILTER_GROUPS).map((filter) => ({ filters: [filter] }));
    const properties = [...fields, "firstname", "lastname", "hubspot_owner_id"];
    const answer = await one(({ sdk }) => untilAborted(signal, () => sdk.contactSearch.doSearch({ filterGroups, properties, limit: 100 })));
    for (const record of answer.results) found.set(record.id, { contact: contactOf(record), numbers: numbersOf(record, fields) });
  }
  return [...found.values()];
}

export function contactOf({ id, properties, updatedAt }: Pick<SimplePublicObject, "id" | "properties" | "updatedAt">): Contact {
  const typed = [properties.firstname, properties.lastname].filter((part) => part?.trim()).join(" ");
  // Dialers and imports enter a number as the name: it is none, and receipts have no numbers.
  const name = (typed.match(/\d/g) ?? []).length >= 7 ? "" : typed;
  const owner = properties.hubspot_owner_id ?? undefined;
  return { id, ...(name === "" ? {} : { name }), owner, modifiedAtMs: updatedAt.getTime() };
}

function numbersOf({ properties }: SimplePublicObject, fields: readonly string[]): string[] {
  // 0049 30 … is +49 30 …
  return fields.map((field) => properties[field]?.trim().replace(/^00/, "+") ?? "").filter((typed) => typed !== "");
}

/** HubSpot's own copies of its two fields, digits only; no country code in them ("you should refrain from including" it), nor leading zeros. */
const SEARCHABLE: Record<string, string> = {
  phone: "hs_searchable_calculated_phone_number",
  mobilephone: "hs_searchable_calculated_mobile_number",
};

/**
 * One of them must hold; they find too much, and too much is told apart in code. The last ones find numbers that were typed with a code which
 * HubSpot did not recognise; a field of the account's own has no searchable copy, so that its usual spellings are tried.
 */
function filtersFor({ number, fields }: { number: string; fields: readonly string[] }): Filter[] {
  const forms = storedForms(number);
  const national = forms[0]?.replace(/^0+/, "");
  if (!national) return [];
  const filter = (propertyName: string, operator: string, value: { value: string } | { values: string[] }) => ({
    propertyName,
    operator: operator as Filter["operator"],
    ...value,
  });
  const isOwn = (field: string) => SEARCHABLE[field] === undefined;
  const copies = fields.flatMap((field) => SEARCHABLE[field] ?? []);
  return [
    ...copies.map((copy) => filter(copy, "EQ", { value: national })),
    ...fields.filter((field) => !isOwn(field)).map((field) => filter(field, "EQ", { value: number })),
    ...copies.slice(0, 1).map((copy) => filter(copy, "CONTAINS_TOKEN", { value: `*${national}` })),
    ...fields
      .filter(isOwn)
      .flatMap((field) => [
        filter(field, "IN", { values: [number, ...forms] }),
        filter(field, "CONTAINS_TOKEN", { value: `*${national}` }),
      ]),
  ];
}

function outcomeOfSearchError(error: unknown): Outcome {
  const fix =
    "Correct match.phone_fields in routes.yaml (the internal names of contact properties), or make the property on contacts in HubSpot";
  return outcomeOfReadError(error, { fix });
}
