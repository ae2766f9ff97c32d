import { describe, expect, test } from "vitest";
import type { Outcome, Receipt } from "../../../src/connector/index.ts";
import { documentedCall } from "../../../test/support/documented-call.ts";
import { ASSOCIATE, deliveryOf, SEARCH, send, setUp, UPSERT, type Words } from "../../../test/support/hubspot.ts";

const CREATE = "/crm/objects/2026-09/contacts";
const json = (status: number, body: unknown) => Response.json(body, { status });
const problem = (category: string, more: object = {}) => ({ status: "error", message: "Dana +14155550177", category, ...more });

function receiptOf(outcome: Outcome | undefined): Receipt {
  expect(outcome).toMatchObject({ kind: "delivered" });
  return (outcome as { receipt: Receipt }).receipt;
}

describe("a contact that is made", () => {
  const stranger = (call_id = "a") => documentedCall({ call_id, from_number: "+14155550177", customer_number: "+14155550177" });
  const words: Words = { match: { on_none: "create_contact" } };
  const delivery = (call_id?: string) => deliveryOf(stranger(call_id), { with: words });

  test.each([
    ["HubSpot failed", () => json(500, problem("INTERNAL_ERROR"))],
    [
      "the contact was not there yet",
      () => json(207, { status: "COMPLETE", results: [], numErrors: 1, errors: [problem("OBJECT_NOT_FOUND")] }),
    ],
  ])("stays the only one when the call could not be put on it (%s), and gets the call at the next try", async (_why, answer) => {
    const { open, failNext, sandbox, seenAt } = await setUp();
    const destination = await open();
    failNext(ASSOCIATE, answer);
    expect(await send(destination, delivery())).toMatchObject([{ kind: "retry" }]);
    expect(receiptOf((await send(destination, delivery()))[0])).toMatchObject({ person: { id: "251" } });
    expect(seenAt(CREATE)).toHaveLength(1);
    expect((await sandbox.records()).map(({ body }) => body.contacts)).toEqual([["251"]]);
  });

  test("stays the only one when the attempt ended before HubSpot answered: the answer is not thrown away", async () => {
    const { open, failNext, sandbox, seenAt } = await setUp();
    const destination = await open();
    const over = new AbortController();
    let answer = () => {};
    failNext(CREATE, async (request) => {
      const copy = request.clone();
      over.abort();
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return (await sandbox.fetch?.(copy)) ?? Response.error();
    });
    await destination.send([delivery()], { signal: over.signal });
    // The sender counts it as ambiguous and comes again within seconds.
    const [unclear] = await send(destination, delivery());
    expect(unclear).toMatchObject({ kind: "retry", because: "record", code: "contact_unclear", retryAfterMs: expect.any(Number) });
    expect((unclear as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(50_000);
    answer();
    await expect.poll(async () => (await send(destination, delivery()))[0]?.kind, { timeout: 10_000 }).toBe("delivered");
    expect(seenAt(CREATE)).toHaveLength(1);
    expect((await sandbox.records()).map(({ body }) => body.contacts)).toEqual([["251"]]);
  });

  test.each([
    ["a 502", () => new Response("", { status: 502 })],
    ["an answer that cannot be read", () => new Response("{", { status: 201, headers: { "content-type": "application/json" } })],
  ])("stays the only one when %s came for it and the call comes again at once", async (_what, answer) => {
    const { open, failNext, seenAt } = await setUp({ indexLagMs: 0 });
    const destination = await open();
    failNext(CREATE, answer);
    expect(await send(destination, delivery())).toMatchObject([{ kind: "retry", retryAfterMs: 60_000 }]);
    const searches = seenAt(SEARCH).length;
    expect(await send(destination, delivery("b"))).toMatchObject([{ kind: "retry", code: "contact_unclear" }]);
    expect([seenAt(CREATE).length, seenAt(SEARCH).length - searches]).toEqual([1, 2]);
  });

  test("is tried again at once where HubSpot cannot have made it", async () => {
    const { open, failNext, seenAt } = await setUp();
    const destination = await open();
    failNext(CREATE, () => json(429, { status: "error", policyName: "TEN_SECONDLY_ROLLING" }));
    expect(await send(destination, delivery())).toMatchObject([{ kind: "retry", because: "rate-limit" }]);
    receiptOf((await send(destination, delivery()))[0]);
    expect(seenAt(CREATE)).toHaveLength(2);
  });

  test("or refused, does not lose the call: it is logged without a person, and the receipt says why", async () => {
    const { open, failNext, sandbox } = await setUp();
    const errors = [{ message: "+14155550177", code: "REQUIRED_FIELD", context: { propertyName: ["lifecyclestage"] } }];
    failNext(CREATE, () => json(400, problem("VALIDATION_ERROR", { errors })));
    const receipt = receiptOf((await send(await open(), delivery()))[0]);
    expect(receipt).toMatchObject({ found: 0, extra: { contact_refused: "REQUIRED_FIELD (lifecyclestage)" } });
    expect(receipt.person).toBeUndefined();
    expect((await sandbox.records()).map(({ body }) => body.contacts)).toEqual([[]]);
  });
});

describe("what a person did in HubSpot", () => {
  const words: Words = { owner: "sales@example.com" };

  test("a call that a person gave to another owner keeps that owner; one that is created again gets its owner again", async () => {
    const { open, ask, sandbox } = await setUp();
    const destination = await open();
    const previous = receiptOf((await send(destination, deliveryOf(documentedCall(), { with: words })))[0]);
    expect(previous.extra?.owner).toBe("701");
    await ask("PATCH", "/crm/objects/2026-09/calls/301", { properties: { hubspot_owner_id: "702" } });
    const later = () => send(destination, deliveryOf(documentedCall({ duration_seconds: 9 }), { with: words, previous }));
    expect(receiptOf((await later())[0]).extra?.owner).toBe("701");
    expect((await sandbox.records())[0]?.body).toMatchObject({ hubspot_owner_id: "702", hs_call_duration: "9000" });
    await ask("DELETE", "/crm/objects/2026-09/calls/301");
    expect(receiptOf((await later())[0])).toMatchObject({ id: "302", extra: { owner: "701" } });
    expect((await sandbox.records()).map(({ body }) => body.hubspot_owner_id)).toEqual(["701"]);
  });

  test("a call that was moved while its company was being tried again stays where it was moved to", async () => {
    const { open, ask, failNext, sandbox } = await setUp();
    const destination = await open();
    const delivery = deliveryOf(documentedCall(), { with: { associate: ["contact", "company"] } });
    failNext("/crm/associations/2026-09/calls/companies/batch/associate/default", () => json(500, problem("INTERNAL_ERROR")));
    expect(await send(destination, delivery)).toMatchObject([{ kind: "retry" }]);
    await ask("DELETE", "/crm/objects/2026-09/calls/301/associations/contacts/201");
    await ask("PUT", "/crm/objects/2026-09/calls/301/associations/default/contacts/202");
    receiptOf((await send(destination, delivery))[0]);
    expect((await sandbox.records())[0]?.body).toMatchObject({ contacts: ["202"], companies: ["801"] });
  });

  test.each([
    ["who has the number now", {}, "201", "Dana Example", 1],
    ["nobody, who has it", { contacts: [] }, undefined, undefined, 0],
  ])("a call and its contact that were both deleted: a later version is logged on %s", async (_whom, options, id, name, found) => {
    const { open, sandbox } = await setUp(options);
    const previous = { id: "299", person: { id: "999", kind: "contact", name: "Gone" }, extra: { contacts: "999", notes: "summary" } };
    const receipt = receiptOf((await send(await open(), deliveryOf(documentedCall(), { previous })))[0]);
    expect([receipt.id, receipt.person?.id, receipt.extra?.contacts, receipt.found]).toEqual(["301", id, id, found]);
    const [record, ...others] = await sandbox.records();
    expect([record?.body.contacts, others]).toEqual([id === undefined ? [] : [id], []]);
    expect(record?.body.hs_call_title).toBe(`AI call: inbound from ${name ?? "+14155550100"} (Sales line)`);
  });

  test("voice_call_id that somebody deleted while we run stops the destination, and loses no call", async () => {
    const { open, failNext } = await setUp();
    const destination = await open();
    const detail = { message: "x", code: "PROPERTY_DOESNT_EXIST", context: { propertyName: ["voice_call_id"] } };
    const answers = [
      { message: "Unable to perform update/upsert by non-unique 0-48 property voice_call_id in portal ID 4242" },
      { errors: [detail] },
    ];
    for (const answer of answers) {
      failNext(UPSERT, () => json(400, problem("VALIDATION_ERROR", answer)));
      expect(await send(destination, deliveryOf(documentedCall()))).toMatchObject([{ kind: "needs-fix", code: "not_set_up" }]);
    }
  });

  test("a contact whose name is a number is not named: receipts have no numbers", async () => {
    const contacts = [{ id: "1", firstname: "+1 415", lastname: "555 0100", phone: "+14155550100", updatedAt: "2025-01-01T00:00:00.000Z" }];
    const { open } = await setUp({ contacts });
    const receipt = receiptOf((await send(await open(), deliveryOf(documentedCall())))[0]);
    expect(receipt.person).toMatchObject({ id: "1" });
    expect(JSON.stringify(receipt)).not.toContain("555 0100");
  });
});

test("notes whose answer was lost do not stand there twice, however HubSpot writes the same HTML", async () => {
  const { open, ask, sandbox } = await setUp();
  const destination = await open();
  const first = documentedCall({ transcript: "Agent: hello", summary: "" });
  const previous = receiptOf((await send(destination, deliveryOf(first)))[0]);
  const later = deliveryOf(documentedCall({ summary: 'She said "late" & left.' }), { previous });
  await send(destination, later);
  const notes = String((await sandbox.records())[0]?.body.hs_call_body);
  const normalised = notes.replaceAll("<br>", "<br />\n").replaceAll("&quot;", '"').replaceAll("<p>", '<p dir="auto">');
  await ask("PATCH", "/crm/objects/2026-09/calls/301", { properties: { hs_call_body: normalised } });
  receiptOf((await send(destination, later))[0]);
  expect((await sandbox.records())[0]?.body.hs_call_body).toBe(normalised);
  expect(normalised.match(/She said/g)).toHaveLength(1);
});

describe("trouble on the side", () => {
  const PROPERTY = "/crm/properties/2026-09/calls/hs_call_disposition";
  const gone = (name: string, code: string) =>
    json(400, problem("VALIDATION_ERROR", { errors: [{ message: "x", code, context: { propertyName: [name] } }] }));

  test("an account's details that never end do not keep it from opening", async () => {
    const { open, failNext } = await setUp();
    failNext(
      "/account-info/2026-09/details",
      () => new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array([123])) })),
    );
    receiptOf((await send(await open({}, 1_000), deliveryOf(documentedCall())))[0]);
  });

  test("call outcomes that cannot be read are asked for once for a batch", async () => {
    const { open, failNext, seenAt } = await setUp();
    const destination = await open();
    for (let n = 0; n < 5; n += 1) failNext(PROPERTY, () => json(500, problem("INTERNAL_ERROR")));
    const calls = ["a", "b", "c", "d", "e"].map((call_id) => documentedCall({ call_id }));
    const outcomes = await send(destination, ...calls.map((call) => deliveryOf(call, { with: { outcome: { answered: "Connected" } } })));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["retry"]));
    expect(seenAt(PROPERTY)).toHaveLength(1);
  });

  test("call outcomes that cannot be read do not spoil what HubSpot has taken, nor lose the call that it refused", async () => {
    const { open, failNext, sandbox } = await setUp({ multiStatus: true });
    const destination = await open();
    const kept = { label: "No answer", value: "73a0d17f-1163-4015-bdd5-ec830791da20", hidden: false };
    failNext(UPSERT, async (request) => {
      await sandbox.fetch?.(
        new Request(new URL(PROPERTY, request.url), {
          method: "PATCH",
          headers: { authorization: request.headers.get("authorization") ?? "", "content-type": "application/json" },
          body: JSON.stringify({ options: [kept] }),
        }),
      );
      return (await sandbox.fetch?.(request)) ?? Response.error();
    });
    failNext(PROPERTY, () => json(500, problem("INTERNAL_ERROR")));
    const outcomes = await send(
      destination,
      deliveryOf(documentedCall({ call_id: "a", call_outcome: "failed" })),
      deliveryOf(documentedCall({ call_id: "b" })),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(["delivered", "delivered"]);
    expect(receiptOf(outcomes[1]).extra?.left_out).toBe("hs_call_disposition (INVALID_OPTION)");
  });

  test("an owner that HubSpot refuses is left out, and the receipt says so", async () => {
    const { open, failNext, seenAt } = await setUp();
    failNext(UPSERT, () => gone("hubspot_owner_id", "INVALID_OWNER_ID"));
    const receipt = receiptOf((await send(await open(), deliveryOf(documentedCall(), { with: { owner: "sales@example.com" } })))[0]);
    expect(receipt.extra).toMatchObject({ left_out: "hubspot_owner_id (INVALID_OWNER_ID)" });
    expect(receipt.extra).not.toHaveProperty("owner");
    expect(seenAt(UPSERT)).toHaveLength(2);
  });
});
