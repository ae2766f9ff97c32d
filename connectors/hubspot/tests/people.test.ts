import { describe, expect, test } from "vitest";
import type { Receipt, SharedCall } from "../../../src/connector/index.ts";
import { documentedCall } from "../../../test/support/documented-call.ts";
import { ASSOCIATE, deliveryOf, KEY, SEARCH, send, setUp, UPSERT, type Words, without } from "../../../test/support/hubspot.ts";
import type { HubSpotSandboxOptions } from "../sandbox/index.ts";

const NUMBER = "+14155550100";
const CREATE = "/crm/objects/2026-09/contacts";
const TO_COMPANIES = "/crm/associations/2026-09/calls/companies/batch/associate/default";
const TO_DEALS = "/crm/associations/2026-09/calls/deals/batch/associate/default";

function receiptOf(outcome: unknown): Receipt {
  expect(outcome).toMatchObject({ kind: "delivered" });
  return (outcome as { receipt: Receipt }).receipt;
}

type Person = Partial<NonNullable<HubSpotSandboxOptions["contacts"]>[number]>;
const contact = (id: string, changes: Person) => ({
  id,
  firstname: "Contact",
  lastname: id,
  updatedAt: "2025-01-01T00:00:00.000Z",
  ...changes,
});

/** The contacts that the documented call is put on in an account with these contacts. */
async function contactsOf(options: { contacts: ReturnType<typeof contact>[]; call?: Partial<SharedCall>; with?: Words }) {
  const { open, sandbox } = await setUp({ contacts: options.contacts });
  const [outcome] = await send(await open(), deliveryOf(documentedCall(options.call), options.with ? { with: options.with } : {}));
  receiptOf(outcome);
  return (await sandbox.records())[0]?.body.contacts;
}

describe("the contact of a call", () => {
  test("a withheld number is logged without a contact, and nobody is searched for", async () => {
    const { open, sandbox, seenAt } = await setUp();
    const call = documentedCall({ from_number: "anonymous", customer_number: "" });
    const receipt = receiptOf((await send(await open(), deliveryOf(call)))[0]);
    expect(receipt).toEqual({ id: "301", url: expect.any(String), extra: { notes: "summary recording" } });
    const [record] = await sandbox.records();
    expect(record?.line).toBe('call 301 · "AI call: inbound from withheld number (Sales line)" · no contact · COMPLETED');
    expect(record?.body).not.toHaveProperty("hs_call_from_number");
    expect([seenAt(SEARCH).length, seenAt(ASSOCIATE).length]).toEqual([0, 0]);
  });

  test("numbers that the route does not share stay at home", async () => {
    const { open, seen } = await setUp();
    const call = without(documentedCall(), "from_number", "to_number", "customer_number");
    receiptOf((await send(await open(), deliveryOf(call)))[0]);
    expect(JSON.stringify(seen)).not.toContain("5550100");
    expect(JSON.stringify(seen)).toContain('"AI call: inbound (Sales line)"');
  });

  test("a number that no contact has is logged without one", async () => {
    expect(await contactsOf({ contacts: [contact("1", { phone: "+1 415 555 0199" })] })).toEqual([]);
  });

  test("of several contacts with the number the one that was changed last gets the call", async () => {
    const contacts = [
      contact("1", { phone: "+14155550100", updatedAt: "2025-01-02T00:00:00.000Z" }),
      contact("2", { mobilephone: "415-555-0100", updatedAt: "2025-03-02T00:00:00.000Z" }),
      contact("3", { phone: "(415) 555 0100", updatedAt: "2025-02-02T00:00:00.000Z" }),
    ];
    expect(await contactsOf({ contacts })).toEqual(["2"]);
    const match = { on_many: "none" } as const;
    expect(await contactsOf({ contacts, with: { match } })).toEqual([]);
    expect(await contactsOf({ contacts: contacts.slice(0, 1), with: { match } })).toEqual(["1"]);
  });

  test("a contact with the same digits in another country is not the caller", async () => {
    expect(await contactsOf({ contacts: [contact("1", { phone: "+52 415 555 0100" })] })).toEqual([]);
  });

  test("a national number is read as one of the caller's country", async () => {
    const call = { from_number: "+4930230125105", customer_number: "+4930230125105" };
    expect(await contactsOf({ contacts: [contact("1", { mobilephone: "030 230125105" })], call })).toEqual(["1"]);
    expect(await contactsOf({ contacts: [contact("1", { phone: "+49 (30) 230125-105" })], call })).toEqual(["1"]);
  });

  test("a number is searched for once, also for two calls of a batch", async () => {
    const { open, seenAt } = await setUp();
    const destination = await open();
    await send(destination, ...["a", "b"].map((call_id) => deliveryOf(documentedCall({ call_id }))));
    await send(destination, deliveryOf(documentedCall({ call_id: "c" })));
    expect(seenAt(SEARCH)).toHaveLength(1);
  });

  test("batches that meet a number at the same time share its search", async () => {
    const { open, seenAt } = await setUp();
    const destination = await open();
    await Promise.all(["a", "b", "c", "d", "e", "f"].map((call_id) => send(destination, deliveryOf(documentedCall({ call_id })))));
    expect(seenAt(SEARCH)).toHaveLength(1);
  });

  test("the contact that a person chose instead stays", async () => {
    const { open, sandbox, ask, seenAt } = await setUp();
    const destination = await open();
    const previous = receiptOf((await send(destination, deliveryOf(documentedCall())))[0]);
    await ask("DELETE", "/crm/objects/2026-09/calls/301/associations/contacts/201");
    await ask("PUT", "/crm/objects/2026-09/calls/301/associations/default/contacts/202");
    const later = documentedCall({ duration_seconds: 150 });
    expect(receiptOf((await send(destination, deliveryOf(later, { previous })))[0])).toEqual(previous);
    expect((await sandbox.records())[0]?.body).toMatchObject({ contacts: ["202"], hs_call_duration: "150000" });
    expect(seenAt(ASSOCIATE)).toHaveLength(1);
  });

  test("a record that a person deleted is created again, on its contact", async () => {
    const { open, sandbox, ask } = await setUp();
    const destination = await open();
    const previous = receiptOf((await send(destination, deliveryOf(documentedCall())))[0]);
    await ask("DELETE", "/crm/objects/2026-09/calls/301");
    expect(receiptOf((await send(destination, deliveryOf(documentedCall(), { previous })))[0])).toMatchObject({ id: "302" });
    expect((await sandbox.records()).map(({ id, body }) => [id, body.contacts])).toEqual([["302", ["201"]]]);
  });

  test("with on_many: owner the contact of the call's owner gets it, all of them with all; how many there were is kept", async () => {
    const contacts = [
      contact("1", { phone: NUMBER, hubspot_owner_id: "701" }),
      contact("2", { phone: NUMBER, hubspot_owner_id: "702", updatedAt: "2025-03-01T00:00:00.000Z" }),
    ];
    const owner = "Sales@example.com";
    expect(await contactsOf({ contacts, with: { owner, match: { on_many: "owner" } } })).toEqual(["1"]);
    expect(await contactsOf({ contacts, call: { agent_owner: owner }, with: { match: { on_many: "owner" } } })).toEqual(["1"]);
    expect(await contactsOf({ contacts, with: { match: { on_many: "owner" } } })).toEqual([]);
    expect(await contactsOf({ contacts, with: { match: { on_many: "all" } } })).toEqual(["2", "1"]);
    const { open } = await setUp({ contacts });
    const receipt = receiptOf((await send(await open(), deliveryOf(documentedCall(), { with: { match: { on_many: "none" } } })))[0]);
    expect([receipt.found, receipt.person]).toEqual([2, undefined]);
  });

  test("a number that belongs to nobody is not searched for, and nobody is made for it", async () => {
    const { open, seenAt } = await setUp();
    const match: Words["match"] = { never: [NUMBER], on_none: "create_contact" };
    const receipt = receiptOf((await send(await open(), deliveryOf(documentedCall(), { with: { match } })))[0]);
    expect([receipt.person, receipt.found]).toEqual([undefined, undefined]);
    expect([seenAt(SEARCH).length, seenAt(CREATE).length]).toEqual([0, 0]);
  });

  test("numbers are looked for in the account's own fields too", async () => {
    const contacts = [
      contact("1", { own: { work_phone: "+1 415-555-0100" } }),
      contact("2", { own: { work_phone: "4155550100" } }),
      contact("3", { phone: "(415) 555-0100" }),
    ];
    const match: Words["match"] = { phone_fields: ["phone", "mobilephone", "work_phone"], on_many: "all" };
    expect(await contactsOf({ contacts, with: { match } })).toEqual(["1", "2", "3"]);
    expect(await contactsOf({ contacts, with: { match: { phone_fields: ["work_phone"], on_many: "all" } } })).toEqual(["1", "2"]);
  });

  test("a field that contacts do not have is named as the mistake, and loses no call: the destination waits until it is mended", async () => {
    const { open } = await setUp();
    const [outcome] = await send(await open(), deliveryOf(documentedCall(), { with: { match: { phone_fields: ["telephone"] } } }));
    expect(outcome).toMatchObject({
      kind: "needs-fix",
      reason: expect.stringContaining("(telephone)"),
      fix: expect.stringContaining("match.phone_fields"),
    });
  });
});

describe("a number that nobody has", () => {
  const stranger = (call_id: string, n = 7) => {
    const number = `+141555501${String(n).padStart(2, "0")}`;
    return documentedCall({ call_id, from_number: number, customer_number: number });
  };
  const words: Words = { match: { on_none: "create_contact" }, owner: "sales@example.com" };

  test("gets one contact, however many calls of a batch and of batches at the same time it has", async () => {
    const { open, sandbox, seenAt } = await setUp();
    const destination = await open();
    const outcomes = await Promise.all([
      send(destination, deliveryOf(stranger("a", 77), { with: words }), deliveryOf(stranger("b", 77), { with: words })),
      send(destination, deliveryOf(stranger("c", 77), { with: words })),
    ]);
    expect(seenAt(CREATE).map(({ body }) => body)).toEqual([
      { properties: { phone: "+14155550177", hubspot_owner_id: "701" }, associations: [] },
    ]);
    for (const outcome of outcomes.flat()) expect(receiptOf(outcome)).toMatchObject({ person: { id: "251", kind: "contact" }, found: 1 });
    // HubSpot's search does not see the contact yet; a later call finds it all the same.
    await send(destination, deliveryOf(stranger("d", 77), { with: words }));
    expect(seenAt(CREATE)).toHaveLength(1);
    expect((await sandbox.records()).map(({ body }) => body.contacts)).toEqual([["251"], ["251"], ["251"], ["251"]]);
  });

  test("is searched for once more before a contact is created: a person may have entered it", async () => {
    const { open, seenAt, ask } = await setUp({ indexLagMs: 0 });
    const destination = await open();
    await send(destination, deliveryOf(stranger("a", 77)));
    await ask("POST", CREATE, { properties: { firstname: "New", lastname: "Customer", phone: "415-555-0177" } });
    const receipt = receiptOf((await send(destination, deliveryOf(stranger("b", 77), { with: words })))[0]);
    expect(receipt.person).toMatchObject({ id: "251", name: "New Customer" });
    expect([seenAt(SEARCH).length, seenAt(CREATE).length]).toEqual([3, 0]);
  });

  test("a contact that may have been made, though no answer came, is looked for before another is", async () => {
    const { open, failNext, seenAt } = await setUp();
    const destination = await open();
    failNext(CREATE, () => Response.json({ status: "error", category: "INTERNAL_ERROR" }, { status: 502 }));
    expect(await send(destination, deliveryOf(stranger("a", 77), { with: words }))).toMatchObject([
      { kind: "retry", because: "server", retryAfterMs: 60_000 },
    ]);
    expect(seenAt(UPSERT)).toHaveLength(0);
  });

  test("waits for somebody to enter one, as long as the route says, counted from when the call was accepted", async () => {
    const { open, sandbox, ask } = await setUp({ indexLagMs: 0 });
    const destination = await open();
    // biome-ignore lint/suspicious/noThenProperty: a word of routes.yaml; this object is never awaited.
    const match: Words["match"] = { on_none: { wait: "1h", then: "log_unassociated" } };
    const sendAfter = (sinceAcceptedMs: number, previous?: Receipt) =>
      send(destination, deliveryOf(stranger("a", 77), { with: { match }, sinceAcceptedMs, ...(previous ? { previous } : {}) }));
    expect(await sendAfter(0)).toMatchObject([{ kind: "retry", because: "not-yet", code: "no_person_yet", retryAfterMs: 360_000 }]);
    expect(await sandbox.records()).toEqual([]);
    const receipt = receiptOf((await sendAfter(3_600_000))[0]);
    expect([receipt.person, receipt.found]).toEqual([undefined, 0]);
    // A call that is logged is not held back again, and gets the person who was entered since.
    expect(receiptOf((await sendAfter(0, receipt))[0]).id).toBe(receipt.id);
    await ask("POST", CREATE, { properties: { phone: "+14155550177" } });
    const later = await open();
    const [outcome] = await send(later, deliveryOf(stranger("a", 77), { with: { match }, previous: receipt }));
    expect(receiptOf(outcome)).toMatchObject({ person: { id: "251" }, found: 1 });
    expect((await sandbox.records())[0]?.body.contacts).toEqual(["251"]);
  });
});

describe("owner, company and deal", () => {
  test("the agent's owner owns the call in HubSpot; the route's own word wins; an address that HubSpot does not know is left out", async () => {
    const ownerOf = async (call: Partial<SharedCall>, words: Words = {}) => {
      const { open, sandbox } = await setUp();
      receiptOf((await send(await open(), deliveryOf(documentedCall(call), { with: words })))[0]);
      return (await sandbox.records())[0]?.body.hubspot_owner_id;
    };
    expect(await ownerOf({ agent_owner: "sales@example.com" })).toBe("701");
    expect(await ownerOf({ agent_owner: "sales@example.com" }, { owner: "Support@Example.com" })).toBe("702");
    expect(await ownerOf({ agent_owner: "nobody@example.com" })).toBeUndefined();
  });

  test("without the scope for owners calls are logged without them, and it is asked no more", async () => {
    const { open, seen } = await setUp({ scopes: ["crm.objects.contacts.read", "crm.objects.contacts.write"] });
    const destination = await open();
    for (const call_id of ["a", "b"]) {
      const call = documentedCall({ call_id, agent_owner: "sales@example.com" });
      const { person } = receiptOf((await send(destination, deliveryOf(call)))[0]);
      expect([person?.name, person?.owner]).toEqual(["Dana Example", undefined]);
    }
    expect(seen.filter(({ path }) => path.startsWith("/crm/owners/2026-09")).map(({ path }) => path)).toEqual([
      "/crm/owners/2026-09",
      "/crm/owners/2026-09/701",
    ]);
  });

  test("an owner who cannot be named in time holds nothing up", async () => {
    const { open, failNext, sandbox } = await setUp();
    const destination = await open();
    failNext("/crm/owners/2026-09/701", () => new Promise<Response>(() => undefined));
    const startMs = performance.now();
    const { person } = receiptOf((await send(destination, deliveryOf(documentedCall())))[0]);
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect([person?.name, person?.owner]).toEqual(["Dana Example", undefined]);
    expect(await sandbox.records()).toHaveLength(1);
  });

  test("the call is put on the contact's primary company and newest open deal too", async () => {
    const { open, sandbox, seen } = await setUp();
    const words: Words = { associate: ["contact", "company", "open_deal"] };
    const destination = await open();
    const receipt = receiptOf((await send(destination, deliveryOf(documentedCall(), { with: words })))[0]);
    expect((await sandbox.records())[0]?.body).toMatchObject({ contacts: ["201"], companies: ["801"], deals: ["901"] });
    expect(receipt.extra).toMatchObject({ contacts: "201", companies: "801", deals: "901" });
    // Known by now: the contact's second call costs one request to write it, and one for each kind of record that it is put on.
    seen.length = 0;
    await send(destination, deliveryOf(documentedCall({ call_id: "b" }), { with: words }));
    expect(seen.map(({ path }) => path)).toEqual([UPSERT, ASSOCIATE, TO_COMPANIES, TO_DEALS]);
  });

  test("a contact without company or deal gets the call alone", async () => {
    const { open, sandbox } = await setUp({ belongs: {} });
    receiptOf((await send(await open(), deliveryOf(documentedCall(), { with: { associate: ["contact", "company", "open_deal"] } })))[0]);
    expect((await sandbox.records())[0]?.body).not.toHaveProperty("companies");
  });

  test("a scope that companies need is asked for by name", async () => {
    const { open, sandbox } = await setUp({ scopes: ["crm.objects.contacts.read", "crm.objects.contacts.write"] });
    expect(await send(await open(), deliveryOf(documentedCall(), { with: { associate: ["company"] } }))).toMatchObject([
      { kind: "needs-fix", fix: "Give the service key (or the app) in HubSpot the scope crm.objects.companies.read" },
    ]);
    expect(await sandbox.records()).toEqual([]);
  });

  test("what was written once is not written again, and what was not is tried at the next version", async () => {
    const { open, sandbox, ask, seenAt, failNext } = await setUp();
    const words: Words = { associate: ["contact", "company"] };
    const destination = await open();
    failNext(TO_COMPANIES, () => Response.json({ status: "error", category: "INTERNAL_ERROR" }, { status: 500 }));
    expect(await send(destination, deliveryOf(documentedCall(), { with: words }))).toMatchObject([{ kind: "retry", because: "server" }]);
    const previous = receiptOf((await send(destination, deliveryOf(documentedCall(), { with: words })))[0]);
    expect((await sandbox.records())[0]?.body).toMatchObject({ contacts: ["201"], companies: ["801"] });
    await ask("DELETE", "/crm/objects/2026-09/calls/301/associations/companies/801");
    await send(destination, deliveryOf(documentedCall({ duration_seconds: 9 }), { with: words, previous }));
    expect((await sandbox.records())[0]?.body).not.toHaveProperty("companies");
    // A receipt of a version that knew contacts only: its company is new.
    const { companies: _, ...extra } = previous.extra ?? {};
    const later = await open();
    await send(later, deliveryOf(documentedCall({ duration_seconds: 8 }), { with: words, previous: { ...previous, extra } }));
    expect((await sandbox.records())[0]?.body).toMatchObject({ contacts: ["201"], companies: ["801"] });
    expect(seenAt(ASSOCIATE)).toHaveLength(1);
  });

  test("a receipt of an older Patchbay is read: its contact is not written again", async () => {
    const { open, seenAt } = await setUp();
    const destination = await open();
    await send(destination, deliveryOf(documentedCall()));
    const previous = { id: "301", extra: { contact_id: "201", notes: "summary" } };
    const receipt = receiptOf((await send(destination, deliveryOf(documentedCall({ duration_seconds: 9 }), { previous })))[0]);
    expect([receipt.person?.id, receipt.extra?.contacts, seenAt(ASSOCIATE).length]).toEqual(["201", "201", 1]);
  });
});

describe("rematch", () => {
  const WORDS: Words = { associate: ["contact", "company", "open_deal"] };
  const signal = () => AbortSignal.timeout(5_000);
  const start = async () => {
    const { open, ...rest } = await setUp();
    const destination = await open();
    const receipt = receiptOf((await send(destination, deliveryOf(documentedCall(), { with: WORDS })))[0]);
    const rematch = (to: string) => destination.rematch?.({ key: KEY, receipt, to }, { signal: signal() });
    return { ...rest, destination, receipt, rematch };
  };

  test.each([
    "202",
    " 202 ",
    "https://app.hubspot.com/contacts/4242/record/0-1/202",
    "https://app-eu1.hubspot.com/contacts/4242/contact/202/?x=1",
  ])("puts the call on %s and off its old contact, with company, deal and title, and later versions leave it there", async (to) => {
    const { destination, rematch, receipt, sandbox } = await start();
    const moved = await rematch(to);
    expect(moved).toEqual({
      ...receipt,
      person: { id: "202", kind: "contact", name: "Robin Sample", url: "https://app.hubspot.com/contacts/4242/record/0-1/202" },
      found: 1,
      extra: { contacts: "202", notes: "summary recording" },
    });
    const [record] = await sandbox.records();
    expect(record?.body).toMatchObject({ contacts: ["202"], hs_call_title: "AI call: inbound from Robin Sample (Sales line)" });
    expect(record?.body).not.toHaveProperty("companies");
    await send(destination, deliveryOf(documentedCall({ duration_seconds: 9 }), { with: WORDS, previous: moved as Receipt }));
    const [later] = await sandbox.records();
    expect(later?.body).toMatchObject({ contacts: ["202"], hs_call_title: "AI call: inbound from Robin Sample (Sales line)" });
  });

  test("also takes the call off contacts that a person put it on", async () => {
    const { rematch, ask, sandbox } = await start();
    await ask("PUT", "/crm/objects/2026-09/calls/301/associations/default/contacts/203");
    await rematch("201");
    expect((await sandbox.records())[0]?.body).toMatchObject({ contacts: ["201"], companies: ["801"], deals: ["901"] });
  });

  test.each([
    ["a contact that is not there", "999", "HubSpot has no contact with this ID"],
    ["a deal's page", "https://app.hubspot.com/contacts/4242/record/0-3/901", "give its record ID, or the address of its page"],
    ["somebody else's page", "https://hubspot.com.example/contacts/4242/record/0-1/202", "give its record ID"],
    ["a name", "Robin", "give its record ID"],
  ])("to %s is refused, and nothing is changed", async (_what, to, words) => {
    const { rematch, sandbox } = await start();
    await expect(rematch(to)).rejects.toMatchObject({ name: "RematchError", message: expect.stringContaining(words) });
    expect((await sandbox.records())[0]?.body.contacts).toEqual(["201"]);
  });

  test("that HubSpot refuses says why, and quotes nothing of its answer", async () => {
    const { rematch, failNext } = await start();
    const body = { status: "error", category: "VALIDATION_ERROR", message: "Dana +14155550100" };
    failNext("/crm/objects/2026-09/contacts/202", () => Response.json(body, { status: 400 }));
    await expect(rematch("202")).rejects.toThrow(/^HubSpot answered 400: VALIDATION_ERROR$/);
  });

  test("of a call that was deleted in HubSpot is refused", async () => {
    const { rematch, ask } = await start();
    await ask("DELETE", "/crm/objects/2026-09/calls/301");
    await expect(rematch("202")).rejects.toMatchObject({ name: "RematchError", message: expect.stringContaining("deleted") });
  });
});
