import { describe, expect, test } from "vitest";
import {
  count,
  DANA,
  deliveryOf,
  documentedCall,
  personOf,
  receiptOf,
  SEARCH,
  send,
  sendOne,
  startOrg,
  tasksOf,
  UPSERT,
} from "../../../test/support/salesforce.ts";
import { PEOPLE, recordId } from "../sandbox/people.ts";

describe("the person", () => {
  const stranger = { customer_number: "+14155550199", from_number: "+14155550199" };

  test("a withheld number is searched for nowhere, and the call is logged without a person", async () => {
    const org = await startOrg();
    const receipt = await receiptOf(
      sendOne(await org.open(), deliveryOf(documentedCall({ from_number: "anonymous", customer_number: "" }))),
    );
    expect(personOf(receipt)).toEqual({});
    expect((await tasksOf(org))[0]?.Subject).toBe("AI call: inbound from withheld number (Sales line)");
    expect(count(org, SEARCH)).toBe(0);
  });

  test.each([
    ["a Contact before a Lead who was modified later", "+14155550100", { who_id: DANA }],
    ["a Contact by a mobile number", "+14155550101", { who_id: recordId("003", 2) }],
    ["a Lead, stored with its country code", "+14155550102", { who_id: recordId("00Q", 2) }],
    ["an Account, as what the call is about", "+14155550103", { what_id: recordId("001", 1) }],
    ["a British number with a trunk prefix", "+442079460104", { who_id: recordId("003", 3) }],
    ["a German number with its country code", "+4930230125105", { who_id: recordId("003", 4) }],
    ["nobody", "+14155550199", {}],
    ["nobody of another country with the same digits", "+33415555010", {}],
  ])("is %s", async (_, customer_number, extra) => {
    const org = await startOrg();
    const receipt = await receiptOf(sendOne(await org.open(), deliveryOf(documentedCall({ customer_number }))));
    expect(personOf(receipt)).toEqual(extra);
    const [task] = await tasksOf(org);
    expect([task?.WhoId ?? task?.WhatId]).toEqual(Object.values({ none: undefined, ...extra }).slice(-1));
    expect(task && "WhatId" in task).toBe(customer_number === "+14155550103");
  });

  test("a number stored without a country is not that of a foreign caller with the same digits", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const german = documentedCall({ call_id: "call_1", from_number: "+494155550100", customer_number: "+494155550100" });
    const toBerlin = { ...german, call_id: "call_2", to_number: "+4930230125105" };
    const [toAmerica, toGermany] = await send(destination, deliveryOf(german), deliveryOf(toBerlin));
    expect(toAmerica).toMatchObject({ kind: "delivered", receipt: { extra: expect.not.objectContaining({ who_id: expect.anything() }) } });
    // In Germany it is a number like any other.
    expect(toGermany).toMatchObject({ kind: "delivered", receipt: { extra: { who_id: DANA } } });
  });

  test("of several Contacts it is the one modified last, or nobody, as the route says", async () => {
    const twin = {
      kind: "Contact" as const,
      Id: recordId("003", 9),
      Name: "Dana Later",
      MobilePhone: "4155550100",
      LastModifiedDate: "2025-01-13T09:00:00.000+0000",
    };
    const org = await startOrg({ people: [...PEOPLE, twin] });
    const destination = await org.open();
    const [recent, none] = await send(
      destination,
      deliveryOf(documentedCall({ call_id: "call_1" }), { with: { match: { on_many: "most_recent" } } }),
      deliveryOf(documentedCall({ call_id: "call_2" }), { with: { match: { on_many: "none" } } }),
    );
    expect(recent).toMatchObject({ kind: "delivered", receipt: { extra: { who_id: twin.Id } } });
    expect(none).toMatchObject({ kind: "delivered", receipt: { extra: expect.not.objectContaining({ who_id: expect.anything() }) } });
    expect(count(org, SEARCH)).toBe(1);
  });

  test("is asked for once for several calls of one number, a stranger too", async () => {
    const org = await startOrg();
    const destination = await org.open();
    await send(destination, ...["call_1", "call_2"].map((call_id) => deliveryOf(documentedCall({ call_id, ...stranger }))));
    await send(destination, deliveryOf(documentedCall({ call_id: "call_3", ...stranger })));
    expect(count(org, SEARCH)).toBe(1);
  });

  test("a search that the integration user may not make says what to grant, and writes nothing", async () => {
    const org = await startOrg();
    const destination = await org.open();
    org.fault.now = (request) =>
      request.url.includes("/search/")
        ? Response.json([{ errorCode: "INVALID_TYPE", message: "sObject type 'Lead' is not supported." }], { status: 400 })
        : undefined;
    const outcome = await sendOne(destination, deliveryOf(documentedCall()));
    expect(outcome).toMatchObject({
      kind: "needs-fix",
      code: "INVALID_TYPE",
      fix: expect.stringContaining("read access to Contact, Lead and Account"),
    });
    expect(count(org, UPSERT)).toBe(0);
  });
});
