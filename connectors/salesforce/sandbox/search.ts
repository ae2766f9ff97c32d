import { refusal } from "./answers.ts";
import type { SandboxPerson } from "./people.ts";

export const FIELDS: Record<SandboxPerson["kind"], string[]> = {
  Contact: ["Id", "Name", "AccountId", "OwnerId", "Phone", "MobilePhone", "HomePhone", "Fax", "LastModifiedDate"],
  Lead: ["Id", "Name", "OwnerId", "Phone", "MobilePhone", "Fax", "LastModifiedDate"],
  Account: ["Id", "Name", "OwnerId", "Phone", "Fax", "LastModifiedDate"],
};

/** From here on SOSL drops every OR, and finds nothing of what was meant. */
const MAX_TERM = 4_000;

const QUERY = /^FIND \{([^{}]*)\} IN PHONE FIELDS RETURNING (.+)$/;
const RETURNED = /^(Contact|Lead|Account)\(([\w, ]+?)( WHERE IsConverted = false)?( ORDER BY LastModifiedDate DESC)?( LIMIT (\d+))?\)$/;

/**
 * SOSL, of which it understands the phone search that we send (`FIND {1 OR 2} IN PHONE FIELDS …`), and nothing else.
 * Formatting is ignored, country codes and trunk prefixes are not: a number is found by exactly the digits that it was typed with.
 */
export function search(sosl: string, people: SandboxPerson[]): Response {
  const malformed = (why: string) => refusal(400, "MALFORMED_SEARCH", why);
  const [, term = "", returning = ""] = QUERY.exec(sosl) ?? [];
  if (returning === "") return malformed("No viable alternative at the search's beginning: FIND {…} IN PHONE FIELDS RETURNING …");
  if (/[&|![\]()^~*?:"'+\\-]/.test(term)) return malformed("a reserved character in the search term is not escaped");
  const numbers = new Set(term.split(" OR "));
  if (term.length > MAX_TERM || ![...numbers].every((number) => /^\d{2,}$/.test(number)))
    return malformed("search term must be longer than one character");

  const searchRecords: Record<string, unknown>[] = [];
  for (const clause of returning.split(/,\s*(?=[A-Z]\w*\()/)) {
    const [, kind, list = "", unconverted, newestFirst, , limit = "2000"] = RETURNED.exec(clause) ?? [];
    if (!isKind(kind)) return malformed("unexpected token in RETURNING");
    if (Number(limit) < 1 || Number(limit) > 2_000) return malformed("LIMIT must be from 1 to 2000");
    if (unconverted && kind !== "Lead") return refusal(400, "INVALID_FIELD", `No such column 'IsConverted' on entity '${kind}'.`);
    const fields = list.split(",").map((field) => field.trim());
    const unknown = fields.find((field) => !FIELDS[kind].includes(field));
    if (unknown !== undefined) return refusal(400, "INVALID_FIELD", `No such column '${unknown}' on entity '${kind}'.`);
    const hits = people
      .filter((person) => person.kind === kind && !(unconverted && person.IsConverted))
      .filter(({ Phone = "", MobilePhone = "", HomePhone = "", Fax = "" }) =>
        [Phone, MobilePhone, HomePhone, Fax].some((stored) => numbers.has(stored.replace(/\D/g, ""))),
      );
    if (newestFirst) hits.sort((a, b) => b.LastModifiedDate.localeCompare(a.LastModifiedDate));
    searchRecords.push(...hits.slice(0, Number(limit)).map((person) => asReturned(person, fields)));
  }
  return Response.json({ searchRecords });
}

function isKind(text: string | undefined): text is SandboxPerson["kind"] {
  return text !== undefined && Object.hasOwn(FIELDS, text);
}

function asReturned(person: SandboxPerson, fields: string[]): Record<string, unknown> {
  const { kind, ...values } = person;
  const url = `/services/data/v65.0/sobjects/${kind}/${person.Id}`;
  return {
    attributes: { type: kind, url },
    ...Object.fromEntries(fields.map((field) => [field, values[field as keyof typeof values] ?? null])),
  };
}
