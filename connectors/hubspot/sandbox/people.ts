import { parsePhoneNumberFromString } from "libphonenumber-js";
import { z } from "zod";
import { notFound, validationError } from "./errors.ts";
import { parseBody } from "./properties.ts";

/** A person in the sandbox's CRM. */
export interface SandboxContact {
  id: string;
  firstname: string;
  lastname: string;
  /** As people type them. */
  phone?: string;
  mobilephone?: string;
  /** HubSpot's id of who owns the record. */
  hubspot_owner_id?: string;
  /** Properties of the account's own. */
  own?: Record<string, string>;
  /** ISO 8601. */
  updatedAt: string;
}

/** Invented people with fictional numbers (555-01xx and its kin abroad). */
export const SANDBOX_CONTACTS: SandboxContact[] = [
  {
    id: "201",
    firstname: "Dana",
    lastname: "Example",
    phone: "(415) 555-0100",
    hubspot_owner_id: "701",
    updatedAt: "2025-01-10T09:00:00.000Z",
  },
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
          .array(
            z.union([
              z.strictObject({ propertyName: z.string(), operator: z.enum(["EQ", "CONTAINS_TOKEN"]), value: z.string() }),
              z.strictObject({ propertyName: z.string(), operator: z.literal("IN"), values: z.array(z.string()).min(1) }),
            ]),
          )
          .max(6),
      }),
    )
    .max(5)
    .optional(),
});

const ALWAYS = ["createdate", "email", "firstname", "lastname", "hs_object_id", "lastmodifieddate"];

const Create = z.strictObject({
  properties: z.record(z.string(), z.string()),
  associations: z.array(z.unknown()).max(0, "associations are not kept here").optional(),
});

export function nameOf(contact: SandboxContact): string {
  return `${contact.firstname} ${contact.lastname}`.trim();
}

/**
 * Contacts, searched as HubSpot does: by phone, "only the area code and local number" count, an answer has no property that was not asked for, and
 * what was made just now is not found for `indexLagMs`.
 */
export function createPeople(options: { contacts: SandboxContact[]; indexLagMs: number }) {
  const { contacts, indexLagMs } = options;
  const people = new Map(contacts.map((contact) => [contact.id, contact]));
  const searchableAtMs = new Map<string, number>();
  const own = contacts.flatMap((contact) => Object.keys(contact.own ?? {}));
  const names = new Set([...PROPERTIES, ...own]);
  let nextId = 251;

  const shown = (contact: SandboxContact, wanted: readonly string[]) => {
    const values = valuesOf(contact);
    return {
      id: contact.id,
      properties: Object.fromEntries([...ALWAYS, ...wanted].map((name) => [name, values[name] ?? null])),
      createdAt: "2024-01-01T00:00:00.000Z",
      updatedAt: contact.updatedAt,
      archived: false,
    };
  };

  return {
    all: () => [...people.values()],
    get: (id: string) => people.get(id),
    read(id: string, wanted: string[]) {
      const contact = people.get(id);
      if (!contact) throw notFound("resource not found");
      return shown(contact, wanted);
    },
    create(body: unknown) {
      const { properties } = parseBody(Create, body);
      const unknown = Object.keys(properties).find((name) => !names.has(name) || name.startsWith("hs_"));
      if (unknown) {
        const errors = [
          { message: `Property "${unknown}" does not exist`, code: "PROPERTY_DOESNT_EXIST", context: { propertyName: [unknown] } },
        ];
        throw validationError("Property values were not valid", { errors });
      }
      const { firstname = "", lastname = "", phone, mobilephone, hubspot_owner_id, ...more } = properties;
      const contact: SandboxContact = {
        id: String(nextId++),
        firstname,
        lastname,
        ...(phone === undefined ? {} : { phone }),
        ...(mobilephone === undefined ? {} : { mobilephone }),
        ...(hubspot_owner_id === undefined ? {} : { hubspot_owner_id }),
        own: more,
        updatedAt: new Date().toISOString(),
      };
      people.set(contact.id, contact);
      searchableAtMs.set(contact.id, performance.now() + indexLagMs);
      return shown(contact, Object.keys(properties));
    },
    search(text: string, body: unknown) {
      if (text.length > 3_000) throw validationError("The request body is longer than 3,000 characters");
      const { filterGroups = [], limit = 10, properties = [] } = parseBody(Search, body);
      const filters = filterGroups.flatMap((group) => group.filters);
      if (filters.length > 18) throw validationError(`The maximum number of filters is 18, found ${filters.length}`);
      const unknown = filters.find(({ propertyName }) => !names.has(propertyName));
      if (unknown) {
        const errors = [{ message: "does not exist", code: "PROPERTY_DOESNT_EXIST", context: { propertyName: [unknown.propertyName] } }];
        throw validationError(`There was a problem with the request: property ${unknown.propertyName} does not exist`, { errors });
      }
      const found = [...people.values()].filter((contact) => {
        if ((searchableAtMs.get(contact.id) ?? 0) > performance.now()) return false;
        const values = valuesOf(contact);
        return filterGroups.some((group) => group.filters.every((filter) => holds(values, filter)));
      });
      return { total: found.length, results: found.slice(0, limit).map((contact) => shown(contact, properties)) };
    },
  };
}

const PROPERTIES = new Set([
  ...ALWAYS,
  "phone",
  "mobilephone",
  "hubspot_owner_id",
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
    hubspot_owner_id: contact.hubspot_owner_id,
    ...contact.own,
  };
}

/** The account is in the US: numbers without a country are read as American. */
function parse(number: string | undefined) {
  return number === undefined ? undefined : parsePhoneNumberFromString(number, { defaultCountry: "US" });
}

type Filter = { propertyName: string } & ({ operator: "EQ" | "CONTAINS_TOKEN"; value: string } | { operator: "IN"; values: string[] });

function holds(values: Record<string, string | undefined>, filter: Filter): boolean {
  const has = values[filter.propertyName]?.toLowerCase();
  if (has === undefined) return false;
  if (filter.operator === "IN") return filter.values.includes(has);
  const wanted = filter.value.toLowerCase();
  if (filter.operator === "EQ") return has === wanted;
  return wanted.startsWith("*") ? has.endsWith(wanted.slice(1)) : has.split(/\W+/).includes(wanted);
}
