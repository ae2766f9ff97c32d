import { describe, expect, test } from "vitest";
import {
  atTheEnd,
  count,
  deliveryOf,
  documentedCall,
  openWith,
  send,
  startOrg,
  tasksOf,
  UPSERT,
} from "../../../test/support/salesforce.ts";

const calls = (many: number, fieldsOf: (index: number) => Record<string, string>) =>
  Array.from({ length: many }, (_, index) =>
    deliveryOf(documentedCall({ call_id: `call_${index}`, customer_number: "" }), { with: { fields: fieldsOf(index) } }),
  );
const tally = (outcomes: { kind: string }[]) =>
  Object.fromEntries([...Map.groupBy(outcomes, ({ kind }) => kind)].map(([kind, those]) => [kind, those.length]));

describe("a value that spoils the whole request", () => {
  test("in a mapping that is wrong for all 200 calls costs one request", async () => {
    const org = await startOrg();
    const outcomes = await send(await org.open(), ...calls(200, () => ({ ActivityDate: "Thursday" })));
    expect([tally(outcomes), count(org, UPSERT)]).toEqual([{ rejected: 200 }, 1]);
  });

  test("in one route of two leaves the other's calls alone, for two requests more", async () => {
    const org = await startOrg();
    const outcomes = await send(
      await org.open(),
      ...calls(200, (index): Record<string, string> => (index % 2 ? { ActivityDate: "Thursday" } : {})),
    );
    expect([tally(outcomes), count(org, UPSERT)]).toEqual([{ delivered: 100, rejected: 100 }, 3]);
    expect(await tasksOf(org)).toHaveLength(100);
  });

  test("when each call has its own, takes 20 requests at most; what was not looked at waits, and is not refused", async () => {
    const org = await startOrg();
    const outcomes = await send(await org.open(), ...calls(200, (index) => ({ ActivityDate: `Thursday ${index}` })));
    expect(count(org, UPSERT)).toBe(21);
    const { rejected = 0, retry = 0 } = tally(outcomes);
    expect([rejected > 0, rejected + retry]).toEqual([true, 200]);
    expect(outcomes.at(-1)).toMatchObject({ kind: "retry", because: "record", code: "batch_refused" });
  });
});

describe("when an attempt's time runs out", () => {
  test("the results of what was written arrive: no second try begins too late, or lasts too long", async () => {
    const org = await startOrg();
    const destination = await openWith(org.sandbox.settings({ url: org.url, folder: "" }), 3_000);
    let writes = 0;
    org.fault.now = (request) => {
      if (request.method !== "PATCH") return undefined;
      writes += 1;
      if (writes === 1) org.sandbox.lockRows(5);
      // The second tries hang.
      return writes > 1 ? new Promise((resolve) => atTheEnd.push(async () => resolve(new Response("")))) : undefined;
    };
    const outcomes = await send(destination, ...calls(20, () => ({})));
    expect(tally(outcomes).delivered).toBe(15);
    expect(outcomes.slice(1, 5)).toEqual(Array(4).fill(expect.objectContaining({ kind: "retry", code: "UNABLE_TO_LOCK_ROW" })));
    expect(writes).toBe(2);
  });
});
