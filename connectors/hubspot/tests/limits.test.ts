import { describe, expect, test } from "vitest";
import { documentedCall } from "../../../test/support/documented-call.ts";
import { ASSOCIATE, deliveryOf, SEARCH, send, setUp, UPSERT } from "../../../test/support/hubspot.ts";

const caller = (n: number) => {
  const number = `+1415555${String(1000 + n)}`;
  return documentedCall({ call_id: `c${n}`, from_number: number, customer_number: number });
};

describe("HubSpot's limits", () => {
  test("a hundred calls of one person cost a search, an upsert and an association", async () => {
    const { open, seen, seenAt, sandbox } = await setUp();
    const destination = await open();
    const calls = Array.from({ length: 100 }, (_, n) => documentedCall({ call_id: `c${n}` }));
    seen.length = 0;
    const outcomes = await send(destination, ...calls.map((call) => deliveryOf(call)));
    expect(outcomes.filter(({ kind }) => kind === "delivered")).toHaveLength(100);
    expect(seen.map(({ path }) => path)).toEqual([SEARCH, "/crm/owners/2026-09/701", UPSERT, ASSOCIATE]);
    await send(destination, ...calls.map((call) => deliveryOf({ ...call, duration_seconds: 9 })));
    // A receipt is not at hand here, but what this process has put on a contact it does not put there again.
    expect([seenAt(SEARCH).length, seenAt(UPSERT).length, seenAt(ASSOCIATE).length]).toEqual([1, 2, 1]);
    expect(await sandbox.records()).toHaveLength(100);
  });

  test("a hundred long transcripts go in requests that HubSpot takes", async () => {
    const { open, seenAt, sandbox } = await setUp();
    const transcript = "顧客: 契約の更新をお願いします。\n".repeat(4_000);
    const calls = Array.from({ length: 100 }, (_, n) => documentedCall({ call_id: `c${n}`, transcript, customer_number: "" }));
    const outcomes = await send(await open(), ...calls.map((call) => deliveryOf(call)));
    expect(outcomes.filter(({ kind }) => kind === "delivered")).toHaveLength(100);
    expect(await sandbox.records()).toHaveLength(100);
    expect(seenAt(UPSERT)).toHaveLength(4);
  });

  test("a batch of unknown numbers ends in time: what cannot be looked up comes later, one after the other, and the rest is written", async () => {
    const { open, sandbox, seenAt } = await setUp({ limits: true });
    const destination = await open({}, 5_400);
    const startMs = performance.now();
    const deliveries = [
      ...Array.from({ length: 30 }, (_, n) => deliveryOf(caller(n))),
      deliveryOf(documentedCall({ customer_number: "", from_number: "anonymous" })),
    ];
    const outcomes = await send(destination, ...deliveries);
    expect(performance.now() - startMs).toBeLessThan(5_400);
    expect(outcomes.at(-1)).toMatchObject({ kind: "delivered" });
    const later = outcomes.flatMap((one) => (one.kind === "retry" ? [one] : []));
    for (const one of later) expect(one).toMatchObject({ because: "rate-limit", scope: "call", code: "search_pace" });
    expect(await sandbox.records()).toHaveLength(31 - later.length);
    // A number that nobody has takes two searches. What began is ended first: else all begin, and none ends in time.
    const searches = seenAt(SEARCH).length;
    expect(searches).toBeLessThanOrEqual(10);
    expect(searches - 2 * (30 - later.length)).toBeLessThanOrEqual(5);
    const waits = later.map(({ retryAfterMs = 0 }) => retryAfterMs);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(3_000);
  });

  test("what another tool uses of the same limit is heard from HubSpot's answers, and nothing is sent that would be refused", async () => {
    const { open, ask, seenAt } = await setUp({ limits: true });
    const destination = await open({}, 900);
    for (let n = 0; n < 180; n += 1) await ask("GET", "/crm/properties/2026-09/calls/groups");
    const outcomes = [];
    for (let n = 0; n < 12; n += 1) {
      const call = documentedCall({ call_id: `c${n}`, customer_number: "", from_number: "anonymous" });
      outcomes.push(...(await send(destination, deliveryOf(call))));
    }
    // Opening took two of the ten.
    expect(seenAt(UPSERT)).toHaveLength(8);
    expect(outcomes.map((one) => ("code" in one ? one.code : one.kind))).toEqual([
      ...Array.from({ length: 8 }, () => "delivered"),
      ...Array.from({ length: 4 }, () => "rate_pace"),
    ]);
  });

  test("a request whose turn does not come within the attempt is a rate limit, and was not sent", async () => {
    const { open, failNext, seenAt } = await setUp();
    const destination = await open({}, 900);
    failNext(UPSERT, () => {
      const limit = { max: "190", remaining: "0", "interval-milliseconds": "10000" };
      const headers = Object.fromEntries(Object.entries(limit).map(([name, value]) => [`x-hubspot-ratelimit-${name}`, value]));
      return Response.json({ status: "COMPLETE", results: [] }, { headers });
    });
    const nobody = (call_id: string) => deliveryOf(documentedCall({ call_id, customer_number: "" }));
    await send(destination, nobody("a"));
    const [outcome] = await send(destination, nobody("b"));
    expect(outcome).toMatchObject({ kind: "retry", because: "rate-limit", code: "rate_pace" });
    expect((outcome as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(8_000);
    expect(seenAt(UPSERT)).toHaveLength(1);
  });
});
