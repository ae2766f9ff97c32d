import { refusal } from "./answers.ts";
import type { SandboxPerson } from "./people.ts";

/** What of a number as it was typed is a word of the search index, besides each run of digits; `only whole field`: without these. */
export type PhoneIndex = "whole field" | "each number" | "only whole field";

interface Column {
  name: string;
  type: "id" | "string" | "phone" | "reference" | "datetime" | "boolean" | "double";
}

const column = (name: string, type: Column["type"] = "string"): Column => ({ name, type });
const phones = (...names: string[]) => names.map((name) => column(name, "phone"));
const common = [column("Id", "id"), column("Name"), column("OwnerId", "reference"), column("LastModifiedDate", "datetime")];

/** As describe gives them. The `__c` fields are the org's own: of the type Phone, and a Text that an import has filled. */
export const COLUMNS: Record<SandboxPerson["kind"], Column[]> = {
  Contact: [
    ...common,
    column("AccountId", "reference"),
    ...phones("Phone", "MobilePhone", "HomePhone", "Fax", "Direct_Line__c"),
    column("Old_Phone__c"),
    column("Plain_Number__c", "double"),
    column("MasterRecordId", "reference"),
  ],
  Lead: [
    ...common,
    ...phones("Phone", "MobilePhone", "Fax"),
    column("Old_Phone__c"),
    column("IsConverted", "boolean"),
    column("ConvertedContactId", "reference"),
    column("MasterRecordId", "reference"),
  ],
  Account: [...common, ...phones("Phone", "Fax"), column("MasterRecordId", "reference")],
};

export const FIELDS = Object.fromEntries(
  Object.entries(COLUMNS).map(([kind, columns]) => [kind, columns.map(({ name }) => name)]),
) as Record<SandboxPerson["kind"], string[]>;

/** From here on SOSL drops every OR, and finds nothing of what was meant. */
const MAX_TERM = 4_000;
/** Records that a search looks at, all objects together (SOQL and SOSL Reference, "SOSL Limits on Search Results"). */
const MAX_RECORDS = 2_000;

const QUERY = /^FIND \{([^{}]*)\} IN PHONE FIELDS RETURNING (.+)$/;
const RETURNED = /^(Contact|Lead|Account)\(([\w, ]+?)( ORDER BY LastModifiedDate DESC)?( LIMIT (\d+))?\)$/;
const WORD = /^(\d{2,}|[０-９]{2,})(\*?)$/;
const PHRASE = /^"(\d+(?: \d+)*)"$/;

/**
 * SOSL, of which it understands the phone search that we send (`FIND {1* OR "2 3"} IN PHONE FIELDS …`), and nothing else.
 * "The search engine splits record information separated by spaces or punctuation into separate tokens" (FIND {SearchQuery}), and where letters
 * meet digits; that a phone number is found by its digits run together, whatever stands between them, is practice. Whether an extension or a
 * second number is a part of that word is not documented: `index` says which, so that tests try both. A country code or a trunk prefix is
 * ignored in neither, and `*` stands at the end of a word only.
 */
export function search(sosl: string, people: SandboxPerson[], index: PhoneIndex = "whole field"): Response {
  const malformed = (why: string) => refusal(400, "MALFORMED_SEARCH", why);
  const [, query = "", returning = ""] = QUERY.exec(sosl) ?? [];
  if (returning === "") return malformed("No viable alternative at the search's beginning: FIND {…} IN PHONE FIELDS RETURNING …");
  const terms = query.split(" OR ");
  if (query.length > MAX_TERM || !terms.every((term) => WORD.test(term) || PHRASE.test(term)))
    return malformed("search term must be longer than one character, and reserved characters in it must be escaped");

  const clauses = returning.split(/,\s*(?=[A-Z]\w*\()/);
  const searchRecords: Record<string, unknown>[] = [];
  for (const clause of clauses) {
    const [, kind, list = "", newestFirst, , limit = String(MAX_RECORDS)] = RETURNED.exec(clause) ?? [];
    if (!isKind(kind)) return malformed("unexpected token in RETURNING");
    if (Number(limit) < 1 || Number(limit) > MAX_RECORDS) return malformed("LIMIT must be from 1 to 2000");
    const fields = list.split(",").map((field) => field.trim());
    const unknown = fields.find((field) => !FIELDS[kind].includes(field));
    if (unknown !== undefined) return refusal(400, "INVALID_FIELD", `No such column '${unknown}' on entity '${kind}'.`);
    const searched = COLUMNS[kind].filter(({ type }) => type === "phone").map(({ name }) => name);
    const hits = people
      .filter((person) => person.kind === kind)
      .filter((person) => searched.some((field) => isHit(terms, String(person[field as keyof SandboxPerson] ?? ""), index)))
      .slice(0, Math.floor(MAX_RECORDS / clauses.length));
    if (newestFirst) hits.sort((a, b) => b.LastModifiedDate.localeCompare(a.LastModifiedDate));
    searchRecords.push(...hits.slice(0, Number(limit)).map((person) => asReturned(person, fields)));
  }
  return Response.json({ searchRecords });
}

function isHit(terms: string[], stored: string, index: PhoneIndex): boolean {
  const typed = stored.match(/\p{Nd}+/gu) ?? [];
  const runs = index === "only whole field" ? [typed.join("")] : typed;
  const numbers = index === "each number" ? stored.split(/[\p{L},;#/|&\n]+/u) : [stored];
  const words = new Set([...runs, ...numbers.map((number) => number.replace(/\P{Nd}/gu, "")).filter((word) => word !== "")]);
  return terms.some((term) => {
    const [, word = "", wildcard] = WORD.exec(term) ?? [];
    if (wildcard === "*") return [...words].some((one) => one.startsWith(word));
    if (word !== "") return words.has(word);
    const phrase = (PHRASE.exec(term)?.[1] ?? "").split(" ");
    return runs.some((_, from) => phrase.every((one, at) => runs[from + at] === one));
  });
}

function isKind(text: string | undefined): text is SandboxPerson["kind"] {
  return text !== undefined && Object.hasOwn(FIELDS, text);
}

function asReturned(person: SandboxPerson, fields: string[]): Record<string, unknown> {
  const { kind, ...values } = person;
  const url = `/services/data/v65.0/sobjects/${kind}/${person.Id}`;
  const shown = (field: string) => values[field as keyof typeof values] ?? (field === "IsConverted" ? false : null);
  return { attributes: { type: kind, url }, ...Object.fromEntries(fields.map((field) => [field, shown(field)])) };
}
