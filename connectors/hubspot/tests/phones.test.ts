import type { CountryCode } from "libphonenumber-js";
import { describe, expect, test } from "vitest";
import { documentedCall } from "../../../test/support/documented-call.ts";
import { deliveryOf, SEARCH, send, setUp, type Words } from "../../../test/support/hubspot.ts";
import { COUNTRIES, type TypedForm, typedForms } from "../../../test/support/phone-forms.ts";
import { searchesFor } from "../people/phone-search.ts";
import type { HubSpotSandboxOptions } from "../sandbox/index.ts";

type Contact = NonNullable<HubSpotSandboxOptions["contacts"]>[number];
const FIELDS = ["phone", "mobilephone", "work_phone"] as const;
type Field = (typeof FIELDS)[number];

const ELSEWHERE = { US: { country: "US", ours: "+18005551234" }, GB: { country: "GB", ours: "+442079460000" } } as const;

const contactWith = (field: Field, text: string, n = 1): Contact => ({
  id: String(1_000 + n),
  firstname: "Contact",
  lastname: "",
  updatedAt: "2025-01-01T00:00:00.000Z",
  ...(field === "work_phone" ? { own: { work_phone: text } } : { [field]: text }),
});

/** The ids of those of these contacts that a call from the number to ours is put on. */
async function foundBy(options: {
  contacts: Contact[];
  number: string;
  ours: string;
  country?: CountryCode;
  fields?: readonly string[];
}): Promise<string[]> {
  const { contacts, number, ours, country = "US", fields } = options;
  const { open, sandbox } = await setUp({ contacts, country });
  const match: Words["match"] = { on_many: "all", ...(fields ? { phone_fields: [...fields] } : {}) };
  const call = documentedCall({ from_number: number, customer_number: number, to_number: ours });
  const [outcome] = await send(await open(), deliveryOf(call, { with: { match } }));
  expect(outcome).toMatchObject({ kind: "delivered" });
  return (await sandbox.records())[0]?.body.contacts as string[];
}

/** The forms in which a contact has a number, and is not found by it, although nobody else has it either. */
async function missedIn(options: {
  field: Field;
  forms: readonly TypedForm[];
  number: string;
  ours: string;
  country: CountryCode;
}): Promise<string[]> {
  const { field, forms, ...others } = options;
  const contacts = forms.map(({ text }, n) => contactWith(field, text, n));
  const found = new Set(await foundBy({ contacts, ...others, ...(field === "work_phone" ? { fields: ["work_phone"] } : {}) }));
  const missed = forms.filter((_, n) => !found.has(contacts[n]?.id ?? ""));
  if (missed.length > 0 && missed.length < forms.length) return missedIn({ ...options, forms: missed });
  return missed.map(({ name, text }) => `${name}: ${text}`);
}

describe("a number is found as people type it", () => {
  test.each(FIELDS.flatMap((field) => COUNTRIES.map((country) => ({ field, country }))))(
    "in $field, in every form of $country",
    async ({ field, country }) => {
      const { number, home, anywhere } = typedForms(country);
      // Where we are in the caller's country, then where we are elsewhere.
      expect(await missedIn({ field, forms: [...home, ...anywhere], number, country, ours: number })).toEqual([]);
      const abroad = country === "US" || country === "CA" ? ELSEWHERE.GB : ELSEWHERE.US;
      expect(await missedIn({ field, forms: anywhere, number, ...abroad })).toEqual([]);
    },
  );
});

describe("in every field of HubSpot's own", () => {
  const cases: { text: string; number: string; ours: string; copy?: string }[] = [
    { text: "0044 20 7946 0104", number: "+442079460104", ours: "+18005551234" },
    { text: "0049 30 23012 5105", number: "+4930230125105", ours: "+18005551234" },
    { text: "011 44 20 7946 0104", number: "+442079460104", ours: "+18005551234" },
    { text: "0011 44 20 7946 0104", number: "+442079460104", ours: "+61255501234" },
    { text: "8 (912) 345-67-89", number: "+79123456789", ours: "+74951234567" },
    { text: "06 30 123 4567", number: "+36301234567", ours: "+3612345678" },
    { text: "44 20 7946 0104", number: "+442079460104", ours: "+442079460000" },
    { text: "(415) 555-0100 x204", number: "+14155550100", ours: "+18005551234" },
    { text: "+44 (0)20 7946 0104", number: "+442079460104", ours: "+18005551234" },
  ];
  const copyOf = { phone: "hs_searchable_calculated_phone_number", mobilephone: "hs_searchable_calculated_mobile_number" };

  test.each(cases.flatMap((one) => (["phone", "mobilephone"] as const).map((field) => ({ ...one, field }))))(
    "$text in $field",
    async ({ text, field, number, ours }) => {
      const typed = contactWith(field, text);
      expect(await foundBy({ contacts: [typed], number, ours })).toEqual([typed.id]);
      // HubSpot's copy has all digits where it does not know the country.
      const digits = text.replace(/\D/g, "");
      for (const copy of [digits, digits.replace(/^0+/, "")]) {
        const copied = { ...typed, own: { [copyOf[field]]: copy } };
        expect(await foundBy({ contacts: [copied], number, ours })).toEqual([typed.id]);
      }
      // Or no copy at all, of what it cannot read.
      expect(await foundBy({ contacts: [{ ...typed, own: { [copyOf[field]]: "" } }], number, ours })).toEqual([typed.id]);
    },
  );
});

describe("in a field of the account's own", () => {
  const number = "+14155550100";
  const texts = [
    "(415) 555-0100",
    "+1 415-555-0100",
    "415-555-0100",
    "1 (415) 555-0100",
    "415.555.0100",
    "415 555 0100 ext. 7",
    "4155550100;7",
  ];
  test.each(texts)("%s", async (text) => {
    const contact = contactWith("work_phone", text);
    expect(await foundBy({ contacts: [contact], number, ours: "+18005551234", fields: ["work_phone"] })).toEqual([contact.id]);
    expect(await foundBy({ contacts: [contact], number, ours: "+18005551234", fields: ["phone", "work_phone"] })).toEqual([contact.id]);
  });

  test("somebody else's number with the same beginning and end is not the caller's", async () => {
    const contacts = ["415 555 7 0100", "(415) 555-9 0100", "+52 415 555 0100", "+44 415 555 0100"].map((text, n) =>
      contactWith("work_phone", text, n),
    );
    expect(await foundBy({ contacts, number, ours: "+18005551234", fields: ["work_phone"] })).toEqual([]);
  });
});

describe("searches", () => {
  test("a number that somebody has takes one, one that nobody has a second for odd spellings, and both are remembered", async () => {
    const { open, seenAt } = await setUp();
    const destination = await open();
    const from = (number: string, call_id: string) => deliveryOf(documentedCall({ call_id, from_number: number, customer_number: number }));
    await send(destination, from("+14155550100", "a"));
    expect(seenAt(SEARCH)).toHaveLength(1);
    await send(destination, from("+14155550177", "b"));
    expect(seenAt(SEARCH)).toHaveLength(3);
    await send(destination, from("+14155550100", "c"), from("+14155550177", "d"));
    expect(seenAt(SEARCH)).toHaveLength(3);
  });

  test("none is larger than HubSpot allows, whatever the country and the fields", () => {
    const fieldSets = [["phone", "mobilephone"], ["work_phone"], ["phone", "mobilephone", "work_phone", "private_phone", "a".repeat(100)]];
    for (const country of COUNTRIES) {
      for (const fields of fieldSets) {
        for (const { groups } of searchesFor({ number: typedForms(country).number, fields })) {
          expect(groups.length).toBeLessThanOrEqual(5);
          expect(Math.max(...groups.map(({ filters }) => filters.length))).toBeLessThanOrEqual(6);
          expect(groups.flatMap(({ filters }) => filters).length).toBeLessThanOrEqual(18);
          const values = groups.flatMap(({ filters }) => filters).map((filter) => ("values" in filter ? filter.values.length : 1));
          expect(Math.max(...values)).toBeLessThanOrEqual(100);
          const properties = [...fields, "firstname", "lastname", "hubspot_owner_id"];
          expect(JSON.stringify({ groups, properties }).length).toBeLessThan(2_900);
        }
      }
    }
  });
});
