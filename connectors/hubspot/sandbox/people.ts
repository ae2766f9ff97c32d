import { type CountryCode, parsePhoneNumberFromString } from "libphonenumber-js";
import { z } from "zod";
import { type ErrorDetail, notFound, validationError } from "./errors.ts";
import { createMissing, type Requirement } from "./missing.ts";
import { parseBody } from "./properties.ts";
import { ALWAYS, runSearch } from "./search.ts";

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

const Create = z.strictObject({
  properties: z.record(z.string(), z.string()),
  associations: z.array(z.unknown()).max(0, "associations are not kept here").optional(),
});
const Read = z.strictObject({
  inputs: z.array(z.strictObject({ id: z.string().min(1) })).min(1),
  properties: z.array(z.string()),
  propertiesWithHistory: z.array(z.string()),
});

export function nameOf(contact: SandboxContact): string {
  return `${contact.firstname} ${contact.lastname}`.trim();
}

/**
 * Contacts, searched as HubSpot does: by phone, "only the area code and local number" count, an answer has no property that was not asked for, and
 * what was made, or deleted, just now is not seen for `indexLagMs`.
 */
export function createPeople(options: {
  contacts: SandboxContact[];
  indexLagMs: number;
  /** Where the account is: how a number without a country is read. */
  country: CountryCode;
  isOwner(id: string): boolean;
  required: Requirement[];
}) {
  const { contacts, indexLagMs, country, isOwner } = options;
  const people = new Map(contacts.map((contact) => [contact.id, contact]));
  /** As the search sees them. */
  const indexed = new Map(people);
  const names = new Set([...PROPERTIES, ...contacts.flatMap((contact) => Object.keys(contact.own ?? {}))]);
  const missing = createMissing(options.required);
  const mergedInto = new Map<string, string>();
  let nextId = 251;

  const later = (change: () => void) => {
    if (indexLagMs === 0) change();
    else setTimeout(change, indexLagMs).unref();
  };
  const get = (id: string) => people.get(id) ?? people.get(mergedInto.get(id) ?? "");
  const shown = (contact: SandboxContact, wanted: readonly string[]) => {
    const values = valuesOf(contact, country);
    return {
      id: contact.id,
      properties: Object.fromEntries([...ALWAYS, ...wanted].map((name) => [name, values[name] ?? null])),
      createdAt: "2024-01-01T00:00:00.000Z",
      updatedAt: contact.updatedAt,
      archived: false,
    };
  };

  function checked(properties: Record<string, string>): void {
    const errors = Object.entries(properties).flatMap(([name, value]): ErrorDetail[] => {
      const context = { propertyName: [name] };
      if (!names.has(name) || name.startsWith("hs_"))
        return [{ message: `Property "${name}" does not exist`, code: "PROPERTY_DOESNT_EXIST", context }];
      return name === "hubspot_owner_id" && !isOwner(value) ? [{ message: "", code: "INVALID_OWNER_ID", context }] : [];
    });
    if (errors.length > 0) throw validationError("Property values were not valid", { errors });
    const lacking = missing(properties);
    if (lacking) throw lacking;
  }

  return {
    all: () => [...people.values()],
    get,
    read(id: string, wanted: string[]) {
      const contact = get(id);
      if (!contact) throw notFound("resource not found");
      return shown(contact, wanted);
    },
    readSome(body: unknown): { status: number; body: unknown } {
      const { inputs, properties } = parseBody(Read, body);
      if (inputs.length > 100) throw validationError(`The maximum number of inputs in a batch is 100, found ${inputs.length}`);
      const found = inputs.flatMap(({ id }) => get(id) ?? []);
      const now = new Date().toISOString();
      const answer = { status: "COMPLETE", results: found.map((contact) => shown(contact, properties)), startedAt: now, completedAt: now };
      const absent = inputs.map(({ id }) => id).filter((id) => !get(id));
      if (absent.length === 0) return { status: 200, body: answer };
      const { body: problem } = notFound("Could not get some CONTACT objects, they may be deleted or not exist.");
      return { status: 207, body: { ...answer, numErrors: 1, errors: [{ ...problem, context: { ids: absent }, links: {}, errors: [] }] } };
    },
    create(body: unknown) {
      const { properties } = parseBody(Create, body);
      checked(properties);
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
      later(() => indexed.set(contact.id, contact));
      return shown(contact, Object.keys(properties));
    },
    /** Somebody deletes a contact. */
    archive(id: string): void {
      people.delete(id);
      later(() => indexed.delete(id));
    },
    /** Somebody merges one contact into another, who has its number from then on: asked for by the old id, HubSpot gives the other. */
    merge(body: unknown) {
      const { primaryObjectId, objectIdToMerge } = parseBody(Merge, body);
      const [stays, goes] = [people.get(primaryObjectId), people.get(objectIdToMerge)];
      if (!stays || !goes) throw notFound("resource not found");
      people.delete(goes.id);
      mergedInto.set(goes.id, stays.id);
      const merged = { ...goes, ...stays, updatedAt: new Date().toISOString() };
      people.set(stays.id, merged);
      later(() => {
        indexed.delete(goes.id);
        indexed.set(stays.id, merged);
      });
      return shown(merged, []);
    },
    search: (text: string, body: unknown) =>
      runSearch({ text, body, names, records: [...indexed.values()], valuesOf: (contact) => valuesOf(contact, country), shown }),
  };
}

const Merge = z.strictObject({ primaryObjectId: z.string(), objectIdToMerge: z.string() });

const PROPERTIES = new Set([
  ...ALWAYS,
  "phone",
  "mobilephone",
  "hubspot_owner_id",
  "hs_searchable_calculated_phone_number",
  "hs_searchable_calculated_mobile_number",
  "hs_calculated_phone_number_country_code",
]);

function valuesOf(contact: SandboxContact, country: CountryCode): Record<string, string | undefined> {
  const parse = (number: string | undefined) =>
    number === undefined ? undefined : parsePhoneNumberFromString(number, { defaultCountry: country });
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
