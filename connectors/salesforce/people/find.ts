import { z } from "zod";
import {
  type CrmPerson,
  callingCodeOf,
  type Outcome,
  type PossibleCustomer,
  storedForms,
  typedGroups,
} from "../../../src/connector/index.ts";
import type { Session } from "../client.ts";
import { outcomeOfReading } from "../errors.ts";
import { query } from "../soql.ts";
import { SalesforceError } from "../vendor-error.ts";
import type { KindsFields, PersonKind, PhoneFields } from "./phone-fields.ts";

/** A record that a search by phone has found. */
export interface SalesforcePerson extends CrmPerson {
  kind: PersonKind;
  name: string;
  /** A Contact's Account, or the Account itself. */
  accountId: string | undefined;
  /** The user who owns the record. */
  owner: string | undefined;
}

/** Above 4,000 characters SOSL drops every OR (SOQL and SOSL Reference, "SOSL Syntax"). */
const MAX_TERM = 3_900;
/** A search by wildcards that takes too much of Salesforce may find less (help article 000387524): so many numbers at once. */
const MAX_NUMBERS = 20;
/** Records of each kind in one answer. A kind with so many may hide a person: its numbers are then asked for one by one, in a query. */
const PER_KIND = 200;
/** Forms that an extension may follow: those that are typed most. */
const OPEN_ENDED = 5;
/** Where numbers are typed in full-width digits too: Japan, Korea, China, Hong Kong, Taiwan. */
const FULL_WIDTH = new Set(["81", "82", "86", "852", "886"]);

const text = z.string().nullish();
const found = z.object({
  Id: z.string(),
  Name: text,
  AccountId: text,
  OwnerId: text,
  LastModifiedDate: text,
  IsConverted: z.boolean().nullish(),
});
const record = found.extend({ attributes: z.object({ type: z.enum(["Contact", "Lead", "Account"]) }) }).loose();
const row = found.loose();
const answerSchema = z.object({ searchRecords: z.array(record) });

interface Asking {
  session: Session;
  fields: PhoneFields;
  signal: AbortSignal;
}

/** The numbers in groups of as many as one search takes. */
export function inSearches(customers: readonly PossibleCustomer[]): PossibleCustomer[][] {
  const searches: { customers: PossibleCustomer[]; length: number }[] = [];
  for (const customer of customers) {
    const length = termsFor([customer.number]).length + " OR ".length;
    const last = searches.at(-1);
    if (last && last.length + length <= MAX_TERM && last.customers.length < MAX_NUMBERS) {
      last.customers.push(customer);
      last.length += length;
    } else searches.push({ customers: [customer], length });
  }
  return searches.map((one) => one.customers);
}

/**
 * Everybody who may have one of the numbers, in any form. `numbers`: those of one group of {@link inSearches}.
 * @throws as {@link Session.request}
 */
export async function searchPeople(options: Asking & { numbers: readonly string[] }): Promise<SalesforcePerson[]> {
  const { numbers, fields } = options;
  const kinds = Object.entries(fields) as [PersonKind, KindsFields][];
  const byPhone = await searched(options);
  const full = kinds.filter(([kind]) => byPhone.filter((one) => one.kind === kind).length >= PER_KIND);
  if (full.length > 0 && numbers.length > 1) {
    const alone: SalesforcePerson[] = [];
    for (const number of numbers) alone.push(...(await searchPeople({ ...options, numbers: [number] })));
    return alone;
  }
  const others: SalesforcePerson[] = [];
  for (const [kind, { phones, texts }] of kinds) {
    const isFull = full.some(([one]) => one === kind);
    const names = isFull ? [...phones, ...texts] : texts;
    if (names.length > 0) others.push(...(await queried({ ...options, kind, names, isRest: isFull })));
  }
  const byId = new Map([...byPhone, ...others].map((person) => [person.id, person]));
  return [...byId.values()];
}

export function outcomeOfSearchError(error: unknown): Outcome {
  return outcomeOfReading(error, {
    what: "the search by phone",
    fix: "Give the integration user read access to Contact, Lead and Account, and to their fields Name, Phone and Mobile, or those of match.phone_fields",
  });
}

/** SOSL, in the fields of the type Phone. */
async function searched({ session, numbers, fields, signal }: Asking & { numbers: readonly string[] }): Promise<SalesforcePerson[]> {
  const terms = termsFor(numbers);
  const returning = (Object.entries(fields) as [PersonKind, KindsFields][]).flatMap(([kind, names]) =>
    names.phones.length === 0 ? [] : [`${kind}(${columnsOf(kind, names).join(", ")} ORDER BY LastModifiedDate DESC LIMIT ${PER_KIND})`],
  );
  if (terms === "" || returning.length === 0) return [];
  const path = `/search/?q=${encodeURIComponent(`FIND {${terms}} IN PHONE FIELDS RETURNING ${returning.join(", ")}`)}`;
  const answer = answerSchema.safeParse(await session.request({ method: "GET", path }, { signal }));
  if (!answer.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
  return answer.data.searchRecords.map((one) => personOf(one.attributes.type, one, fields));
}

/**
 * The terms that find a number. Salesforce splits a text at spaces, at punctuation and where letters meet digits, and also takes a phone number as one
 * word, whatever separates its digits. So a number is asked for as one word, in each form, with what may follow it; and as the row of words that it
 * usually is, for a number behind another number. Only digits get into a term.
 */
function termsFor(numbers: readonly string[]): string {
  const terms = numbers.flatMap((number) => {
    const forms = storedForms(number);
    const words = forms.map((form, index) => (index < OPEN_ENDED ? `${form}*` : form));
    const wide = FULL_WIDTH.has(callingCodeOf(number)) ? forms.slice(0, 2).map(fullWidth) : [];
    return [...words, ...typedGroups(number).map((groups) => `"${groups}"`), ...wide];
  });
  if (!terms.every((term) => /^(?:\d{6,20}\*?|"[\d ]+"|[０-９]+)$/.test(term))) throw new Error("a phone search takes digits only");
  return [...new Set(terms)].join(" OR ");
}

/**
 * SOQL, for what a search by phone cannot do: texts, and the newest of more records than it returns. A pattern has the digits in their order, with
 * anything between them. `isRest`: a search has already found some of them, which are enough if this takes Salesforce too long.
 */
async function queried(
  options: Asking & { numbers: readonly string[]; kind: PersonKind; names: string[]; isRest: boolean },
): Promise<SalesforcePerson[]> {
  const { session, fields, numbers, kind, names, isRest, signal } = options;
  const columns = columnsOf(kind, fields[kind] ?? { phones: [], texts: [] });
  const likes = numbers.flatMap((number) => {
    const [national = ""] = storedForms(number);
    // Every form has the same end; the rest is checked afterwards.
    const end = [...national.slice(-8)].join("%");
    return end === "" ? [] : names.map((name) => `${name} LIKE '%${end}%'`);
  });
  if (likes.length === 0) return [];
  const soql = `SELECT ${columns.join(", ")} FROM ${kind} WHERE ${likes.join(" OR ")} ORDER BY LastModifiedDate DESC`;
  try {
    return (await query({ session, soql, row, signal })).map((one) => personOf(kind, one, fields));
  } catch (error) {
    if (isRest && error instanceof SalesforceError && error.code === "QUERY_TIMEOUT") return [];
    throw error;
  }
}

function columnsOf(kind: PersonKind, { phones, texts }: KindsFields): string[] {
  const own = { Contact: ["AccountId"], Lead: ["IsConverted"], Account: [] }[kind];
  return [...new Set(["Id", "Name", "OwnerId", "LastModifiedDate", ...own, ...phones, ...texts])];
}

function personOf(kind: PersonKind, one: z.output<typeof row>, fields: PhoneFields): SalesforcePerson {
  const { phones, texts } = fields[kind] ?? { phones: [], texts: [] };
  // A converted Lead is nobody any more; the Contact that it became is.
  const numbers = one.IsConverted ? [] : [...phones, ...texts].map((name) => one[name]);
  return {
    kind,
    id: one.Id,
    name: one.Name ?? "",
    accountId: (kind === "Account" ? one.Id : one.AccountId) ?? undefined,
    owner: one.OwnerId ?? undefined,
    // ISO 8601, but for the colon that its zone lacks.
    modifiedAtMs: Date.parse(one.LastModifiedDate?.replace(/\+0000$/, "Z") ?? "") || 0,
    numbers: numbers.filter((value) => typeof value === "string"),
  };
}

function fullWidth(digits: string): string {
  return digits.replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0));
}
