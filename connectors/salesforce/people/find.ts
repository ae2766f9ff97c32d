import { z } from "zod";
import { callingCodeOf, storedForms, typedGroups } from "../../../src/connector/index.ts";
import type { Session } from "../client.ts";
import { query } from "../soql.ts";
import { SalesforceError } from "../vendor-error.ts";
import type { KindsFields, PersonKind, PhoneFields } from "./phone-fields.ts";

/** A record that a search by phone has found, with its numbers as they were typed. */
export interface Candidate {
  kind: PersonKind;
  id: string;
  name: string;
  /** A Contact's Account. */
  accountId: string | undefined;
  /** The user who owns the record. */
  owner: string | undefined;
  modifiedAtMs: number;
  numbers: string[];
}

/** Above 4,000 characters SOSL drops every OR (SOQL and SOSL Reference, "SOSL Syntax"). */
const MAX_TERM = 3_900;
/** A search by wildcards that takes too much of Salesforce may find less (help article 000387524): so many numbers at once. */
const MAX_NUMBERS = 20;
/** Records of each kind in one answer. A kind that comes full may hide somebody: then its numbers are asked for one by one, in a query. */
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

/** As many numbers as go into one search. */
export function inSearches(numbers: readonly string[]): string[][] {
  const searches: { numbers: string[]; length: number }[] = [];
  for (const number of numbers) {
    const length = termsFor([number]).length + " OR ".length;
    const last = searches.at(-1);
    if (last && last.length + length <= MAX_TERM && last.numbers.length < MAX_NUMBERS) {
      last.numbers.push(number);
      last.length += length;
    } else searches.push({ numbers: [number], length });
  }
  return searches.map((one) => one.numbers);
}

/**
 * Everybody who may have one of the numbers, in any form: the caller looks again who has which. `numbers`: as {@link inSearches} gives them.
 * @throws as {@link Session.request}
 */
export async function searchPhones(options: Asking & { numbers: readonly string[] }): Promise<Candidate[]> {
  const { numbers, fields } = options;
  const kinds = Object.entries(fields) as [PersonKind, KindsFields][];
  const byPhone = await searched(options);
  const full = kinds.filter(([kind]) => byPhone.filter((one) => one.kind === kind).length >= PER_KIND);
  if (full.length > 0 && numbers.length > 1) {
    const alone: Candidate[] = [];
    for (const number of numbers) alone.push(...(await searchPhones({ ...options, numbers: [number] })));
    return alone;
  }
  const others: Candidate[] = [];
  for (const [kind, { phones, texts }] of kinds) {
    const isFull = full.some(([one]) => one === kind);
    const names = isFull ? [...phones, ...texts] : texts;
    if (names.length > 0) others.push(...(await queried({ ...options, kind, names, isRest: isFull })));
  }
  const byId = new Map([...byPhone, ...others].map((candidate) => [candidate.id, candidate]));
  return [...byId.values()];
}

/** SOSL, in the fields of the type Phone. */
async function searched({ session, numbers, fields, signal }: Asking & { numbers: readonly string[] }): Promise<Candidate[]> {
  const terms = termsFor(numbers);
  const returning = (Object.entries(fields) as [PersonKind, KindsFields][]).flatMap(([kind, names]) =>
    names.phones.length === 0 ? [] : [`${kind}(${columnsOf(kind, names).join(", ")} ORDER BY LastModifiedDate DESC LIMIT ${PER_KIND})`],
  );
  if (terms === "" || returning.length === 0) return [];
  const path = `/search/?q=${encodeURIComponent(`FIND {${terms}} IN PHONE FIELDS RETURNING ${returning.join(", ")}`)}`;
  const answer = answerSchema.safeParse(await session.request({ method: "GET", path }, { signal }));
  if (!answer.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
  return answer.data.searchRecords.map((one) => candidateOf(one.attributes.type, one, fields));
}

/**
 * What a search by phone finds a number by. Salesforce splits what is typed at spaces, at punctuation and where letters meet digits, and takes a
 * phone number for one word besides, whatever stands between its digits. So a number is asked for as one word, in each form, with what may follow
 * it; and as the row of words that it usually is, for what stands behind another number. Nothing but digits gets into a term.
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
 * SOQL, for what a search by phone cannot: texts, and the newest first of more than it gives. A pattern has the digits in their order, whatever
 * stands between them. `isRest`: of those that a search has found some of; they stand as they are where this takes Salesforce too long.
 */
async function queried(
  options: Asking & { numbers: readonly string[]; kind: PersonKind; names: string[]; isRest: boolean },
): Promise<Candidate[]> {
  const { session, fields, numbers, kind, names, isRest, signal } = options;
  const columns = columnsOf(kind, fields[kind] ?? { phones: [], texts: [] });
  const likes = numbers.flatMap((number) => {
    const [national = ""] = storedForms(number);
    // Its end is in every form; what stands before that is looked at afterwards.
    const end = [...national.slice(-8)].join("%");
    return end === "" ? [] : names.map((name) => `${name} LIKE '%${end}%'`);
  });
  if (likes.length === 0) return [];
  const soql = `SELECT ${columns.join(", ")} FROM ${kind} WHERE ${likes.join(" OR ")} ORDER BY LastModifiedDate DESC`;
  try {
    return (await query({ session, soql, row, signal })).map((one) => candidateOf(kind, one, fields));
  } catch (error) {
    if (isRest && error instanceof SalesforceError && error.code === "QUERY_TIMEOUT") return [];
    throw error;
  }
}

function columnsOf(kind: PersonKind, { phones, texts }: KindsFields): string[] {
  const own = { Contact: ["AccountId"], Lead: ["IsConverted"], Account: [] }[kind];
  return [...new Set(["Id", "Name", "OwnerId", "LastModifiedDate", ...own, ...phones, ...texts])];
}

function candidateOf(kind: PersonKind, one: z.output<typeof row>, fields: PhoneFields): Candidate {
  const { phones, texts } = fields[kind] ?? { phones: [], texts: [] };
  // A Lead that was converted is nobody any more: the Contact that it became is.
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
