import { z } from "zod";
import { storedForms } from "../../src/connector.ts";
import { SalesforceError } from "./errors.ts";
import type { PersonKind, PhoneFields } from "./phone-fields.ts";
import type { Session } from "./session.ts";

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

/** Numbers in one search: their forms stay far below the 4,000 characters from which on SOSL drops every OR (SOSL reference, "SOSL Syntax"). */
export const NUMBERS_PER_SEARCH = 10;
/** Records of each kind in one answer. A kind that comes full may hide somebody: then its numbers are searched one by one. */
const PER_KIND = 200;

const text = z.string().nullish();
const record = z
  .object({ attributes: z.object({ type: z.enum(["Contact", "Lead", "Account"]) }), Id: z.string(), Name: text, AccountId: text })
  .extend({ OwnerId: text, LastModifiedDate: text })
  .loose();
const answerSchema = z.object({ searchRecords: z.array(record) });

/**
 * Everybody who may have one of the numbers, in any form: the caller looks again who has which. Salesforce ignores formatting, but neither a
 * country code nor a trunk prefix, so that each number is asked for in all its stored forms at once. @throws as {@link Session.request}
 */
export async function searchPhones(options: {
  session: Session;
  numbers: readonly string[];
  fields: PhoneFields;
  signal: AbortSignal;
}): Promise<Candidate[]> {
  const { session, numbers, fields, signal } = options;
  const forms = [...new Set(numbers.flatMap(storedForms))];
  if (forms.length === 0) return [];
  const path = `/search/?q=${encodeURIComponent(soslFor(forms, fields))}`;
  const answer = answerSchema.safeParse(await session.request({ method: "GET", path }, { signal }));
  if (!answer.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
  const records = answer.data.searchRecords;
  const isFull = Object.keys(fields).some((kind) => records.filter(({ attributes }) => attributes.type === kind).length >= PER_KIND);
  if (!isFull || numbers.length === 1) return records.map((one) => candidateOf(one, fields));
  const alone: Candidate[] = [];
  for (const number of numbers) alone.push(...(await searchPhones({ ...options, numbers: [number] })));
  return alone;
}

function soslFor(forms: string[], fields: PhoneFields): string {
  // Nothing but digits ever gets into a query, so that nothing in it has to be escaped.
  if (!forms.every((form) => /^\d{6,20}$/.test(form))) throw new Error("a phone search takes 6 to 20 digits");
  const returning = Object.entries(fields).map(([kind, phones]) => {
    const names = ["Id", "Name", ...(kind === "Contact" ? ["AccountId"] : []), "OwnerId", ...phones, "LastModifiedDate"];
    const open = kind === "Lead" ? " WHERE IsConverted = false" : "";
    return `${kind}(${names.join(", ")}${open} ORDER BY LastModifiedDate DESC LIMIT ${PER_KIND})`;
  });
  return `FIND {${forms.join(" OR ")}} IN PHONE FIELDS RETURNING ${returning.join(", ")}`;
}

function candidateOf(found: z.output<typeof record>, fields: PhoneFields): Candidate {
  const kind = found.attributes.type;
  const values = (fields[kind] ?? []).map((name) => found[name]);
  return {
    kind,
    id: found.Id,
    name: found.Name ?? "",
    accountId: (kind === "Account" ? found.Id : found.AccountId) ?? undefined,
    owner: found.OwnerId ?? undefined,
    // ISO 8601, but for the colon that its zone lacks.
    modifiedAtMs: Date.parse(found.LastModifiedDate?.replace(/\+0000$/, "Z") ?? "") || 0,
    numbers: values.filter((value) => typeof value === "string"),
  };
}
