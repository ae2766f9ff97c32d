import { describe, expect, test } from "vitest";
import type { Receipt } from "../../../src/connector/index.ts";
import { documentedCall } from "../../../test/support/documented-call.ts";
import { ASSOCIATE, deliveryOf, KEY, SEARCH, type Setup, send, setUp, UPSERT, type Words } from "../../../test/support/hubspot.ts";
import { SANDBOX_CONTACTS } from "../sandbox/index.ts";

const CONTACTS = "/crm/objects/2026-09/contacts";
const COMPANIES = "/crm/objects/2026-09/companies";
const TO_COMPANIES = "/crm/associations/2026-09/calls/companies/batch/associate/default";
const OF_CONTACTS = "/crm/associations/2026-09/contacts/companies/batch/read";
const withCompany: Words = { associate: ["contact", "company"] };

function receiptOf(outcome: unknown): Receipt {
  expect(outcome).toMatchObject({ kind: "delivered" });
  return (outcome as { receipt: Receipt }).receipt;
}

/** Dana's second call, after something happened to the contact between it and the first one. */
async function secondCall(options: Parameters<typeof setUp>[0] & { with?: Words; meanwhile(setup: Setup): Promise<unknown> }) {
  const { with: words = {}, meanwhile, ...account } = options;
  const setup = await setUp(account);
  const destination = await setup.open();
  receiptOf((await send(destination, deliveryOf(documentedCall({ call_id: "a" }), { with: words })))[0]);
  await meanwhile(setup);
  const [outcome] = await send(destination, deliveryOf(documentedCall({ call_id: "b" }), { with: words }));
  const record = (await setup.sandbox.records()).find(({ key }) => key === "voiceinfra/b");
  return { outcome, record: record?.body, destination, ...setup };
}

describe("a contact who is gone since it was looked up", () => {
  /** The search still shows the contact for a while, or does not. */
  test.each([{ indexLagMs: 0 }, { indexLagMs: 60_000 }])(
    "deleted: the call is on nobody, under nobody's name ($indexLagMs)",
    async (lag) => {
      const { outcome, record } = await secondCall({ ...lag, meanwhile: ({ ask }) => ask("DELETE", `${CONTACTS}/201`) });
      const receipt = receiptOf(outcome);
      expect(receipt).toMatchObject({ found: 0, extra: { notes: expect.any(String) } });
      expect(receipt.person).toBeUndefined();
      expect(record).toMatchObject({ contacts: [], hs_call_title: "AI call: inbound from +14155550100 (Sales line)" });
    },
  );

  test("deleted, and somebody else has the number: the call is on that one, with its name", async () => {
    const { outcome, record } = await secondCall({
      indexLagMs: 0,
      contacts: [
        ...SANDBOX_CONTACTS,
        { id: "299", firstname: "Kim", lastname: "Successor", phone: "415-555-0100", updatedAt: "2024-01-01T00:00:00.000Z" },
      ],
      meanwhile: ({ ask }) => ask("DELETE", `${CONTACTS}/201`),
    });
    expect(receiptOf(outcome)).toMatchObject({ found: 1, person: { id: "299", name: "Kim Successor" }, extra: { contacts: "299" } });
    expect(record).toMatchObject({ contacts: ["299"], hs_call_title: "AI call: inbound from Kim Successor (Sales line)" });
  });

  test("deleted, and the route makes people for unknown numbers: one is made", async () => {
    const { outcome, record, seenAt } = await secondCall({
      indexLagMs: 0,
      with: { match: { on_none: "create_contact" } },
      meanwhile: ({ ask }) => ask("DELETE", `${CONTACTS}/201`),
    });
    expect(receiptOf(outcome)).toMatchObject({ found: 1, person: { id: "251" } });
    expect(record).toMatchObject({ contacts: ["251"] });
    expect(seenAt(CONTACTS)).toHaveLength(1);
  });

  const kim = { id: "299", firstname: "Kim", lastname: "Survivor", updatedAt: "2024-01-01T00:00:00.000Z" };

  test("merged into another one, whose id HubSpot refuses: the call is on that one, under its name", async () => {
    const { outcome, record } = await secondCall({
      indexLagMs: 0,
      contacts: [...SANDBOX_CONTACTS, kim],
      meanwhile: async ({ ask, failNext }) => {
        await ask("POST", `${CONTACTS}/merge`, { primaryObjectId: "299", objectIdToMerge: "201" });
        failNext(ASSOCIATE, () => Response.json({ status: "error", message: "", category: "OBJECT_NOT_FOUND" }, { status: 404 }));
        failNext(`${CONTACTS}/batch/read`, () => Response.json({ status: "COMPLETE", results: [] }));
      },
    });
    expect(receiptOf(outcome)).toMatchObject({ found: 1, person: { id: "299", name: "Kim Survivor" } });
    expect(record).toMatchObject({ contacts: ["299"], hs_call_title: "AI call: inbound from Kim Survivor (Sales line)" });
  });

  test("merged into another one, whose id HubSpot takes for it: the call is on that one", async () => {
    const { outcome, record } = await secondCall({
      contacts: [...SANDBOX_CONTACTS, kim],
      meanwhile: ({ ask }) => ask("POST", `${CONTACTS}/merge`, { primaryObjectId: "299", objectIdToMerge: "201" }),
    });
    receiptOf(outcome);
    expect(record).toMatchObject({ contacts: ["299"] });
  });

  test("is found out in the attempt, at the cost of a second write, and the others of the batch are not touched", async () => {
    const { open, sandbox, ask, seenAt } = await setUp({ indexLagMs: 0 });
    const destination = await open();
    const deliveries = (round: string) => [
      deliveryOf(documentedCall({ call_id: `dana-${round}` })),
      deliveryOf(documentedCall({ call_id: `robin-${round}`, from_number: "+14155550101", customer_number: "+14155550101" })),
    ];
    await send(destination, ...deliveries("1"));
    await ask("DELETE", `${CONTACTS}/201`);
    const before = seenAt(UPSERT).length;
    const outcomes = await send(destination, ...deliveries("2"));
    expect(outcomes.map((one) => receiptOf(one).person?.id)).toEqual([undefined, "202"]);
    expect(
      seenAt(UPSERT)
        .slice(before)
        .map(({ body }) => (body as { inputs: unknown[] }).inputs.length),
    ).toEqual([2, 1]);
    expect(await sandbox.records()).toHaveLength(4);
    // And it is remembered: the next call searches, and meets nobody.
    const searches = seenAt(SEARCH).length;
    receiptOf((await send(destination, ...deliveries("3")))[0]);
    expect(seenAt(SEARCH).length - searches).toBe(0);
  });

  test("also of a call that an earlier version was put on: a record made again is put on the successor", async () => {
    const { open, sandbox, ask } = await setUp({ indexLagMs: 0 });
    const destination = await open();
    const previous = receiptOf((await send(destination, deliveryOf(documentedCall())))[0]);
    await ask("DELETE", `${CONTACTS}/201`);
    await ask("DELETE", "/crm/objects/2026-09/calls/301");
    await ask("POST", CONTACTS, { properties: { firstname: "Kim", lastname: "Successor", phone: "+14155550100" } });
    const later = documentedCall({ duration_seconds: 150 });
    const receipt = receiptOf((await send(destination, deliveryOf(later, { previous })))[0]);
    expect(receipt).toMatchObject({ id: "302", person: { id: "251", name: "Kim Successor" }, extra: { contacts: "251" } });
    expect((await sandbox.records()).map(({ body }) => [body.contacts, body.hs_call_title])).toEqual([
      [["251"], "AI call: inbound from Kim Successor (Sales line)"],
    ]);
  });

  test("who is there after all was HubSpot's own trouble: the call comes again", async () => {
    const { outcome } = await secondCall({
      meanwhile: async ({ failNext }) =>
        failNext(ASSOCIATE, () => Response.json({ status: "error", message: "", category: "OBJECT_NOT_FOUND" }, { status: 404 })),
    });
    expect(outcome).toMatchObject({ kind: "retry", because: "record", code: "not_associated" });
  });
});

describe("a company or deal that is gone since it was looked up", () => {
  test("does not hold the call up: with its contact's new company, in the same attempt", async () => {
    const belongs = { "201": { primaryCompany: "801", otherCompanies: ["802"] } };
    const { outcome, record, seenAt } = await secondCall({
      belongs,
      with: withCompany,
      meanwhile: async ({ ask }) => {
        await ask("DELETE", `${COMPANIES}/801`);
        belongs["201"] = { primaryCompany: "802", otherCompanies: [] };
      },
    });
    expect(receiptOf(outcome).extra).toMatchObject({ contacts: "201", companies: "802" });
    expect(record).toMatchObject({ contacts: ["201"], companies: ["802"] });
    expect(seenAt(OF_CONTACTS)).toHaveLength(2);
  });

  test("or without one, and without another word about it", async () => {
    const { outcome, record } = await secondCall({
      belongs: { "201": { primaryCompany: "801" } },
      with: withCompany,
      meanwhile: ({ ask }) => ask("DELETE", `${COMPANIES}/801`),
    });
    expect(receiptOf(outcome).extra).not.toHaveProperty("companies");
    expect(record).toMatchObject({ contacts: ["201"] });
    expect(record).not.toHaveProperty("companies");
  });

  test.each([
    ["a 207", () => Response.json(refused207, { status: 207 })],
    ["a 404 for all", () => Response.json({ status: "error", message: "", category: "OBJECT_NOT_FOUND" }, { status: 404 })],
    ["a 400 for all", () => Response.json({ status: "error", message: "", category: "VALIDATION_ERROR" }, { status: 400 })],
  ])(
    "and where HubSpot keeps naming one that it refuses (%s), the call is delivered without, and its receipt says so",
    async (_, answer) => {
      const { outcome, record } = await secondCall({
        belongs: { "201": { primaryCompany: "801" } },
        with: withCompany,
        meanwhile: async ({ failNext }) => {
          failNext(TO_COMPANIES, answer);
          failNext(TO_COMPANIES, answer);
        },
      });
      expect(receiptOf(outcome).extra).toMatchObject({ contacts: "201", left_out: "companies (not_associated)" });
      expect(record).not.toHaveProperty("companies");
    },
  );

  test("of one call is not the others' trouble, also where HubSpot refuses a whole batch for it, again and again", async () => {
    const belongs = { "201": { primaryCompany: "801" }, "202": { primaryCompany: "802" } };
    const { open, sandbox, failNext } = await setUp({ belongs });
    const refuseIfGone = async (request: Request) => {
      if ((await request.clone().text()).includes('"801"'))
        return Response.json({ status: "error", message: "", category: "OBJECT_NOT_FOUND" }, { status: 404 });
      return (await sandbox.fetch?.(request)) ?? Response.error();
    };
    for (let n = 0; n < 10; n += 1) failNext(TO_COMPANIES, refuseIfGone);
    const robin = { from_number: "+14155550101", customer_number: "+14155550101" };
    const outcomes = await send(
      await open(),
      deliveryOf(documentedCall({ call_id: "dana" }), { with: withCompany }),
      deliveryOf(documentedCall({ call_id: "robin", ...robin }), { with: withCompany }),
    );
    const extras = outcomes.map((one) => receiptOf(one).extra);
    expect(extras[0]).toMatchObject({ contacts: "201", left_out: "companies (not_associated)" });
    expect(extras[1]).toMatchObject({ contacts: "202", companies: "802" });
    expect((await sandbox.records()).map(({ body }) => body.companies)).toEqual([undefined, ["802"]]);
  });

  test("does not keep a call from being put on another person", async () => {
    const belongs = { "201": { primaryCompany: "801" }, "202": { primaryCompany: "802" } };
    const { open, sandbox, failNext } = await setUp({ belongs });
    const destination = await open();
    const receipt = receiptOf((await send(destination, deliveryOf(documentedCall(), { with: withCompany })))[0]);
    failNext(TO_COMPANIES, () => Response.json(refused207, { status: 207 }));
    const moved = await destination.rematch?.({ key: KEY, receipt, to: "202" }, { signal: AbortSignal.timeout(15_000) });
    expect(moved).toMatchObject({ person: { id: "202" }, extra: { contacts: "202" } });
    expect(moved?.extra).not.toHaveProperty("companies");
    expect((await sandbox.records())[0]?.body).toMatchObject({ contacts: ["202"] });
  });
});

const refused207 = {
  status: "COMPLETE",
  results: [],
  numErrors: 1,
  errors: [{ status: "error", category: "OBJECT_NOT_FOUND", message: "", context: {}, links: {}, errors: [] }],
};
