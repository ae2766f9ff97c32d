import { describe, expect, test } from "vitest";
import {
  count,
  DANA,
  deliveryOf,
  documentedCall,
  personOf,
  receiptOf,
  SEARCH,
  sendOne,
  startOrg,
  tasksOf,
  UPSERT,
} from "../../test/support/salesforce.ts";
import { SalesforceError } from "./errors.ts";
import { repaired } from "./repair.ts";
import { DEALS, recordId } from "./sandbox/people.ts";

const COMPANY = recordId("001", 1);
const SELLER = recordId("005", 1);
const signal = () => AbortSignal.timeout(5_000);
const call = (call_id: string) => documentedCall({ call_id });

describe("a deal or a company that is gone since we looked", () => {
  test.each([["open_deal" as const], ["company" as const]])("(%s) costs the call neither its person nor another search", async (what) => {
    const deals = [...DEALS];
    const org = await startOrg({ deals });
    const destination = await org.open();
    const associate = { with: { associate: ["contact" as const, what] } };
    await receiptOf(sendOne(destination, deliveryOf(call("call_1"), associate)));
    deals.length = 0;
    if (what === "company") org.sandbox.removePerson(COMPANY);
    const receipt = await receiptOf(sendOne(destination, deliveryOf(call("call_2"), associate)));
    expect([personOf(receipt), receipt.person?.name, receipt.found]).toEqual([{ who_id: DANA }, "Dana Example", 1]);
    expect((await tasksOf(org))[1]).toMatchObject({ WhoId: DANA });
    await receiptOf(sendOne(destination, deliveryOf(call("call_3"), associate)));
    expect(count(org, SEARCH)).toBe(1);
  });

  test("and the person too: the call is logged on nobody, and they are looked for again", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const associate = { with: { associate: ["contact" as const, "company" as const] } };
    await receiptOf(sendOne(destination, deliveryOf(call("call_1"), associate)));
    org.sandbox.removePerson(COMPANY);
    org.sandbox.removePerson(DANA);
    const receipt = await receiptOf(sendOne(destination, deliveryOf(call("call_2"), associate)));
    expect([personOf(receipt), receipt.person, receipt.found]).toEqual([{}, undefined, 0]);
    await receiptOf(sendOne(destination, deliveryOf(call("call_3"), associate)));
    expect(count(org, SEARCH)).toBe(2);
  });

  test("what Salesforce names is left out, and nothing else", () => {
    const task = { Subject: "s", WhoId: DANA, WhatId: COMPANY };
    const about = (...fields: string[]) => new SalesforceError({ errors: [{ code: "INVALID_CROSS_REFERENCE_KEY", fields }] });
    expect(repaired(task, about("WhatId"))?.task).toEqual({ Subject: "s", WhoId: DANA });
    expect(repaired(task, about("WhoId"))?.task).toEqual({ Subject: "s", WhatId: COMPANY });
    expect(repaired(task, about("WhoId", "WhatId"))?.task).toEqual({ Subject: "s" });
    expect(repaired(task, about())?.task).toEqual({ Subject: "s", WhoId: DANA });
    expect(repaired(task, about("Campaign__c"))).toBeUndefined();
  });
});

test("Comments that were merged by an attempt whose answer was lost are not doubled by the next", async () => {
  const org = await startOrg();
  const destination = await org.open();
  const { summary: _, ...early } = call("call_1");
  const { recording_url: __, ...late } = call("call_1");
  const previous = await receiptOf(sendOne(destination, deliveryOf(early)));
  await receiptOf(sendOne(destination, deliveryOf(late, { previous })));
  const merged = (await tasksOf(org))[0]?.Description;
  expect(merged).toMatch(/^Customer called[\s\S]*\n\nEarlier\n/);
  await receiptOf(sendOne(destination, deliveryOf(late, { previous })));
  expect((await tasksOf(org))[0]?.Description).toBe(merged);
});

describe("a Task that somebody deleted, made again by a later version of the call", () => {
  const first = { ...call("call_1"), agent_owner: "sales@example.com" };
  const { summary: _, ...later } = { ...first, duration_seconds: 150 };

  async function deleted() {
    const org = await startOrg();
    const destination = await org.open();
    const associate = { with: { associate: ["contact" as const, "company" as const] } };
    const previous = await receiptOf(sendOne(destination, deliveryOf(first, associate)));
    await destination.erase?.({ key: "k", receipt: previous }, { signal: signal() });
    return { org, destination, previous, again: () => sendOne(destination, deliveryOf(later, { ...associate, previous })) };
  }

  test("is on the person, the company and the owner that the receipt says, and has its Comments", async () => {
    const { org, previous, again } = await deleted();
    const receipt = await receiptOf(again());
    expect(receipt.id).not.toBe(previous.id);
    expect(await tasksOf(org)).toEqual([
      expect.objectContaining({
        Id: receipt.id,
        WhoId: DANA,
        WhatId: COMPANY,
        OwnerId: SELLER,
        Description: expect.stringContaining("Recording: "),
      }),
    ]);
    expect(personOf(receipt)).toEqual({ who_id: DANA, what_id: COMPANY, owner_id: SELLER });
    expect([receipt.person, receipt.extra?.notes]).toEqual([previous.person, "recording"]);
  });

  test("is on nobody, and the receipt says so, when they are gone as well", async () => {
    const { org, again } = await deleted();
    org.sandbox.removePerson(DANA);
    org.sandbox.removePerson(COMPANY);
    const receipt = await receiptOf(again());
    expect((await tasksOf(org))[0]).not.toHaveProperty("WhoId");
    expect([personOf(receipt), receipt.person, receipt.found]).toEqual([{ owner_id: SELLER }, undefined, 0]);
  });

  test("is not called delivered while a locked row keeps it off its person: the next try puts it there", async () => {
    const { org, destination, again } = await deleted();
    let writes = 0;
    org.fault.now = (request) => {
      if (request.method === "PATCH") writes += 1;
      if (writes > 1) org.sandbox.lockRows(1);
      return undefined;
    };
    expect(await again()).toMatchObject({ kind: "retry", because: "record", code: "UNABLE_TO_LOCK_ROW" });
    org.fault.now = () => undefined;
    org.sandbox.lockRows(0);
    const receipt = await receiptOf(again());
    expect([(await tasksOf(org)).map(({ WhoId }) => WhoId), receipt.extra?.who_id]).toEqual([[DANA], DANA]);
    const before = count(org, UPSERT);
    await receiptOf(sendOne(destination, deliveryOf({ ...later, duration_seconds: 160 }, { previous: receipt })));
    expect(count(org, UPSERT)).toBe(before + 1);
  });
});
