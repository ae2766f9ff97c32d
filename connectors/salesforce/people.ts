import { parsePhoneNumberFromString } from "libphonenumber-js";
import { z } from "zod";
import { createExpiringCache, type SharedCall } from "../../src/connector.ts";
import { SalesforceError } from "./errors.ts";
import type { Session } from "./session.ts";

export type PersonKind = "Contact" | "Lead" | "Account";

/** A record that has the customer's number. */
export interface Person {
  kind: PersonKind;
  id: string;
  name: string;
}

/** Who is looked for: the customer's number, and the country code of our own side, "" when it is not known. */
export interface Caller {
  number: string;
  homeCode: string;
}

/** Who has a phone number, as Salesforce says now or said a little while ago. */
export interface People {
  /** Those who have it: Contacts, then Leads, then Accounts, the one modified last first. @throws as {@link Session.request} */
  find(caller: Caller, options: { signal: AbortSignal }): Promise<Person[]>;
  /** One of them is not what it was (merged, deleted): ask again next time. */
  forget(caller: Caller): void;
}

/** Undefined when the number is withheld or not shared: then nobody can be found. */
export function callerOf(call: SharedCall): Caller | undefined {
  if (!call.customer_number) return undefined;
  const ours = call.direction === "outbound" ? call.from_number : call.to_number;
  return { number: call.customer_number, homeCode: parsePhoneNumberFromString(ours ?? "")?.countryCallingCode ?? "" };
}

export function callerKey({ number, homeCode }: Caller): string {
  return `${number}/${homeCode}`;
}

const KINDS: PersonKind[] = ["Contact", "Lead", "Account"];
const KNOWN_FOR_MS = 5 * 60_000;
/** Shorter: whoever calls for the first time is often entered right after. */
const UNKNOWN_FOR_MS = 30_000;
const MAX_NUMBERS = 5_000;
/** Of each kind; the search also finds numbers that only look alike, which are dropped afterwards. */
const PER_KIND = 20;

const searchAnswer = z.object({
  searchRecords: z.array(
    z.object({
      attributes: z.object({ type: z.enum(KINDS) }),
      Id: z.string(),
      Name: z.string().nullish(),
      Phone: z.string().nullish(),
      MobilePhone: z.string().nullish(),
      LastModifiedDate: z.string().nullish(),
    }),
  ),
});

type Candidate = z.output<typeof searchAnswer>["searchRecords"][number];

export function createPeople(options: { session: Session }): People {
  const { session } = options;
  const cache = createExpiringCache<Person[]>({ maxEntries: MAX_NUMBERS });

  async function search(digits: string, signal: AbortSignal): Promise<Candidate[]> {
    const path = `/search/?q=${encodeURIComponent(soslFor(digits))}`;
    const answer = searchAnswer.safeParse(await session.request({ method: "GET", path }, { signal }));
    if (!answer.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
    return answer.data.searchRecords;
  }

  return {
    async find(caller, { signal }) {
      const known = cache.get(callerKey(caller));
      if (known) return known;
      let people: Person[] = [];
      for (const digits of writtenForms(caller.number)) {
        people = sorted((await search(digits, signal)).filter((candidate) => hasNumber(candidate, caller)));
        if (people.length > 0) break;
      }
      cache.set(callerKey(caller), people, people.length > 0 ? KNOWN_FOR_MS : UNKNOWN_FOR_MS);
      return people;
    },
    forget: (caller) => cache.delete(callerKey(caller)),
  };
}

/** One person of those found, or nobody. A kind that comes later counts only when the earlier ones have nobody. */
export function choosePerson(people: Person[], onMany: "most_recent" | "none"): Person | undefined {
  const [first] = people;
  const several = people.filter(({ kind }) => kind === first?.kind).length > 1;
  return several && onMany === "none" ? undefined : first;
}

/**
 * The digits under which a number may be stored: Salesforce's phone search ignores formatting, but not a country code or a trunk prefix.
 * National first, as most people type it; then with its trunk prefix (030 …), then in full.
 */
export function writtenForms(number: string): string[] {
  const parsed = parsePhoneNumberFromString(number);
  if (!parsed) return [];
  const forms = [parsed.nationalNumber, parsed.formatNational(), parsed.number].map((form) => form.replace(/\D/g, ""));
  return [...new Set(forms)].filter((digits) => /^\d{7,15}$/.test(digits));
}

function soslFor(digits: string): string {
  // Nothing but digits ever gets into a query.
  if (!/^\d{7,15}$/.test(digits)) throw new Error("a phone search takes 7 to 15 digits");
  const last = `ORDER BY LastModifiedDate DESC LIMIT ${PER_KIND}`;
  return `FIND {${digits}} IN PHONE FIELDS RETURNING Contact(Id, Name, Phone, MobilePhone, LastModifiedDate ${last}), Lead(Id, Name, Phone, MobilePhone, LastModifiedDate WHERE IsConverted = false ${last}), Account(Id, Name, Phone, LastModifiedDate ${last})`;
}

/**
 * The search is wider than we are: it looks at fax numbers too, and knows no countries. A number that is stored without its country is read as
 * one of the customer's, unless it is a good number of our own country, and that is another one: (415) 555-0199 is not the caller +49 4155 550199.
 */
function hasNumber(candidate: Candidate, { number, homeCode }: Caller): boolean {
  const callingCode = parsePhoneNumberFromString(number)?.countryCallingCode;
  return [candidate.Phone, candidate.MobilePhone].some((stored) => {
    if (!stored || callingCode === undefined) return false;
    if (parsePhoneNumberFromString(stored, { defaultCallingCode: callingCode })?.number !== number) return false;
    if (homeCode === "" || homeCode === callingCode) return true;
    const atHome = parsePhoneNumberFromString(stored, { defaultCallingCode: homeCode });
    return atHome?.number === number || !atHome?.isValid();
  });
}

function sorted(candidates: Candidate[]): Person[] {
  const modifiedMs = ({ LastModifiedDate }: Candidate) => Date.parse(LastModifiedDate?.replace(/\+0000$/, "Z") ?? "") || 0;
  return candidates
    .toSorted((a, b) => KINDS.indexOf(a.attributes.type) - KINDS.indexOf(b.attributes.type) || modifiedMs(b) - modifiedMs(a))
    .map(({ attributes, Id, Name }) => ({ kind: attributes.type, id: Id, name: Name ?? "" }));
}
