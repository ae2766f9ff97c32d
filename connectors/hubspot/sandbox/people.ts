import { parsePhoneNumberFromString } from "libphonenumber-js";
import { z } from "zod";
import { validationError } from "./errors.ts";
import { parseBody } from "./properties.ts";

/** A person in the sandbox's CRM. */
export interface SandboxContact {
  id: string;
  firstname: string;
  lastname: string;
  /** As people type them. */
  phone?: string;
  mobilephone?: string;
  /** ISO 8601. */
  updatedAt: string;
}

/** Invented people with fictional numbers (555-01xx and its kin abroad). */
export const SANDBOX_CONTACTS: SandboxContact[] = [
  { id: "201", firstname: "Dana", lastname: "Example", phone: "(415) 555-0100", updatedAt: "2025-01-10T09:00:00.000Z" },
  { id: "202", firstname: "Robin", lastname: "Sample", phone: "+1 415-555-0101", updatedAt: "2025-01-08T09:00:00.000Z" },
  { id: "203", firstname: "Alex", lastname: "Placeholder", mobilephone: "415.555.0102", updatedAt: "2025-01-05T09:00:00.000Z" },
  { id: "204", firstname: "Priya", lastname: "Specimen", phone: "+44 20 7946 0104", updatedAt: "2025-01-04T09:00:00.000Z" },
  { id: "205", firstname: "Jona", lastname: "Mustermann", phone: "+49 30 230125105", updatedAt: "2025-01-03T09:00:00.000Z" },
  // The digits of Dana's number in another country: a search finds both, and only one of them called.
  { id: "206", firstname: "Luz", lastname: "Ejemplo", phone: "+52 415 555 0100", updatedAt: "2025-02-01T09:00:00.000Z" },
];

const Search = z.strictObject({
  query: z.string().optional(),
  limit: z.int().min(1).max(200).optional(),
  after: z.string().optional(),
  sorts: z.array(z.string()).max(1).optional(),
  properties: z.array(z.string()).optional(),
  filterGroups: z
    .array(
      z.strictObject({
        filters: z
          .array(z.strictObject({ propertyName: z.string(), operator: z.enum(["EQ", "CONTAINS_TOKEN"]), value: z.string() }))
          .max(6),
      }),
    )
    .max(5)
    .optional(),
});

const ALWAYS = ["createdate", "email", "firstname", "lastname", "hs_object_id", "lastmodifieddate"];

export function nameOf(contact: SandboxContact): string {
  return `${contact.firstname} ${contact.lastname}`;
}

/** Contacts, searched as HubSpot does: by phone, "only the area code and local number" count, and an answer has no property that was not asked for. */
export function createPeople(contacts: SandboxContact[]) {
  const people = new Map(contacts.map((contact) => [contact.id, contact]));
  return {
    get: (id: string) => people.get(id),
    search(text: string, body: unknown) {
      if (text.length > 3_000) throw validationError("The request body is longer than 3,000 characters");
      const { filterGroups = [], limit = 10, properties = [] } = parseBody(Search, body);
      const all = [...people.values()].map((contact) => ({ contact, values: valuesOf(contact) }));
      const unknown = filterGroups.flatMap(({ filters }) => filters).find(({ propertyName }) => !PROPERTIES.has(propertyName));
      if (unknown) throw validationError(`There was a problem with the request: property ${unknown.propertyName} does not exist`);
      const found = all.filter(({ values }) => filterGroups.some(({ filters }) => filters.every((filter) => holds(values, filter))));
      return {
        total: found.length,
        results: found.slice(0, limit).map(({ contact, values }) => ({
          id: contact.id,
          properties: Object.fromEntries([...ALWAYS, ...properties].map((name) => [name, values[name] ?? null])),
          createdAt: "2024-01-01T00:00:00.000Z",
          updatedAt: contact.updatedAt,
          archived: false,
        })),
      };
    },
  };
}

const PROPERTIES = new Set([
  ...ALWAYS,
  "phone",
  "mobilephone",
  "hs_searchable_calculated_phone_number",
  "hs_searchable_calculated_mobile_number",
  "hs_calculated_phone_number_country_code",
]);

function valuesOf(contact: SandboxContact): Record<string, string | undefined> {
  const phone = parse(contact.phone);
  return {
    createdate: "2024-01-01T00:00:00.000Z",
    firstname: contact.firstname,
    lastname: contact.lastname,
    hs_object_id: contact.id,
    lastmodifieddate: contact.updatedAt,
    phone: contact.phone,
    mobilephone: contact.mobilephone,
    hs_searchable_calculated_phone_number: phone?.nationalNumber.replace(/^0+/, ""),
    hs_searchable_calculated_mobile_number: parse(contact.mobilephone)?.nationalNumber.replace(/^0+/, ""),
    hs_calculated_phone_number_country_code: phone?.country,
  };
}

/** The account is in the US: numbers without a country are read as American. */
function parse(number: string | undefined) {
  return number === undefined ? undefined : parsePhoneNumberFromString(number, { defaultCountry: "US" });
}

function holds(
  values: Record<string, string | undefined>,
  filter: { propertyName: string; operator: "EQ" | "CONTAINS_TOKEN"; value: string },
): boolean {
  const has = values[filter.propertyName]?.toLowerCase();
  const wanted = filter.value.toLowerCase();
  if (has === undefined) return false;
  if (filter.operator === "EQ") return has === wanted;
  return wanted.startsWith("*") ? has.endsWith(wanted.slice(1)) : has.split(/\W+/).includes(wanted);
}
