import { describe, expect, test } from "vitest";
import { createPeopleSearch } from "../../../src/connector/kit/people-search.ts";
import { COUNTRIES, exampleOf, type TypedForm, typedForms } from "../../../test/support/phone-forms.ts";
import { count, deliveryOf, documentedCall, QUERY, receiptOf, SEARCH, send, sendOne, startOrg } from "../../../test/support/salesforce.ts";
import { openSession } from "../client.ts";
import { salesforceCrm } from "../people/match.ts";
import { recordId, type SandboxPerson } from "../sandbox/people.ts";
import type { PhoneIndex } from "../sandbox/search.ts";
import { settingsSchema } from "../settings.ts";

const FIELDS = ["Phone", "MobilePhone", "Direct_Line__c", "Old_Phone__c"] as const;
type Field = (typeof FIELDS)[number];
const INDEXES: PhoneIndex[] = ["whole field", "each number", "only whole field"];
/** Where full-width digits are typed; elsewhere no search is asked for them. */
const FULL_WIDTH = ["JP", "CN", "KR", "HK"];

function contact(field: Field, text: string, serial: number, more: Partial<SandboxPerson> = {}): SandboxPerson {
  const LastModifiedDate = "2025-01-01T09:00:00.000+0000";
  return { kind: "Contact", Id: recordId("003", 1_000 + serial), Name: `Contact ${serial}`, LastModifiedDate, [field]: text, ...more };
}

/** Who of these people has the number, as a call to `ours` finds them. */
async function foundBy(options: {
  people: SandboxPerson[];
  number: string;
  ours: string;
  field?: Field;
  phoneIndex?: PhoneIndex;
}): Promise<string[]> {
  const { people, number, ours, field = "Phone", phoneIndex } = options;
  const org = await startOrg({ people, ...(phoneIndex ? { phoneIndex } : {}) });
  const settings = settingsSchema.parse(org.sandbox.settings({ url: org.url, folder: "" }));
  const signal = AbortSignal.timeout(20_000);
  const session = await openSession({ settings, timeoutMs: 5_000, signal });
  const phoneFields = field === "Phone" || field === "MobilePhone" ? undefined : [field];
  const homeCode = ours.startsWith("+1") ? "1" : ours.slice(1);
  const wanted = { customers: [{ number, homeCode }], fields: phoneFields, isFresh: true };
  const [found] = await createPeopleSearch(salesforceCrm({ session })).find([wanted], { maxWaitMs: 0, signal });
  if (!found || "outcome" in found) throw new Error(`not searched: ${JSON.stringify(found)}`);
  return found.people.map(({ id }) => id);
}

async function missedIn(options: {
  field: Field;
  forms: readonly TypedForm[];
  number: string;
  ours: string;
  phoneIndex: PhoneIndex;
}): Promise<string[]> {
  const { field, forms, ...others } = options;
  const people = forms.map(({ text }, serial) => contact(field, text, serial));
  const found = new Set(await foundBy({ people, field, ...others }));
  return forms.filter((_, serial) => !found.has(people[serial]?.Id ?? "")).map(({ name, text }) => `${name}: ${text}`);
}

describe("a number is found as people type it", () => {
  describe.each(INDEXES)("where a word of the index is %s", (phoneIndex) => {
    // The other two ways that an index may be cost as much again, and a dozen countries show them.
    test.each(COUNTRIES.filter((_, index) => phoneIndex === "whole field" || index % 4 === 0))("in every form of %s", async (country) => {
      const { number, code, home, anywhere } = typedForms(country);
      const typed = home.filter(({ name }) => name !== "full-width digits" || FULL_WIDTH.includes(country));
      for (const field of phoneIndex === "whole field" ? FIELDS : (["Phone"] as const)) {
        // A query compares what is typed, and full-width digits are others.
        const forms = field === "Old_Phone__c" ? typed.filter(({ name }) => name !== "full-width digits") : typed;
        const missed = await missedIn({ field, forms: [...forms, ...anywhere], number, ours: `+${code}`, phoneIndex });
        // Nothing begins with it then: no search by words can find it.
        const isHidden = phoneIndex === "only whole field";
        expect(missed.filter((one) => !isHidden || !one.startsWith("behind another number"))).toEqual([]);
      }
      if (phoneIndex !== "whole field") return;
      const abroad = code === "1" ? "+44" : "+1";
      expect(await missedIn({ field: "Phone", forms: anywhere, number, ours: abroad, phoneIndex })).toEqual([]);
    });
  });

  test.each([
    ["an extension that follows by itself", "(415) 555-0100 x204", "+14155550100"],
    ["an extension in words", "415-555-0100 ext. 204", "+14155550100"],
    ["a trunk prefix in brackets", "+44 (0)20 7946 0104", "+442079460104"],
    ["the same in Germany", "+49 (0)30 23012 5105", "+4930230125105"],
    ["00", "0044 20 7946 0104", "+442079460104"],
    ["00, in Germany", "0049 30 23012 5105", "+4930230125105"],
    ["011", "011 44 20 7946 0104", "+442079460104"],
    ["a trunk prefix 8", "8 (912) 345-67-89", "+79123456789"],
    ["a trunk prefix 06", "06 30 123 4567", "+36301234567"],
    ["no plus", "44 20 7946 0104", "+442079460104"],
  ])("with %s: the Task is on the Contact, found 1", async (_, text, customer_number) => {
    for (const phoneIndex of INDEXES) {
      const org = await startOrg({ people: [contact("Phone", text, 1)], phoneIndex });
      const call = documentedCall({ from_number: customer_number, customer_number });
      const receipt = await receiptOf(sendOne(await org.open(), deliveryOf(call)));
      expect([receipt.extra?.who_id, receipt.found]).toEqual([recordId("003", 1_001), 1]);
    }
  });
});

describe("other people with a number like it are not found", () => {
  test.each(COUNTRIES)("a neighbour, the same number in another country, its end alone (%s)", async (country) => {
    const { number, code, home, anywhere } = typedForms(country);
    const { nationalNumber } = exampleOf(country);
    const last = Number(number.at(-1));
    const neighbour = number.slice(0, -1) + ((last + 1) % 10);
    const elsewhere = code === "358" ? "+44" : "+358";
    const people = [
      neighbour,
      `${nationalNumber}5`,
      nationalNumber.slice(-5),
      nationalNumber.slice(2),
      `${elsewhere} ${nationalNumber}`,
      `+${code} ${nationalNumber}7 ext ${nationalNumber.slice(-4)}`,
    ].flatMap((text, serial) => FIELDS.map((field, at) => contact(field, text, 10 * serial + at)));
    for (const field of ["Phone", "Old_Phone__c"] as const) expect(await foundBy({ people, number, ours: `+${code}`, field })).toEqual([]);
    // And the other way round: the neighbour calls.
    const theirs = [...home, ...anywhere].map(({ text }, serial) => contact("Phone", text, serial));
    expect(await foundBy({ people: theirs, number: neighbour, ours: `+${code}` })).toEqual([]);
  });

  test("another extension of the block, a fax number, a Lead that was converted", async () => {
    const people = [
      contact("Phone", "+43 1 12345 DW 67", 1),
      contact("Fax" as "Phone", "+43 1 1234568", 2),
      contact("Phone", "+43 1 1234568", 3, { kind: "Lead", Id: recordId("00Q", 3), IsConverted: true }),
    ];
    expect(await foundBy({ people, number: "+4311234568", ours: "+43" })).toEqual([]);
    expect(await foundBy({ people, number: "+4311234567", ours: "+43" })).toEqual([people[0]?.Id]);
  });
});

describe("of many who have a number it is the one changed last", () => {
  const shared = (size: number, field: Field = "Phone") =>
    Array.from({ length: size }, (_, index) =>
      contact(field, index % 2 === 0 ? "+1 415-555-0100" : "(415) 555-0100 x20", index, {
        LastModifiedDate: new Date(Date.UTC(2020, 0, 1) + index * 3_600_000).toISOString().replace("Z", "+0000"),
        OwnerId: recordId("005", index === 7 ? 2 : 1),
      }),
    );

  test.each([150, 2_500])("of %i, as many as there are", async (size) => {
    const org = await startOrg({ people: shared(size) });
    const destination = await org.open();
    const receipt = await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
    expect([receipt.extra?.who_id, receipt.found]).toEqual([recordId("003", 1_000 + size - 1), size]);
    // And the one of the call's owner, wherever it stands in the list.
    const owned = { with: { owner: "sam.seller@example.com", match: { on_many: "owner" as const } } };
    const second = await receiptOf(sendOne(destination, deliveryOf(documentedCall({ call_id: "call_2" }), owned)));
    expect([second.extra?.who_id, second.found]).toEqual([recordId("003", 1_007), size]);
  });

  test("of 2,500 in a text field of the org's own too", async () => {
    const org = await startOrg({ people: shared(2_500, "Old_Phone__c") });
    const match = { match: { phone_fields: ["Old_Phone__c"] } };
    const receipt = await receiptOf(sendOne(await org.open(), deliveryOf(documentedCall(), { with: match })));
    expect([receipt.extra?.who_id, receipt.found]).toEqual([recordId("003", 3_499), 2_500]);
  });

  test("a query over them that takes Salesforce too long leaves the newest of those that the search gave", async () => {
    const org = await startOrg({ people: shared(2_500) });
    const destination = await org.open();
    org.fault.now = (request) =>
      request.url.includes("LIKE")
        ? Response.json([{ errorCode: "QUERY_TIMEOUT", message: "Your query request was running for too long." }], { status: 400 })
        : undefined;
    const receipt = await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
    expect(receipt.found).toBe(200);
  });

  test("an answer that does not say where its rest is, is not taken for whole", async () => {
    const org = await startOrg({ people: shared(250) });
    const destination = await org.open();
    org.fault.now = (request) => (request.url.includes("LIKE") ? Response.json({ totalSize: 250, done: false, records: [] }) : undefined);
    expect(await sendOne(destination, deliveryOf(documentedCall()))).toMatchObject({ kind: "retry", code: "UNREADABLE_ANSWER" });
  });

  test("deals: of two thousand of one company and one of another, each gets its newest", async () => {
    const deal = (serial: number, company: number) => ({
      Id: recordId("006", serial),
      AccountId: recordId("001", company),
      IsClosed: false,
      CreatedDate: new Date(Date.UTC(2025, 0, 1) - (company === 2 ? 1e9 : 0) + serial * 1_000).toISOString(),
    });
    const deals = [...Array.from({ length: 2_100 }, (_, index) => deal(index, 1)), deal(5_000, 2)];
    const company = (serial: number) => ({
      kind: "Account" as const,
      Id: recordId("001", serial),
      Name: "A",
      LastModifiedDate: "2025-01-01T09:00:00.000+0000",
    });
    const people = [1, 2].flatMap((serial) => [
      company(serial),
      contact("Phone", `+1 415-555-010${serial}`, serial, { AccountId: recordId("001", serial) }),
    ]);
    const org = await startOrg({ people, deals });
    const calls = [1, 2].map((serial) =>
      deliveryOf(documentedCall({ call_id: `call_${serial}`, customer_number: `+1415555010${serial}` }), {
        with: { associate: ["contact", "open_deal"] },
      }),
    );
    const outcomes = await send(await org.open(), ...calls);
    expect(outcomes.map((one) => one.kind === "delivered" && one.receipt.extra?.what_id)).toEqual([
      recordId("006", 2_099),
      recordId("006", 5_000),
    ]);
  });
});

describe("what a search costs and says", () => {
  test("200 strangers cost ten searches, and none a query", async () => {
    const org = await startOrg();
    const calls = Array.from({ length: 200 }, (_, index) =>
      deliveryOf(documentedCall({ call_id: `call_${index}`, customer_number: `+1415556${String(1000 + index)}` })),
    );
    await send(await org.open(), ...calls);
    expect([count(org, SEARCH), count(org, QUERY)]).toEqual([10, 0]);
  });

  test("numbers with the most forms stay below what a search takes", async () => {
    const org = await startOrg();
    const calls = Array.from({ length: 60 }, (_, index) => {
      const customer_number = `+5255${12_345_000 + index}`;
      return deliveryOf(documentedCall({ call_id: `call_${index}`, customer_number }));
    });
    const outcomes = await send(await org.open(), ...calls);
    expect(outcomes.every(({ kind }) => kind === "delivered")).toBe(true);
  });

  test.each([
    [["Phone", "Moblie__c"], "Moblie__c"],
    [["Plain_Number__c"], "Plain_Number__c"],
  ])("a field of match.phone_fields that nobody has, or that holds no text, is named: %j", async (phone_fields, named) => {
    const org = await startOrg();
    const outcome = await sendOne(await org.open(), deliveryOf(documentedCall(), { with: { match: { phone_fields } } }));
    expect(outcome).toMatchObject({ kind: "needs-fix", code: "INVALID_FIELD", reason: expect.stringContaining(named) });
  });
});
