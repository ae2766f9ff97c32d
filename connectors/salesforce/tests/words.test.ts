import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { SharedCall } from "../../../src/connector/index.ts";
import {
  count,
  DANA,
  deliveryOf,
  documentedCall,
  FIELD,
  personOf,
  QUERY,
  receiptOf,
  SEARCH,
  send,
  sendOne,
  startOrg,
  tasksOf,
} from "../../../test/support/salesforce.ts";
import { salesforce } from "../index.ts";
import { PEOPLE, recordId, USERS } from "../sandbox/people.ts";

const COMPANY = recordId("001", 1);
const NEWEST_OPEN_DEAL = recordId("006", 2);
const DEAL_OWNER = recordId("005", 1);

describe("associate", () => {
  test.each([
    [["contact"], { WhoId: DANA }],
    [["contact", "company"], { WhoId: DANA, WhatId: COMPANY }],
    [["company"], { WhatId: COMPANY }],
    [["contact", "open_deal"], { WhoId: DANA, WhatId: NEWEST_OPEN_DEAL }],
    [["contact", "company", "open_deal"], { WhoId: DANA, WhatId: NEWEST_OPEN_DEAL }],
    [[], {}],
  ] as const)("%j logs the call of a Contact on %j", async (associate, links) => {
    const org = await startOrg();
    await receiptOf(sendOne(await org.open(), deliveryOf(documentedCall(), { with: { associate: [...associate] } })));
    const [task] = await tasksOf(org);
    expect({ WhoId: task?.WhoId, WhatId: task?.WhatId }).toEqual({ WhoId: undefined, WhatId: undefined, ...links });
  });

  test("a Lead is related to nothing, which Salesforce would refuse, and an Account's own call goes on its deal", async () => {
    const org = await startOrg();
    const all = { associate: ["contact", "company", "open_deal"] as ("contact" | "company" | "open_deal")[] };
    const outcomes = await send(
      await org.open(),
      deliveryOf(documentedCall({ call_id: "call_1", customer_number: "+14155550102" }), { with: all }),
      deliveryOf(documentedCall({ call_id: "call_2", customer_number: "+14155550103" }), { with: all }),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(["delivered", "delivered"]);
    const [lead, account] = await tasksOf(org);
    expect([lead?.WhoId, lead?.WhatId]).toEqual([recordId("00Q", 2), undefined]);
    expect([account?.WhoId, account?.WhatId]).toEqual([undefined, NEWEST_OPEN_DEAL]);
  });

  test("without an open deal it is the company, where the route says so too", async () => {
    const org = await startOrg({ deals: [] });
    await receiptOf(sendOne(await org.open(), deliveryOf(documentedCall(), { with: { associate: ["contact", "company", "open_deal"] } })));
    expect((await tasksOf(org))[0]).toMatchObject({ WhoId: DANA, WhatId: COMPANY });
  });

  test("deals that cannot be asked for hold the call back, and say what to grant", async () => {
    const org = await startOrg();
    const destination = await org.open();
    org.fault.now = (request) =>
      decodeURIComponent(request.url).includes("FROM Opportunities")
        ? Response.json([{ errorCode: "INVALID_TYPE", message: "sObject type 'Opportunity' is not supported." }], { status: 400 })
        : undefined;
    const outcome = await sendOne(destination, deliveryOf(documentedCall(), { with: { associate: ["contact", "open_deal"] } }));
    expect(outcome).toMatchObject({ kind: "needs-fix", fix: expect.stringContaining("read access to Opportunity") });
    expect(await tasksOf(org)).toEqual([]);
  });
});

describe("outcome and owner", () => {
  test("the org's own words stand for the outcomes that have one, and none leaves the result out", async () => {
    const org = await startOrg();
    const outcome = { voicemail: "Left voicemail", failed: "none" };
    const calls = ["answered", "voicemail", "failed", "transferred"].map((call_outcome) =>
      deliveryOf(documentedCall({ call_id: call_outcome, call_outcome }), { with: { outcome } }),
    );
    await send(await org.open(), ...calls);
    expect((await tasksOf(org)).map(({ CallDisposition }) => CallDisposition)).toEqual([
      "Answered",
      "Left voicemail",
      undefined,
      "transferred",
    ]);
  });

  test("the Task belongs to the agent's owner, or to the route's; an unknown or inactive one is left out", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const call = (call_id: string, agent_owner: string) => documentedCall({ call_id, agent_owner, customer_number: "" });
    await send(
      destination,
      deliveryOf(call("call_1", "Sales@Example.com")),
      deliveryOf(call("call_2", "sales@example.com"), { with: { owner: "sam.seller@example.com" } }),
      deliveryOf(call("call_3", "left@example.com")),
      deliveryOf(call("call_4", "o'neil\\@example.com")),
    );
    expect((await tasksOf(org)).map(({ OwnerId }) => OwnerId)).toEqual([DEAL_OWNER, recordId("005", 2), undefined, undefined]);
    await send(destination, deliveryOf(call("call_5", "sales@example.com")));
    expect(count(org, QUERY)).toBe(1);
  });

  test("an owner who left since we looked costs the call nothing", async () => {
    const users = USERS.map((user) => ({ ...user }));
    const org = await startOrg({ users });
    const destination = await org.open();
    const call = (call_id: string) => deliveryOf(documentedCall({ call_id, agent_owner: "sales@example.com" }));
    await receiptOf(sendOne(destination, call("call_1")));
    for (const user of users) user.IsActive = false;
    const receipt = await receiptOf(sendOne(destination, call("call_2")));
    expect([personOf(receipt), receipt.extra?.left_out]).toEqual([{ who_id: DANA }, "OwnerId (no_active_user)"]);
    expect((await tasksOf(org)).map(({ OwnerId }) => OwnerId)).toEqual([DEAL_OWNER, undefined]);
  });

  test("an owner that somebody changed in Salesforce stays", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const call = documentedCall({ agent_owner: "sales@example.com" });
    const previous = await receiptOf(sendOne(destination, deliveryOf(call)));
    Object.assign((await tasksOf(org))[0] ?? {}, { OwnerId: recordId("005", 2) });
    await receiptOf(sendOne(destination, deliveryOf({ ...call, duration_seconds: 150 }, { previous })));
    expect((await tasksOf(org))[0]).toMatchObject({ OwnerId: recordId("005", 2), CallDurationInSeconds: 150 });
  });
});

describe("match", () => {
  const twin = {
    kind: "Contact" as const,
    Id: recordId("003", 9),
    Name: "Dana Later",
    OwnerId: recordId("005", 2),
    MobilePhone: "4155550100",
    LastModifiedDate: "2025-01-13T09:00:00.000+0000",
  };

  test("owner: of several it is the one that the call's owner owns, else nobody; the receipt says how many there were", async () => {
    const org = await startOrg({ people: [...PEOPLE, twin] });
    const match = { on_many: "owner" as const };
    const outcomes = await send(
      await org.open(),
      ...["sales@example.com", "sam.seller@example.com", "left@example.com"].map((owner) =>
        deliveryOf(documentedCall({ call_id: owner }), { with: { owner, match } }),
      ),
    );
    expect((await tasksOf(org)).map(({ WhoId }) => WhoId)).toEqual([DANA, twin.Id, undefined]);
    expect(outcomes.map((one) => one.kind === "delivered" && one.receipt.found)).toEqual([2, 2, 2]);
  });

  test("all is refused when routes.yaml is loaded: a Task has one Name", () => {
    const parsed = salesforce.with.safeParse({ match: { on_many: "all" } });
    expect(parsed.error?.issues.map(({ path, message }) => [path.join("."), message])).toEqual([
      ["match.on_many", "cannot be all here: a Task of Salesforce has one Name. Take most_recent, owner or none"],
    ]);
  });

  test("a number that belongs to nobody is searched for nowhere", async () => {
    const org = await startOrg();
    const receipt = await receiptOf(
      sendOne(await org.open(), deliveryOf(documentedCall(), { with: { match: { never: ["+14155550100"] } } })),
    );
    expect([personOf(receipt), receipt.found, count(org, SEARCH)]).toEqual([{}, undefined, 0]);
  });

  test("phone_fields are the ones that count, and one that only Contacts have is asked of them alone", async () => {
    const home = {
      ...twin,
      Name: "Home Example",
      MobilePhone: "",
      HomePhone: "(415) 555-0177",
      Phone: "(415) 555-0178",
      Fax: "(415) 555-0179",
    };
    const org = await startOrg({ people: [...PEOPLE, home] });
    const destination = await org.open();
    const onWhom = async (customer_number: string, phone_fields: string[]) =>
      personOf(
        await receiptOf(
          sendOne(
            destination,
            deliveryOf(documentedCall({ call_id: customer_number + phone_fields, customer_number }), { with: { match: { phone_fields } } }),
          ),
        ),
      );
    expect(await onWhom("+14155550177", ["HomePhone"])).toEqual({ who_id: home.Id });
    expect(await onWhom("+14155550178", ["HomePhone"])).toEqual({});
    // A fax number is found by Salesforce's search, and is nobody's telephone.
    expect(await onWhom("+14155550179", ["Phone", "HomePhone"])).toEqual({});
    expect(
      await sendOne(destination, deliveryOf(documentedCall({ call_id: "x" }), { with: { match: { phone_fields: ["Nowhere__c"] } } })),
    ).toMatchObject({ kind: "needs-fix", code: "INVALID_FIELD", fix: expect.stringContaining("match.phone_fields") });
  });

  test("a switchboard that many have hides nobody who was searched for with it", async () => {
    const crowd = Array.from({ length: 250 }, (_, index) => ({
      ...twin,
      Id: recordId("003", 1_000 + index),
      MobilePhone: "4155550155",
      LastModifiedDate: "2025-02-13T09:00:00.000+0000",
    }));
    const org = await startOrg({ people: [...crowd, ...PEOPLE] });
    const [many, one] = await send(
      await org.open(),
      deliveryOf(documentedCall({ call_id: "call_1", customer_number: "+14155550155" })),
      deliveryOf(documentedCall({ call_id: "call_2" })),
    );
    expect(many).toMatchObject({ receipt: { found: 250 } });
    expect(one).toMatchObject({ receipt: { person: { id: DANA }, found: 1 } });
  });
});

describe("a call of which nobody can tell the customer's side", () => {
  const line = "+18005559876";
  const customer = "+14155550100";
  const unknown = (from_number: string, to_number: string, more: Partial<SharedCall> = {}) =>
    documentedCall({ direction: "unknown", customer_number: "", from_number, to_number, ...more });

  test.each([
    ["incoming", unknown(customer, line)],
    ["outgoing", unknown(line, customer)],
  ])("is on the one of its two numbers that a Contact has (%s)", async (_, call) => {
    const org = await startOrg();
    const receipt = await receiptOf(sendOne(await org.open(), deliveryOf(call)));
    expect([personOf(receipt), receipt.found, receipt.extra?.side]).toEqual([{ who_id: DANA }, 1, "unknown"]);
    expect((await tasksOf(org))[0]?.Subject).toBe("AI call: with Dana Example (Sales line)");
    expect(count(org, SEARCH)).toBe(1);
  });

  test("where both have somebody they are several: a person before a company, else as on_many says", async () => {
    const ours = { kind: "Account" as const, Id: recordId("001", 8), Name: "Us", Phone: "800-555-9876", LastModifiedDate: "2026-01-01" };
    const colleague = { ...ours, kind: "Contact" as const, Id: recordId("003", 8), Name: "Colleague" };
    const company = await startOrg({ people: [...PEOPLE, ours] });
    expect((await receiptOf(sendOne(await company.open(), deliveryOf(unknown(customer, line))))).extra?.who_id).toBe(DANA);
    const both = await startOrg({ people: [...PEOPLE, colleague] });
    const destination = await both.open();
    const recent = await receiptOf(sendOne(destination, deliveryOf(unknown(customer, line))));
    expect([recent.extra?.who_id, recent.found]).toEqual([colleague.Id, 2]);
    const none = deliveryOf(unknown(customer, line, { call_id: "call_2" }), { with: { match: { on_many: "none" } } });
    expect(personOf(await receiptOf(sendOne(destination, none)))).toEqual({});
  });

  test("and nobody has either: found 0, no Contact is made, since nobody knows of which; a wait waits", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const strangers = unknown("+14155550198", line);
    const receipt = await receiptOf(sendOne(destination, deliveryOf(strangers, { with: { match: { on_none: "create_contact" } } })));
    expect([receipt.found, receipt.extra?.side, org.sandbox.people.some(({ Name }) => Name === "Unknown caller")]).toEqual([
      0,
      "unknown",
      false,
    ]);
    // biome-ignore lint/suspicious/noThenProperty: a word of routes.yaml; this object is never awaited.
    const wait = { match: { on_none: { wait: "1h", then: "create_contact" as const } } };
    expect(await sendOne(destination, deliveryOf({ ...strangers, call_id: "call_2" }, { with: wait }))).toMatchObject({
      because: "not-yet",
    });
    // A line under `never` leaves one number, which is then the customer's.
    const never = { match: { on_none: "create_contact" as const, never: [line] } };
    const made = await receiptOf(sendOne(destination, deliveryOf({ ...strangers, call_id: "call_3" }, { with: never })));
    expect(made.found).toBe(1);
  });

  test("both numbers withheld or no numbers: nobody is searched for", async () => {
    const org = await startOrg();
    const receipt = await receiptOf(sendOne(await org.open(), deliveryOf(unknown("anonymous", "sip:desk@example.com"))));
    expect([receipt.found, count(org, SEARCH)]).toEqual([undefined, 0]);
  });
});

describe("a number that nobody has", () => {
  const stranger = documentedCall({ from_number: "+14155550199", customer_number: "+14155550199", agent_owner: "sales@example.com" });
  const create = { match: { on_none: "create_contact" as const } };

  test("waits until somebody enters it, then is logged on them; and after the wait without a person", async () => {
    const org = await startOrg();
    const destination = await org.open();
    // biome-ignore lint/suspicious/noThenProperty: a word of routes.yaml; this object is never awaited.
    const match = { on_none: { wait: "1h", then: "log_unassociated" as const } };
    expect(await sendOne(destination, deliveryOf(stranger, { with: { match }, sinceAcceptedMs: 60_000 }))).toMatchObject({
      kind: "retry",
      because: "not-yet",
      code: "no_person_yet",
      retryAfterMs: 360_000,
    });
    expect(await tasksOf(org)).toEqual([]);
    const late = await receiptOf(sendOne(destination, deliveryOf(stranger, { with: { match }, sinceAcceptedMs: 3_600_000 })));
    expect([late.found, late.person]).toEqual([0, undefined]);
  });

  test("gets a Contact, once: also for later calls, and before the search index knows it", async () => {
    const org = await startOrg({ staleIndex: true });
    const destination = await org.open();
    const first = await receiptOf(sendOne(destination, deliveryOf(stranger, { with: create })));
    const again = { ...stranger, call_id: "call_2" };
    const second = await receiptOf(sendOne(destination, deliveryOf(again, { with: create })));
    const made = org.sandbox.people.filter(({ Name }) => Name === "Unknown caller");
    expect(made).toEqual([expect.objectContaining({ kind: "Contact", Phone: "+14155550199", OwnerId: recordId("005", 1) })]);
    expect([personOf(first), personOf(second)]).toEqual([
      { who_id: made[0]?.Id, owner_id: recordId("005", 1) },
      { who_id: made[0]?.Id, owner_id: recordId("005", 1) },
    ]);
    // What we called them is no name to address anybody by, and a receipt holds no number.
    expect(first.person?.name).toBeUndefined();
    expect(JSON.stringify([first, second])).not.toContain("4155550");
    expect((await tasksOf(org))[0]?.Subject).toBe("AI call: inbound from +14155550199 (Sales line)");
  });

  test("gets no Contact where the call would not be logged on it", async () => {
    const org = await startOrg();
    const receipt = await receiptOf(sendOne(await org.open(), deliveryOf(stranger, { with: { ...create, associate: ["company"] } })));
    expect([receipt.found, org.sandbox.people.some(({ Name }) => Name === "Unknown caller")]).toEqual([0, false]);
  });

  test("is logged without a person where a rule of the org refuses the Contact, and the receipt says which", async () => {
    const org = await startOrg({ contactRule: "DUPLICATES_DETECTED" });
    const receipt = await receiptOf(sendOne(await org.open(), deliveryOf(stranger, { with: create })));
    expect([receipt.found, receipt.extra?.contact_refused]).toEqual([0, "DUPLICATES_DETECTED"]);
    expect(JSON.stringify(receipt)).not.toMatch(/Dana|4155550/);
  });

  test.each([
    ["INACTIVE_OWNER_OR_USER", ["OwnerId"]],
    ["INVALID_CROSS_REFERENCE_KEY", ["OwnerId"]],
    ["INVALID_CROSS_REFERENCE_KEY", []],
    ["INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", ["OwnerId"]],
    ["OP_WITH_INVALID_USER_TYPE_EXCEPTION", []],
    ["TRANSFER_REQUIRES_READ", []],
    ["FIELD_INTEGRITY_EXCEPTION", ["OwnerId"]],
  ])("gets a Contact without its owner where Salesforce refuses that (%s), and the receipt says so", async (statusCode, fields) => {
    const org = await startOrg();
    const destination = await org.open();
    org.fault.now = async (request) => {
      if (request.method !== "POST" || !request.url.endsWith("/composite/sobjects")) return org.sandbox.fetch(request);
      const { records } = (await request.clone().json()) as { records: Record<string, string>[] };
      const errors = [{ statusCode, message: "operation performed with inactive user [005Pb0000000001] as owner of contact", fields }];
      return records[0]?.OwnerId ? Response.json([{ success: false, errors }]) : org.sandbox.fetch(request);
    };
    const receipt = await receiptOf(sendOne(destination, deliveryOf(stranger, { with: create })));
    const [made] = org.sandbox.people.filter(({ Name }) => Name === "Unknown caller");
    expect([receipt.found, receipt.extra?.who_id, receipt.extra?.left_out]).toEqual([1, made?.Id, `Contact.OwnerId (${statusCode})`]);
    expect(made).not.toHaveProperty("OwnerId");
  });

  test("an owner who left between the look-up and the Contact costs both records their owner only", async () => {
    const users = USERS.map((user) => ({ ...user }));
    const org = await startOrg({ users });
    const destination = await org.open();
    await receiptOf(sendOne(destination, deliveryOf({ ...stranger, call_id: "call_0", customer_number: "" })));
    for (const user of users) user.IsActive = false;
    const receipt = await receiptOf(sendOne(destination, deliveryOf(stranger, { with: create })));
    expect(receipt).toMatchObject({ found: 1, person: { kind: "contact" } });
    expect(receipt.extra?.left_out).toContain("Contact.OwnerId (INACTIVE_OWNER_OR_USER)");
  });

  test("gets a Contact past a duplicate rule that only warns, since nobody has the number", async () => {
    const org = await startOrg({ contactRule: "DUPLICATES_DETECTED", ruleOnlyWarns: true });
    const receipt = await receiptOf(sendOne(await org.open(), deliveryOf(stranger, { with: create })));
    expect([receipt.found, receipt.extra?.contact_refused]).toEqual([1, undefined]);
  });

  test("holds calls back where the integration user may not make Contacts, with the fix in words", async () => {
    const org = await startOrg({ contactRule: "INSUFFICIENT_ACCESS_OR_READONLY" });
    expect(await sendOne(await org.open(), deliveryOf(stranger, { with: create }))).toMatchObject({ kind: "needs-fix" });
    expect(await tasksOf(org)).toEqual([]);
  });
});

test("golden requests hold no field that the table of what is sent does not list", () => {
  const folder = join(import.meta.dirname, "..", "golden");
  const listed = new Set(salesforce.sends?.map(({ field }) => field));
  const sent = new Set<string>();
  for (const file of readdirSync(folder)) {
    for (const { body } of JSON.parse(readFileSync(join(folder, file), "utf8"))) {
      for (const record of body.records) for (const name of Object.keys(record)) if (name !== "attributes") sent.add(name);
    }
  }
  expect([...sent].filter((name) => !listed.has(name))).toEqual([]);
  expect(sent).toContain(FIELD);
});
