import { describe, expect, test } from "vitest";
import { type Receipt, RematchError } from "../../../src/connector/index.ts";
import {
  count,
  DANA,
  deliveryOf,
  documentedCall,
  type Org,
  opening,
  personOf,
  receiptOf,
  sendOne,
  startOrg,
  tasksOf,
  UPSERT,
} from "../../../test/support/salesforce.ts";
import { openSession, type Session } from "../client.ts";
import { createDailyLimit } from "../daily-limit.ts";
import { salesforce } from "../index.ts";
import { recordId } from "../sandbox/people.ts";

const SAM = recordId("003", 2);
const LEE = recordId("00Q", 2);
const COMPANY = recordId("001", 1);
const signal = () => AbortSignal.timeout(5_000);

async function logged(org: Org, options: Parameters<typeof deliveryOf>[1] = {}) {
  const destination = await org.open();
  const call = documentedCall();
  const receipt = await receiptOf(sendOne(destination, deliveryOf(call, options)));
  const rematch = (to: string, at: Receipt = receipt) =>
    destination.rematch?.({ key: "voiceinfra/call_01HXYZ123456", receipt: at, to }, { signal: signal() }) as Promise<Receipt>;
  return { destination, call, receipt, rematch };
}

describe("rematch", () => {
  test("puts the call on the person that somebody chose, by id or by the address of the page, and later versions leave it so", async () => {
    const org = await startOrg();
    const { destination, call, rematch } = await logged(org);
    const moved = await rematch(SAM.slice(0, 15));
    expect((await tasksOf(org))[0]?.Subject).toBe("AI call: inbound from Sam Sample (Sales line)");
    expect(moved).toMatchObject({
      person: {
        id: SAM,
        kind: "contact",
        name: "Sam Sample",
        owner: "sam.seller@example.com",
        url: `${org.url}/lightning/r/Contact/${SAM}/view`,
      },
      found: 1,
      extra: { who_id: SAM, notes: "summary recording" },
    });
    const again = await receiptOf(sendOne(destination, deliveryOf({ ...call, duration_seconds: 150 }, { previous: moved })));
    expect((await tasksOf(org))[0]).toMatchObject({
      WhoId: SAM,
      CallDurationInSeconds: 150,
      Subject: "AI call: inbound from Sam Sample (Sales line)",
    });
    expect(again.person?.id).toBe(SAM);
    const back = await rematch(`https://example.lightning.force.com/lightning/r/Contact/${DANA}/view`, again);
    expect([back.person?.name, (await tasksOf(org))[0]?.WhoId]).toEqual(["Dana Example", DANA]);
  });

  test("takes what was of the wrong person along: their company goes, or comes", async () => {
    const org = await startOrg();
    const { rematch, receipt } = await logged(org, { with: { associate: ["contact", "company"] } });
    expect(personOf(receipt)).toEqual({ who_id: DANA, what_id: COMPANY });
    const onLead = await rematch(LEE);
    expect(personOf(onLead)).toEqual({ who_id: LEE });
    expect((await tasksOf(org))[0]).not.toHaveProperty("WhatId");
    const onCompany = await rematch(COMPANY, onLead);
    expect([personOf(onCompany), onCompany.person?.kind]).toEqual([{ what_id: COMPANY }, "account"]);
    expect((await tasksOf(org))[0]).not.toHaveProperty("WhoId");
  });

  test("says what is wrong when there is no such person, or no Task any more", async () => {
    const org = await startOrg();
    const { destination, rematch, receipt } = await logged(org);
    for (const to of ["Sam Sample", recordId("005", 1), "003../../x", ""]) {
      await expect(rematch(to)).rejects.toThrow(/give the 15 or 18 characters of a Contact/);
    }
    await expect(rematch(recordId("003", 77))).rejects.toThrow(RematchError);
    await expect(rematch(recordId("003", 77))).rejects.toThrow(/no Contact with that id, or the integration user cannot see it/);
    Object.assign((await tasksOf(org))[0] ?? {}, { WhatId: COMPANY });
    await expect(rematch(LEE)).rejects.toThrow(/empty Related To there/);
    await destination.erase?.({ key: "k", receipt }, { signal: signal() });
    await expect(rematch(SAM)).rejects.toThrow(/the Task is gone from Salesforce/);
  });
});

describe("rematch on somebody who is gone", () => {
  test("a Lead that was converted: the Contact that it became is named", async () => {
    const org = await startOrg();
    const { rematch } = await logged(org);
    const contact = org.sandbox.convert(LEE);
    await expect(rematch(LEE)).rejects.toThrow(`that Lead was converted: give the Contact that it became, ${contact.Id}`);
    expect((await rematch(contact.Id)).person).toMatchObject({ id: contact.Id, kind: "contact", name: "Lee Prospect" });
  });

  test.each([
    "INVALID_CROSS_REFERENCE_KEY",
    "ENTITY_IS_DELETED",
    "CANNOT_UPDATE_CONVERTED_LEAD",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
  ])("a person who was merged or deleted between the look and the write: it says so, and the Task stays (%s)", async (errorCode) => {
    const org = await startOrg();
    const { rematch } = await logged(org);
    org.fault.now = (request) =>
      request.method === "PATCH" ? Response.json([{ errorCode, message: "invalid cross reference id" }], { status: 400 }) : undefined;
    await expect(rematch(SAM)).rejects.toThrow(RematchError);
    await expect(rematch(SAM)).rejects.toThrow(/was deleted, merged or converted just now/);
    expect((await tasksOf(org))[0]?.WhoId).toBe(DANA);
  });

  test("a refusal comes with its fix, and not as a fault of the program", async () => {
    const org = await startOrg();
    const { rematch } = await logged(org);
    for (const [status, errorCode, message] of [
      [403, "API_DISABLED_FOR_ORG", "Salesforce does not let us in (API_DISABLED_FOR_ORG)"],
      [503, "SERVER_UNAVAILABLE", "Salesforce is not available (SERVER_UNAVAILABLE)"],
      [400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "a validation rule of the org refuses the Task"],
    ] as const) {
      org.fault.now = (request) => (request.method === "PATCH" ? Response.json([{ errorCode, message: "no" }], { status }) : undefined);
      await expect(rematch(SAM)).rejects.toThrow(message);
    }
  });
});

test("a Task is read back as Salesforce shows it, and is gone when it is gone", async () => {
  const org = await startOrg();
  const { destination, receipt } = await logged(org);
  const read = () => destination.read?.({ key: "k", receipt }, { signal: signal() });
  expect(await read()).toMatchObject({ Id: receipt.id, Subject: "AI call: inbound from Dana Example (Sales line)", WhoId: DANA });
  await destination.erase?.({ key: "k", receipt }, { signal: signal() });
  expect(await read()).toBeUndefined();
});

describe("on_existing: skip", () => {
  const skip = { with: { on_existing: "skip" as const } };

  test("a later version of a call leaves the Task as it is, and the call among those that can be rematched or forgotten", async () => {
    const org = await startOrg();
    const { destination, call, receipt } = await logged(org, skip);
    const later = deliveryOf({ ...call, duration_seconds: 150 }, { ...skip, previous: receipt });
    expect(await sendOne(destination, later)).toEqual({ kind: "delivered", receipt });
    expect((await tasksOf(org))[0]?.CallDurationInSeconds).toBe(147);
  });

  test("is found by its key also where the settings write the field's name in other letters", async () => {
    const org = await startOrg();
    const destination = await org.open({ external_id_field: "voice_call_id__c" });
    const first = await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
    expect((await receiptOf(sendOne(destination, deliveryOf(documentedCall({ duration_seconds: 150 }), skip)))).id).toBe(first.id);
    expect((await tasksOf(org))[0]?.CallDurationInSeconds).toBe(147);
  });

  test("a Task of which no answer ever came is found by its key, and kept", async () => {
    const org = await startOrg();
    const { destination, call, receipt } = await logged(org, skip);
    const again = await receiptOf(sendOne(destination, deliveryOf({ ...call, duration_seconds: 150 }, skip)));
    expect(again.id).toBe(receipt.id);
    expect((await tasksOf(org))[0]?.CallDurationInSeconds).toBe(147);
    expect(count(org, UPSERT)).toBe(1);
  });
});

describe("the daily limit", () => {
  test("near it calls wait, and nothing more is asked of the org meanwhile", async () => {
    const org = await startOrg({ dailyRequests: 1_000 });
    org.sandbox.useUp(950);
    const destination = await org.open();
    const before = org.sandbox.requests.length;
    expect(await sendOne(destination, deliveryOf(documentedCall()))).toMatchObject({
      kind: "retry",
      because: "rate-limit",
      code: "api_limit_near",
      retryAfterMs: expect.any(Number),
    });
    expect(org.sandbox.requests.length).toBe(before);
    expect(await tasksOf(org)).toEqual([]);
  });

  test("a quarter of an hour later one request looks whether there is room again", async () => {
    const org = await startOrg({ dailyRequests: 1_000 });
    org.sandbox.useUp(950);
    const settings = salesforce.settings.parse(org.sandbox.settings({ url: org.url, folder: "" }));
    const session = await openSession({ settings, timeoutMs: 5_000, signal: signal() });
    await session.request({ method: "GET", path: "/limits" }, { signal: signal() });
    const before = org.sandbox.requests.length;
    const laterBy = (ms: number): Session => ({
      request: session.request,
      instanceUrl: session.instanceUrl,
      userId: undefined,
      get usage() {
        return session.usage && { ...session.usage, atMs: session.usage.atMs - ms };
      },
    });
    const hold = (ms: number) => createDailyLimit({ session: laterBy(ms), stopPercent: 95 })(signal());
    expect(await hold(14 * 60_000)).toMatchObject({ code: "api_limit_near" });
    expect(org.sandbox.requests.length).toBe(before);
    expect(await hold(15 * 60_000)).toMatchObject({ code: "api_limit_near" });
    // The oldest requests are more than a day old now.
    org.sandbox.useUp(-500);
    expect(await hold(15 * 60_000)).toBeUndefined();
    expect(org.sandbox.requests.length).toBe(before + 2);
  });

  test("where no answer tells how much is used, the org is asked once a minute and not for each batch", async () => {
    let asked = 0;
    const session: Session = {
      request: async () => {
        asked += 1;
      },
      instanceUrl: "https://example.my.salesforce.com",
      userId: undefined,
      usage: { used: 99, limit: 100, atMs: performance.now() - 20 * 60_000 },
    };
    const hold = createDailyLimit({ session, stopPercent: 95 });
    const outcomes = [await hold(signal()), await hold(signal())];
    expect(asked).toBe(1);
    for (const outcome of outcomes) expect(outcome?.kind === "retry" && (outcome.retryAfterMs ?? 0) > 50_000).toBe(true);
  });

  test("another share of it can be left to others, and below it calls go", async () => {
    const org = await startOrg({ dailyRequests: 1_000 });
    org.sandbox.useUp(950);
    await receiptOf(sendOne(await org.open({ daily_limit_stop: "99" }), deliveryOf(documentedCall())));
    expect(await sendOne(await org.open({ daily_limit_stop: "50" }), deliveryOf(documentedCall()))).toMatchObject({
      code: "api_limit_near",
    });
  });
});

describe("what the integration user cannot see", () => {
  test("a missing field that every logged call needs is named at the start, with the fix in words", async () => {
    const org = await startOrg({ hidden: ["Type", "TaskSubtype"] });
    expect(await opening(org.open())).toMatchObject({
      kind: "needs-fix",
      code: "hidden_fields",
      reason: "the integration user cannot see or write these fields of Task: Type, TaskSubtype",
      fix: expect.stringContaining("Set Field-Level Security"),
    });
  });

  test("fields that an org without Call Center has not are left out", async () => {
    const org = await startOrg({ hidden: ["CallDisposition", "CallObject"] });
    await receiptOf(sendOne(await org.open(), deliveryOf(documentedCall())));
    const [task] = await tasksOf(org);
    expect(task).not.toHaveProperty("CallDisposition");
    expect(task).toMatchObject({ CallType: "Inbound", Description: expect.stringContaining("Outcome: answered") });
  });
});
