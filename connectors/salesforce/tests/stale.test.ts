import { describe, expect, test } from "vitest";
import {
  count,
  DANA,
  deliveryOf,
  documentedCall,
  type Org,
  personOf,
  receiptOf,
  sendOne,
  startOrg,
  tasksOf,
  UPSERT,
} from "../../../test/support/salesforce.ts";
import { repairOf } from "../repair.ts";
import { DEALS, PEOPLE, recordId, USERS } from "../sandbox/people.ts";
import { SalesforceError } from "../vendor-error.ts";

const COMPANY = recordId("001", 1);
const SELLER = recordId("005", 1);
const signal = () => AbortSignal.timeout(5_000);
const call = (call_id: string) => documentedCall({ call_id });

describe("a deal or a company that is gone since we looked", () => {
  test.each([["open_deal" as const], ["company" as const]])("(%s) costs the call neither its person nor its name", async (what) => {
    const deals = [...DEALS];
    const org = await startOrg({ deals });
    const destination = await org.open();
    const associate = { with: { associate: ["contact" as const, what] } };
    await receiptOf(sendOne(destination, deliveryOf(call("call_1"), associate)));
    deals.length = 0;
    if (what === "company") org.sandbox.removePerson(COMPANY);
    const receipt = await receiptOf(sendOne(destination, deliveryOf(call("call_2"), associate)));
    expect([personOf(receipt), receipt.person?.name, receipt.found]).toEqual([{ who_id: DANA }, "Dana Example", 1]);
    expect((await tasksOf(org))[1]).toMatchObject({ WhoId: DANA, Subject: "AI call: inbound from Dana Example (Sales line)" });
  });

  test("a company that was merged into another: the call is on the one that the Contact has now, and on its deal", async () => {
    const deals = [...DEALS];
    const org = await startOrg({ deals });
    const destination = await org.open();
    const associate = { with: { associate: ["contact" as const, "company" as const, "open_deal" as const] } };
    await receiptOf(sendOne(destination, deliveryOf(call("call_1"), associate)));
    const merged = {
      kind: "Account" as const,
      Id: recordId("001", 7),
      Name: "Merged Inc",
      LastModifiedDate: "2025-02-01T09:00:00.000+0000",
    };
    org.sandbox.people.push(merged);
    org.sandbox.removePerson(COMPANY);
    Object.assign(org.sandbox.people.find(({ Id }) => Id === DANA) ?? {}, { AccountId: merged.Id });
    deals.splice(0, deals.length, { Id: recordId("006", 9), AccountId: merged.Id, IsClosed: false, CreatedDate: "2025-01-01" });
    const receipt = await receiptOf(sendOne(destination, deliveryOf(call("call_2"), associate)));
    expect(personOf(receipt)).toEqual({ who_id: DANA, what_id: recordId("006", 9) });
  });

  test("what Salesforce names is left out, and nothing else", () => {
    const task = { Subject: "s", WhoId: DANA, WhatId: COMPANY };
    const about = (...fields: string[]) => new SalesforceError({ errors: [{ code: "INVALID_CROSS_REFERENCE_KEY", fields }] });
    const repaired = (isFresh: boolean, ...fields: string[]) =>
      repairOf({ task, error: about(...fields), isFresh, externalIdField: "Key__c", ownFields: ["Campaign__c"], personField: "WhoId" });
    expect(repaired(false, "WhatId")).toEqual({ kind: "stale" });
    expect(repaired(false)).toEqual({ kind: "stale" });
    expect(repaired(true, "WhatId")).toMatchObject({ kind: "without", task: { Subject: "s", WhoId: DANA } });
    expect(repaired(true, "WhoId")).toEqual({ kind: "lost", field: "WhoId" });
    expect(repaired(true)).toMatchObject({ kind: "without", task: { Subject: "s", WhoId: DANA } });
    expect(repaired(true, "Campaign__c")).toBeUndefined();
  });
});

describe("a person who is gone since we looked: the call is on the one that a new search finds, under their name", () => {
  const OTHER = recordId("003", 2);
  const subjects = async (org: Org) => (await tasksOf(org)).map(({ Subject }) => Subject);

  test("a Lead that was converted gives the call to the Contact that it became", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const lead = { customer_number: "+14155550102", from_number: "+14155550102" };
    const first = await receiptOf(sendOne(destination, deliveryOf(documentedCall({ call_id: "call_1", ...lead }))));
    expect(first.person).toMatchObject({ kind: "lead", name: "Lee Prospect" });
    const contact = org.sandbox.convert(recordId("00Q", 2));
    Object.assign(contact, { Name: "Lee Customer" });
    const second = await receiptOf(sendOne(destination, deliveryOf(documentedCall({ call_id: "call_2", ...lead }))));
    expect([personOf(second), second.person?.name, second.found]).toEqual([{ who_id: contact.Id }, "Lee Customer", 1]);
    expect((await subjects(org))[1]).toBe("AI call: inbound from Lee Customer (Sales line)");
  });

  test("and also before the search index knows that Contact, or that the merge was", async () => {
    const org = await startOrg({ staleIndex: true });
    const destination = await org.open();
    const lead = { customer_number: "+14155550102", from_number: "+14155550102" };
    await receiptOf(sendOne(destination, deliveryOf(documentedCall({ call_id: "call_1", ...lead }))));
    const contact = org.sandbox.convert(recordId("00Q", 2));
    const second = await receiptOf(sendOne(destination, deliveryOf(documentedCall({ call_id: "call_2", ...lead }))));
    expect([second.extra?.who_id, second.found, (await subjects(org))[1]]).toEqual([
      contact.Id,
      1,
      "AI call: inbound from Lee Prospect (Sales line)",
    ]);
    // Robin's record goes into Sam's, which keeps its own number.
    const british = { customer_number: "+442079460104", from_number: "+442079460104" };
    await receiptOf(sendOne(destination, deliveryOf(documentedCall({ call_id: "call_3", ...british }))));
    org.sandbox.merge(recordId("003", 3), OTHER);
    Object.assign(org.sandbox.people.find(({ Id }) => Id === OTHER) ?? {}, { Phone: "415.555.0101" });
    const fourth = await receiptOf(sendOne(destination, deliveryOf(documentedCall({ call_id: "call_4", ...british }))));
    expect([fourth.extra?.who_id, fourth.person?.name]).toEqual([OTHER, "Sam Sample"]);
  });

  test("nor is a Contact made for somebody who has an heir", async () => {
    const org = await startOrg({ staleIndex: true });
    const destination = await org.open();
    const lead = { customer_number: "+14155550102", from_number: "+14155550102" };
    const create = { with: { match: { on_none: "create_contact" as const } } };
    await receiptOf(sendOne(destination, deliveryOf(documentedCall({ call_id: "call_1", ...lead }), create)));
    const contact = org.sandbox.convert(recordId("00Q", 2));
    const second = await receiptOf(sendOne(destination, deliveryOf(documentedCall({ call_id: "call_2", ...lead }), create)));
    expect([second.extra?.who_id, org.sandbox.people.some(({ Name }) => Name === "Unknown caller")]).toEqual([contact.Id, false]);
  });

  test.each(["INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"])(
    "a Contact that was merged into another gives the call to that one (%s)",
    async (statusCode) => {
      const org = await startOrg();
      const destination = await org.open();
      await receiptOf(sendOne(destination, deliveryOf(call("call_1"))));
      org.sandbox.merge(DANA, OTHER);
      org.fault.now = async (request) => {
        if (request.method !== "PATCH") return org.sandbox.fetch(request);
        const { records } = (await request.clone().json()) as { records: Record<string, string>[] };
        const refused = { success: false, errors: [{ statusCode, message: "invalid cross reference id", fields: [] }] };
        return records[0]?.WhoId === DANA ? Response.json([refused]) : org.sandbox.fetch(request);
      };
      const second = await receiptOf(sendOne(destination, deliveryOf(call("call_2"))));
      expect([personOf(second), second.person?.name, second.found]).toEqual([{ who_id: OTHER }, "Sam Sample", 1]);
      expect((await subjects(org))[1]).toBe("AI call: inbound from Sam Sample (Sales line)");
    },
  );

  test("nobody has the number then: the call is on nobody, its Subject names nobody, and they are looked for again", async () => {
    const org = await startOrg({ people: PEOPLE.filter(({ kind }) => kind !== "Lead") });
    const destination = await org.open();
    await receiptOf(sendOne(destination, deliveryOf(call("call_1"))));
    org.sandbox.removePerson(DANA);
    const second = await receiptOf(sendOne(destination, deliveryOf(call("call_2"))));
    expect([personOf(second), second.person, second.found]).toEqual([{}, undefined, 0]);
    expect((await subjects(org))[1]).toBe("AI call: inbound from +14155550100 (Sales line)");
  });

  test("a search that knows the dead for longer than the org: the next of those who have the number, never a dead letter", async () => {
    const twin = {
      kind: "Contact" as const,
      Id: recordId("003", 9),
      Name: "Dana Second",
      Phone: "4155550100",
      LastModifiedDate: "2025-01-01",
    };
    const org = await startOrg({ people: [...PEOPLE, twin] });
    const destination = await org.open();
    org.fault.now = async (request) => {
      if (request.method !== "PATCH") return org.sandbox.fetch(request);
      const { records } = (await request.clone().json()) as { records: Record<string, string>[] };
      const refused = { success: false, errors: [{ statusCode: "ENTITY_IS_DELETED", message: "entity is deleted", fields: [] }] };
      return records[0]?.WhoId === DANA ? Response.json([refused]) : org.sandbox.fetch(request);
    };
    const receipt = await receiptOf(sendOne(destination, deliveryOf(call("call_1"), { with: { associate: ["contact", "company"] } })));
    expect([personOf(receipt), receipt.person?.name]).toEqual([{ who_id: twin.Id }, "Dana Second"]);
    expect((await subjects(org))[0]).toBe("AI call: inbound from Dana Second (Sales line)");
  });

  test("whatever else a Task refers to that is gone, the call waits for the next try and is no dead letter", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const refused = { success: false, errors: [{ statusCode: "ENTITY_IS_DELETED", message: "entity is deleted", fields: [] }] };
    org.fault.now = (request) => (request.method === "PATCH" ? Response.json([refused]) : undefined);
    expect(await sendOne(destination, deliveryOf(call("call_1")))).toMatchObject({ kind: "retry", because: "record" });
  });

  test("a Task made for nobody, then for somebody who is gone: the later version of the call finds the heir too", async () => {
    const org = await startOrg({ people: PEOPLE.filter(({ Phone = "" }) => !Phone.includes("0102")) });
    const destination = await org.open();
    const stranger = documentedCall({ call_id: "call_1", customer_number: "+14155550102", from_number: "+14155550102" });
    const previous = await receiptOf(sendOne(destination, deliveryOf(stranger)));
    expect(previous.found).toBe(0);
    const lead = { kind: "Lead" as const, Id: recordId("00Q", 8), Name: "Lee Lead", Phone: "4155550102", LastModifiedDate: "2025-01-01" };
    org.sandbox.people.push(lead);
    const other = documentedCall({ ...stranger, call_id: "call_2" });
    org.sandbox.expireTokens();
    // Known for half a minute that nobody has it: another route's fields are asked for again.
    const fields = { with: { match: { phone_fields: ["Phone"] } } };
    await receiptOf(sendOne(destination, deliveryOf(other, fields)));
    const contact = org.sandbox.convert(lead.Id);
    const later = await receiptOf(sendOne(destination, deliveryOf({ ...stranger, duration_seconds: 150 }, { ...fields, previous })));
    expect([later.id, personOf(later)]).toEqual([previous.id, { who_id: contact.Id }]);
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

  async function deleted(users = USERS, more: Parameters<typeof startOrg>[0] = {}) {
    const org = await startOrg({ users, ...more });
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

  test("is on the one that a new search finds when the first is gone as well, and its Subject names them", async () => {
    const { org, again } = await deleted();
    org.sandbox.merge(DANA, recordId("003", 2));
    const receipt = await receiptOf(again());
    expect([personOf(receipt).who_id, receipt.person?.name, receipt.found]).toEqual([recordId("003", 2), "Sam Sample", 1]);
    expect((await tasksOf(org))[0]).toMatchObject({
      WhoId: recordId("003", 2),
      OwnerId: SELLER,
      Subject: "AI call: inbound from Sam Sample (Sales line)",
    });
  });

  test("is on the one who was kept in a merge that the search index does not know yet", async () => {
    const { org, again } = await deleted(USERS, { staleIndex: true, people: PEOPLE.filter(({ Id }) => Id !== recordId("00Q", 1)) });
    org.sandbox.merge(DANA, recordId("003", 2));
    Object.assign(org.sandbox.people.find(({ Id }) => Id === recordId("003", 2)) ?? {}, { Phone: "" });
    expect((await receiptOf(again())).person).toMatchObject({ id: recordId("003", 2), name: "Sam Sample" });
  });

  test("belongs to the integration user when its owner left, and the receipt says so", async () => {
    const users = USERS.map((user) => ({ ...user }));
    const { again, org } = await deleted(users);
    for (const user of users) user.IsActive = false;
    const receipt = await receiptOf(again());
    expect([personOf(receipt), receipt.extra?.left_out]).toEqual([{ who_id: DANA, what_id: COMPANY }, "OwnerId (INACTIVE_OWNER_OR_USER)"]);
    expect((await tasksOf(org))[0]).not.toHaveProperty("OwnerId");
  });

  test("is on nobody, and the receipt says so, when nobody has the number any more", async () => {
    const { org, again } = await deleted();
    org.sandbox.removePerson(DANA);
    org.sandbox.removePerson(recordId("00Q", 1));
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
