import { describe, expect, test } from "vitest";
import { deliveryOf, documentedCall, receiptOf, send, sendOne, startOrg, tasksOf } from "../../../test/support/salesforce.ts";
import { outcomeOfSalesforceError } from "../errors.ts";
import { SalesforceError } from "../vendor-error.ts";

const refusedItem = (statusCode: string) => ({ success: false, errors: [{ statusCode, message: "no", fields: [] }] });
const kinds = (outcomes: { kind: string }[]) => outcomes.map(({ kind }) => kind);

describe("a refusal is whose trouble it is", () => {
  test("a Task that may not be edited ends that call, and the others are delivered", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const [closed, open] = ["call_1", "call_2"].map((call_id) => documentedCall({ call_id }));
    if (!closed || !open) throw new Error("two calls");
    const previous = await receiptOf(sendOne(destination, deliveryOf(closed)));
    org.sandbox.freeze("voiceinfra/call_1");
    const outcomes = await send(destination, deliveryOf({ ...closed, duration_seconds: 150 }, { previous }), deliveryOf(open));
    expect(kinds(outcomes)).toEqual(["rejected", "delivered"]);
    expect(outcomes[0]).toMatchObject({
      code: "INSUFFICIENT_ACCESS_OR_READONLY",
      reason: expect.stringContaining("this Task may not be edited"),
    });
    expect((await tasksOf(org))[0]).toMatchObject({ CallDurationInSeconds: 147 });
  });

  test("a user who may not make Tasks at all is everybody's trouble", async () => {
    const org = await startOrg();
    org.sandbox.freeze("voiceinfra/call_1");
    expect(await sendOne(await org.open(), deliveryOf(documentedCall({ call_id: "call_1" })))).toMatchObject({
      kind: "needs-fix",
      fix: expect.stringContaining("Edit Tasks"),
    });
    const request = new SalesforceError({ status: 403, errors: [{ code: "INSUFFICIENT_ACCESS" }] });
    expect(outcomeOfSalesforceError(request, { isUpdate: true })).toMatchObject({ kind: "needs-fix" });
  });

  test("an org that is full holds every call back until there is room, and says how to make some", async () => {
    const org = await startOrg();
    const destination = await org.open();
    org.fault.now = (request) => (request.method === "PATCH" ? Response.json([refusedItem("STORAGE_LIMIT_EXCEEDED")]) : undefined);
    expect(await sendOne(destination, deliveryOf(documentedCall()))).toEqual({
      kind: "needs-fix",
      code: "STORAGE_LIMIT_EXCEEDED",
      reason: "the org's data storage is full",
      fix: expect.stringContaining("Storage Usage"),
    });
  });

  test.each([
    ["an item that says neither done nor why", { success: false, errors: [{ message: "Dana Example" }] }],
    ["an item that is done and has no id", { success: true, errors: [] }],
  ])("%s may have been written: it is no dead letter", async (_, item) => {
    const org = await startOrg();
    const destination = await org.open();
    org.fault.now = (request) => (request.method === "PATCH" ? Response.json([item]) : undefined);
    expect(await sendOne(destination, deliveryOf(documentedCall()))).toMatchObject({ kind: "ambiguous", code: "NO_CODE" });
  });
});
