import { describe, expect, test } from "vitest";
import {
  count,
  DANA,
  DESCRIBE,
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
  TOKEN,
  tasksOf,
  UPSERT,
} from "../../../test/support/salesforce.ts";
import { recordId } from "../sandbox/people.ts";

describe("the Task of a call", () => {
  test("the documented call becomes this Task, on the Contact who has the number", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const receipt = await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
    const [record, ...others] = await org.sandbox.records();
    expect(others).toEqual([]);
    expect(record?.key).toBe("voiceinfra/call_01HXYZ123456");
    expect(record?.line).toBe(`Task ${receipt.id} · "AI call: inbound from Dana Example (Sales line)" · Contact Dana Example · Answered`);
    expect(record?.body).toEqual({
      Id: receipt.id,
      [FIELD]: "voiceinfra/call_01HXYZ123456",
      Subject: "AI call: inbound from Dana Example (Sales line)",
      Status: "Completed",
      Priority: "Normal",
      Type: "Call",
      TaskSubtype: "Call",
      ActivityDate: "2025-01-15",
      CallType: "Inbound",
      CallDurationInSeconds: 147,
      CallDisposition: "Answered",
      CallObject: "call_01HXYZ123456",
      WhoId: DANA,
      Description: [
        "Customer called to inquire about January 15 appointment. Confirmed appointment at 2pm. No changes requested.",
        "",
        "Time: 2025-01-15 15:23:00 to 15:25:27 (Europe/Berlin)",
        "Duration: 2 min 27 s",
        "From: +14155550100",
        "To: +18005551234",
        "Agent: Sales line",
        "Outcome: answered",
        "Recording: https://recordings.voiceinfra.ai/call_01HXYZ123456.mp3",
        "Call id: call_01HXYZ123456",
      ].join("\n"),
    });
    expect(receipt).toEqual({
      id: record?.id,
      url: `${org.url}/lightning/r/Task/${receipt.id}/view`,
      person: {
        id: DANA,
        kind: "contact",
        name: "Dana Example",
        owner: "sales@example.com",
        url: `${org.url}/lightning/r/Contact/${DANA}/view`,
      },
      found: 1,
      extra: { who_id: DANA, notes: "summary recording" },
    });
    expect(org.sandbox.requests).toEqual([TOKEN, DESCRIBE, SEARCH, QUERY, UPSERT]);
  });

  test("a route's own title, body, status and fields are used, and empty ones blank nothing", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const own = { title: "Call\nabout seats", body: "Own words", status: "Done", fields: { Campaign__c: "spring", Priority: "" } };
    await receiptOf(sendOne(destination, deliveryOf(documentedCall(), { with: own })));
    const [task] = await tasksOf(org);
    expect(task).toMatchObject({
      Subject: "Call about seats",
      Description: "Own words",
      Status: "Done",
      Campaign__c: "spring",
      Priority: "Normal",
    });
    await receiptOf(sendOne(destination, deliveryOf(documentedCall(), { with: { title: " ", body: "", fields: { Campaign__c: "" } } })));
    expect((await tasksOf(org))[0]).toMatchObject({ Subject: "AI call: inbound from Dana Example (Sales line)", Campaign__c: "spring" });
  });

  test("what the route withholds is not in the Task", async () => {
    const org = await startOrg();
    const { from_number: _, to_number: __, customer_number: ___, summary: ____, recording_url: _____, ...withheld } = documentedCall();
    const receipt = await receiptOf(sendOne(await org.open(), deliveryOf(withheld)));
    const [task] = await tasksOf(org);
    expect(receipt.extra).toBeUndefined();
    expect(task?.Subject).toBe("AI call: inbound (Sales line)");
    expect(JSON.stringify(task)).not.toMatch(/5550100|8005551234|recordings|appointment/);
    expect(count(org, SEARCH)).toBe(0);
  });

  test("a long description is cut with a visible mark: the transcript first, and the facts stay", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const transcript = "Agent: 😀 yes\n".repeat(4_000);
    await receiptOf(sendOne(destination, deliveryOf(documentedCall({ transcript }))));
    await receiptOf(sendOne(destination, deliveryOf(documentedCall({ call_id: "call_2", summary: "s".repeat(50_000), transcript }))));
    const [first, second] = (await tasksOf(org)).map(({ Description }) => String(Description));
    expect(first?.length).toBeLessThanOrEqual(32_000);
    expect(first?.length).toBeGreaterThan(31_900);
    expect(first).toMatch(/Call id: call_01HXYZ123456\n\nTranscript\nAgent: 😀 yes\n[\s\S]*\n\[… cut here: Salesforce takes no more\]$/);
    expect(second?.length).toBeLessThanOrEqual(32_000);
    expect(second).toMatch(/^s+\n\[… cut here: Salesforce takes no more\]\n\nTime: /);
    expect(second).toMatch(/Call id: call_2$/);
  });

  test.each([
    ["2025-01-15T23:30:00Z", "2025-01-16", "2025-01-16 00:30:00"],
    ["2025-01-15T23:30:00", "2025-01-16", "2025-01-16 00:30:00"],
    ["2025-01-15 23:30:00", "2025-01-16", "2025-01-16 00:30:00"],
    ["2025-07-15T23:30:00+09:00", "2025-07-15", "2025-07-15 16:30:00"],
  ])("a call that began at %s is on %s in Berlin: without a zone it is UTC", async (start_time, day, time) => {
    const org = await startOrg();
    await receiptOf(sendOne(await org.open(), deliveryOf(documentedCall({ start_time }))));
    const [task] = await tasksOf(org);
    expect(task?.ActivityDate).toBe(day);
    expect(task?.Description).toContain(`Time: ${time} to `);
  });

  test("a start_time that cannot be read rejects that call alone, and names the field only", async () => {
    const org = await startOrg();
    const outcomes = await send(
      await org.open(),
      deliveryOf(documentedCall({ start_time: "yesterday" })),
      deliveryOf(documentedCall({ call_id: "call_2", end_time: "later" })),
    );
    expect(outcomes[0]).toEqual({ kind: "rejected", code: "unreadable_value", reason: "start_time is not a time" });
    expect(outcomes[1]?.kind).toBe("delivered");
  });

  test("an outcome, a direction and texts that nobody foresaw do no harm", async () => {
    const org = await startOrg();
    const strange = documentedCall({
      call_id: `call_${"x".repeat(400)}`,
      call_outcome: "transferred",
      direction: "unknown",
      customer_number: "",
      agent_name: "A".repeat(400),
      duration_seconds: 999_999_999.4,
      summary: "nul \u0000 bell \u0007 half \ud83d end\r\nnext",
    });
    await receiptOf(sendOne(await org.open(), deliveryOf(strange)));
    const [record] = await org.sandbox.records();
    expect(record?.key).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(record?.body).toMatchObject({ CallDisposition: "transferred", CallDurationInSeconds: 99_999_999 });
    expect(record?.body).not.toHaveProperty("CallType");
    expect(String(record?.body.Subject)).toHaveLength(255);
    expect(String(record?.body.CallObject)).toHaveLength(255);
    expect(record?.body.Description).toMatch(/^nul {2}bell {2}half � end\nnext\n\nTime:/);
  });
});

describe("once at Salesforce", () => {
  test("the same delivery twice is one Task, updated", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const first = await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
    const second = await receiptOf(sendOne(destination, deliveryOf(documentedCall({ duration_seconds: 150 }), { previous: first })));
    expect(second).toEqual(first);
    expect(await tasksOf(org)).toHaveLength(1);
    expect((await tasksOf(org))[0]).toMatchObject({ CallDurationInSeconds: 150, TaskSubtype: "Call" });
  });

  test("after an attempt whose answer was lost, the Task that it left is updated", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const first = await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
    const second = await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
    expect(second.id).toBe(first.id);
    expect(await tasksOf(org)).toHaveLength(1);
    // The sandbox refuses TaskSubtype on an update, and is asked again without it.
    expect(count(org, UPSERT)).toBe(3);
  });

  test("a late summary is added, and a record without it blanks nothing", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const { summary: _, recording_url: __, ...early } = documentedCall();
    const previous = await receiptOf(sendOne(destination, deliveryOf(early, { with: { fields: { Campaign__c: "spring" } } })));
    expect((await tasksOf(org))[0]?.Description).toMatch(/^Time: /);
    await receiptOf(sendOne(destination, deliveryOf(documentedCall(), { previous, with: { fields: { Campaign__c: "" } } })));
    const [task, ...others] = await tasksOf(org);
    expect(others).toEqual([]);
    expect(task?.Description).toMatch(/^Customer called[\s\S]*Recording: /);
    expect(task).toMatchObject({ Campaign__c: "spring", WhoId: DANA });
  });

  test("a later record without the summary leaves it where it is", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const previous = await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
    const { summary: _, ...later } = documentedCall({ duration_seconds: 150 });
    const receipt = await receiptOf(sendOne(destination, deliveryOf(later, { previous })));
    const [task] = await tasksOf(org);
    expect(task?.CallDurationInSeconds).toBe(150);
    expect(task?.Description).toMatch(/^Customer called to inquire/);
    expect(receipt.extra?.notes).toBe("summary recording");
  });

  test("a later record that has the summary and no longer the recording keeps both", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const { summary: _, ...early } = documentedCall();
    const { recording_url: __, ...late } = documentedCall();
    const previous = await receiptOf(sendOne(destination, deliveryOf(early)));
    const receipt = await receiptOf(sendOne(destination, deliveryOf(late, { previous })));
    const [task] = await tasksOf(org);
    expect(task?.Description).toMatch(/^Customer called[\s\S]*\n\nEarlier\nTime: [\s\S]*\nRecording: https/);
    expect(receipt.extra?.notes).toBe("recording summary");
    org.fault.now = (request) => (request.url.includes("?ids=") ? new Response("", { status: 502 }) : undefined);
    const again = { ...previous, extra: { notes: "recording" } };
    expect(await sendOne(destination, deliveryOf(late, { previous: again }))).toMatchObject({ kind: "retry", code: "HTTP_502" });
  });

  test("a person that somebody corrected in Salesforce stays", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const previous = await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
    const [task] = await tasksOf(org);
    Object.assign(task ?? {}, { WhoId: recordId("003", 2) });
    const receipt = await receiptOf(sendOne(destination, deliveryOf(documentedCall({ duration_seconds: 150 }), { previous })));
    expect((await tasksOf(org))[0]).toMatchObject({ WhoId: recordId("003", 2), CallDurationInSeconds: 150 });
    expect(personOf(receipt)).toEqual({ who_id: DANA });
  });

  test("200 calls are one request, each with its own Task", async () => {
    const org = await startOrg();
    const deliveries = Array.from({ length: 200 }, (_, index) => deliveryOf(documentedCall({ call_id: `call_${index}` })));
    const outcomes = await send(await org.open(), ...deliveries);
    expect(outcomes.filter(({ kind }) => kind === "delivered")).toHaveLength(200);
    expect((await org.sandbox.records()).map(({ key }) => key)).toEqual(deliveries.map(({ key }) => key));
    expect([count(org, SEARCH), count(org, UPSERT)]).toEqual([1, 1]);
  });
});
