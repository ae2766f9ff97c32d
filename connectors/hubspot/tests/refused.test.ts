import { describe, expect, test } from "vitest";
import type { Outcome, Receipt } from "../../../src/connector/index.ts";
import { documentedCall } from "../../../test/support/documented-call.ts";
import { deliveryOf, SEARCH, send, setUp, UPSERT, type Words } from "../../../test/support/hubspot.ts";
import type { HubSpotSandboxOptions, PropertyDefinition } from "../sandbox/index.ts";

const CREATE = "/crm/objects/2026-09/contacts";
const OUTCOMES = "/crm/properties/2026-09/calls/hs_call_disposition";
const CONNECTED = "f240bbac-87c9-4f6e-bf70-924b57d47db7";

function receiptOf(outcome: Outcome | undefined): Receipt {
  expect(outcome).toMatchObject({ kind: "delivered" });
  return (outcome as { receipt: Receipt }).receipt;
}

/** HubSpot's refusal of a value, in the words of its older APIs and of its newer ones. */
const refusals = {
  "in the message": (property: string, code: string) => ({
    status: "error",
    category: "VALIDATION_ERROR",
    message: `Property values were not valid: [{"isValid":false,"message":"","error":"${code}","name":"${property}"}]`,
  }),
  "in errors": (property: string, code: string) => ({
    status: "error",
    category: "VALIDATION_ERROR",
    message: "Property values were not valid",
    errors: [{ message: "x", code, context: { propertyName: [property] } }],
  }),
};
const named = Object.entries(refusals).map(([where, bodyOf]) => ({ where, bodyOf }));
const refused = (body: object) => () => Response.json(body, { status: 400 });

describe("an owner that HubSpot refuses", () => {
  const stranger = documentedCall({ from_number: "+14155550177", customer_number: "+14155550177", agent_owner: "sales@example.com" });
  const words: Words = { match: { on_none: "create_contact" } };

  test.each(named)("does not prevent the contact that is to be made: it is made without ($where)", async ({ bodyOf }) => {
    const { open, failNext, seenAt, sandbox, ask } = await setUp();
    const destination = await open();
    failNext(CREATE, refused(bodyOf("hubspot_owner_id", "INVALID_OWNER_ID")));
    const receipt = receiptOf((await send(destination, deliveryOf(stranger, { with: words })))[0]);
    expect(receipt).toMatchObject({ found: 1, person: { id: "251" }, extra: { left_out: "contact.hubspot_owner_id (INVALID_OWNER_ID)" } });
    expect(seenAt(CREATE)).toHaveLength(2);
    expect((await sandbox.records())[0]?.body).toMatchObject({ contacts: ["251"], hubspot_owner_id: "701" });
    expect(await ask("GET", `${CREATE}/251?properties=phone,hubspot_owner_id`)).toMatchObject({
      properties: { phone: "+14155550177", hubspot_owner_id: null },
    });
  });

  test("who has left: call and contact are both without, the receipt says both, and the owner is asked for again", async () => {
    const owners = [{ id: "701", email: "sales@example.com", firstName: "Sam", lastName: "Seller", isActive: true }];
    const { open, sandbox, seenAt } = await setUp({ owners });
    const destination = await open();
    receiptOf((await send(destination, deliveryOf(documentedCall({ call_id: "a", agent_owner: "sales@example.com" }))))[0]);
    (owners[0] as { isActive: boolean }).isActive = false;
    const receipt = receiptOf((await send(destination, deliveryOf(stranger, { with: words })))[0]);
    expect(receipt).toMatchObject({ found: 1, person: { id: "251" } });
    expect(receipt.extra?.left_out).toBe("contact.hubspot_owner_id (INVALID_OWNER_ID), hubspot_owner_id (INVALID_OWNER_ID)");
    expect(receipt.extra).not.toHaveProperty("owner");
    expect((await sandbox.records())[1]?.body).not.toHaveProperty("hubspot_owner_id");
    // Not remembered for the hour: the next call asks, hears that there is none, and is written at once.
    const before = [seenAt("/crm/owners/2026-09").length, seenAt(UPSERT).length];
    const next = documentedCall({ call_id: "c", agent_owner: "sales@example.com" });
    expect(receiptOf((await send(destination, deliveryOf(next)))[0]).extra).not.toHaveProperty("left_out");
    expect([seenAt("/crm/owners/2026-09").length, seenAt(UPSERT).length]).toEqual([(before[0] ?? 0) + 1, (before[1] ?? 0) + 1]);
  });

  test("of one call of a batch is the others' no trouble", async () => {
    const owners = ["1", "2", "3"].map((id) => ({ id, email: `owner${id}@example.com`, firstName: "", lastName: "", isActive: true }));
    const { open, sandbox } = await setUp({ owners });
    const destination = await open();
    const batch = (round: string) =>
      ["1", "2", "3"].map((id) => deliveryOf(documentedCall({ call_id: `${round}${id}`, agent_owner: `owner${id}@example.com` })));
    await send(destination, ...batch("a"));
    (owners[1] as { isActive: boolean }).isActive = false;
    const outcomes = await send(destination, ...batch("b"));
    expect(outcomes.map((one) => receiptOf(one).extra?.left_out)).toEqual([undefined, "hubspot_owner_id (INVALID_OWNER_ID)", undefined]);
    expect((await sandbox.records()).slice(3).map(({ body }) => body.hubspot_owner_id)).toEqual(["1", undefined, "3"]);
  });
});

describe("a contact that the account's rules do not let be made", () => {
  test("leaves the call on nobody, and the receipt says which property the rule asks for", async () => {
    const { open, sandbox } = await setUp({ requiredOfContacts: [{ property: "email" }] });
    const call = documentedCall({ from_number: "+14155550177", customer_number: "+14155550177" });
    const words: Words = { match: { on_none: "create_contact" } };
    const receipt = receiptOf((await send(await open(), deliveryOf(call, { with: words })))[0]);
    expect(receipt).toMatchObject({ found: 0, extra: { contact_refused: "MISSING_REQUIRED_PROPERTY (email)" } });
    expect((await sandbox.records())[0]?.body.contacts).toEqual([]);
  });
});

describe("a value of fields that HubSpot refuses", () => {
  const sentiment: PropertyDefinition = {
    name: "sentiment",
    label: "Sentiment",
    groupName: "call_information",
    type: "enumeration",
    fieldType: "select",
    hasUniqueValue: false,
    options: [{ label: "Good", value: "good" }],
  };
  const { options: _, ...plain } = sentiment;
  const score: PropertyDefinition = { ...plain, name: "score", type: "number", fieldType: "number" };
  const account: HubSpotSandboxOptions = { properties: [sentiment, score] };

  test.each([{ multiStatus: false }, { multiStatus: true }])(
    "is left out of its call, which is logged, and the receipt says so (per item: $multiStatus)",
    async ({ multiStatus }) => {
      const { open, sandbox } = await setUp({ ...account, multiStatus });
      const withFields = (call_id: string, fields: Record<string, string>) => deliveryOf(documentedCall({ call_id }), { with: { fields } });
      const outcomes = await send(
        await open(),
        withFields("a", { sentiment: "good" }),
        withFields("b", { sentiment: "superb", score: "9" }),
        withFields("c", { sentiment: "superb", score: "nine" }),
        withFields("d", {}),
      );
      const leftOut = outcomes.map((one) => receiptOf(one).extra?.left_out);
      expect([leftOut[0], leftOut[1], leftOut[3]]).toEqual([undefined, "sentiment (INVALID_OPTION)", undefined]);
      expect(leftOut[2]).toMatch(/sentiment \(INVALID_OPTION\)/);
      expect(leftOut[2]).toMatch(/score \(\w+\)/);
      const values = (await sandbox.records()).map(({ key, body }) => [key.at(-1), body.sentiment, body.score]);
      expect(values.toSorted()).toEqual([
        ["a", "good", undefined],
        ["b", undefined, "9"],
        ["c", undefined, undefined],
        ["d", undefined, undefined],
      ]);
    },
  );

  test("is not left out where it makes the record: a call without its start is none", async () => {
    const { open, failNext } = await setUp();
    const destination = await open();
    failNext(UPSERT, refused(refusals["in errors"]("hs_timestamp", "INVALID_DATE")));
    expect(await send(destination, deliveryOf(documentedCall()))).toMatchObject([{ kind: "rejected" }]);
  });
});

describe("an account that does not list its call outcomes", () => {
  const account = { listsOutcomes: false };
  const outcomeOf = async (words: Words, call = documentedCall()) => {
    const { open, sandbox, ask, seenAt } = await setUp(account);
    const destination = await open();
    const receipt = receiptOf((await send(destination, deliveryOf(call, { with: words })))[0]);
    return { receipt, value: (await sandbox.records())[0]?.body.hs_call_disposition, ask, seenAt };
  };

  test("has them all the same: what a call says by itself is written", async () => {
    const { value, ask } = await outcomeOf({});
    expect(value).toBe(CONNECTED);
    expect(await ask("GET", OUTCOMES)).toMatchObject({ options: [] });
  });

  test.each([
    ["Busy", "9d9162e7-6cf3-4944-bf63-4dff82258764"],
    ["connected", CONNECTED],
    ["Left live message", "a4c4c377-d246-4b32-a13b-75a56a4cd0ff"],
    ["left voicemail", "b2cf5968-551e-4856-9783-52b3da59a7d0"],
    ["No answer", "73a0d17f-1163-4015-bdd5-ec830791da20"],
    ["Wrong Number", "17b47fee-58de-441e-a44c-c6300d46f273"],
  ])("a ready-made one is known by its label: %s", async (label, value) => {
    expect((await outcomeOf({ outcome: { answered: label } })).value).toBe(value);
  });

  test("one of its own is known by its id only: by its label the call is logged without, and the receipt says so", async () => {
    const { receipt, value, seenAt } = await outcomeOf({ outcome: { answered: "Booked a demo" } });
    expect([value, receipt.extra?.left_out]).toEqual([undefined, "hs_call_disposition (UNKNOWN_LABEL)"]);
    expect(seenAt(OUTCOMES)).toHaveLength(1);
  });

  test("one that HubSpot refuses is left out", async () => {
    const { open, sandbox } = await setUp(account);
    const outcome = { answered: "8d3f0a1c-0000-4000-8000-000000000001" };
    const receipt = receiptOf((await send(await open(), deliveryOf(documentedCall(), { with: { outcome } })))[0]);
    expect(receipt.extra?.left_out).toBe("hs_call_disposition (INVALID_OPTION)");
    expect((await sandbox.records())[0]?.body).not.toHaveProperty("hs_call_disposition");
  });
});

describe("where nobody can tell which side of a call is the customer", () => {
  const unknown = { direction: "unknown", customer_number: "" } as const;

  test.each([
    ["the one who called", { from_number: "+14155550100", to_number: "+18005559876" }],
    ["the one who was called", { from_number: "+18005559876", to_number: "+14155550100" }],
  ])("both numbers are looked up, and a contact who has one gets it: %s", async (_which, numbers) => {
    const { open, sandbox, seenAt } = await setUp();
    const receipt = receiptOf((await send(await open(), deliveryOf(documentedCall({ ...unknown, ...numbers }))))[0]);
    expect(receipt).toMatchObject({ found: 1, person: { id: "201" }, extra: { side: "unknown" } });
    expect((await sandbox.records())[0]?.body).toMatchObject({
      contacts: ["201"],
      hs_call_title: "AI call: with Dana Example (Sales line)",
    });
    expect(seenAt(SEARCH)).toHaveLength(3);
  });

  test("both are contacts: on_many decides, and the receipt counts two", async () => {
    const { open, sandbox } = await setUp();
    const call = documentedCall({ ...unknown, from_number: "+14155550100", to_number: "+14155550101" });
    const receipt = receiptOf((await send(await open(), deliveryOf(call, { with: { match: { on_many: "none" } } })))[0]);
    expect([receipt.person, receipt.found, receipt.extra?.side]).toEqual([undefined, 2, "unknown"]);
    expect((await sandbox.records())[0]?.body.contacts).toEqual([]);
  });

  test("neither is one: found none, nobody is made, and a route that waits for somebody waits", async () => {
    const { open, seenAt } = await setUp();
    const call = documentedCall({ ...unknown, from_number: "+14155550177", to_number: "+18005559876" });
    const destination = await open();
    const receipt = receiptOf((await send(destination, deliveryOf(call, { with: { match: { on_none: "create_contact" } } })))[0]);
    expect([receipt.found, receipt.extra?.side]).toEqual([0, "unknown"]);
    expect(seenAt(CREATE)).toHaveLength(0);
    // biome-ignore lint/suspicious/noThenProperty: the word of routes.yaml.
    const waits: Words = { match: { on_none: { wait: "1h", then: "create_contact" } } };
    expect(await send(destination, deliveryOf(call, { with: waits }))).toMatchObject([{ kind: "retry", code: "no_person_yet" }]);
    receiptOf((await send(destination, deliveryOf(call, { with: waits, sinceAcceptedMs: 3_700_000 })))[0]);
    expect(seenAt(CREATE)).toHaveLength(0);
  });

  test("a number that the route says is nobody's is not looked up", async () => {
    const { open, seenAt } = await setUp();
    const call = documentedCall({ ...unknown, from_number: "+14155550100", to_number: "+18005559876" });
    const words: Words = { match: { never: ["+18005559876"], on_none: "create_contact" } };
    expect(receiptOf((await send(await open(), deliveryOf(call, { with: words })))[0])).toMatchObject({ found: 1, person: { id: "201" } });
    expect(seenAt(SEARCH)).toHaveLength(1);
  });
});
