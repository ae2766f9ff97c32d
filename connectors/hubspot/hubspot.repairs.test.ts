import { describe, expect, test } from "vitest";
import type { Outcome, Receipt } from "../../src/connector.ts";
import { documentedCall } from "../../test/support/documented-call.ts";
import { ASSOCIATE, deliveryOf, SEARCH, send, setUp, type Words } from "../../test/support/hubspot.ts";

const CREATE = "/crm/v3/objects/contacts";
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
    await expect.poll(async () => (await send(destination, delivery()))[0]?.kind).toBe("delivered");
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
    expect([seenAt(CREATE).length, seenAt(SEARCH).length - searches]).toEqual([1, 1]);
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
    expect(receipt).toMatchObject({ found: 0, extra: { contact_refused: "REQUIRED_FIELD" } });
    expect(receipt.person).toBeUndefined();
    expect((await sandbox.records()).map(({ body }) => body.contacts)).toEqual([[]]);
  });
});
