import { expect, test } from "vitest";
import { deliveryOf, documentedCall, opening, receiptOf, sendOne, startOrg } from "../../../test/support/salesforce.ts";
import { salesforce } from "../index.ts";
import type { SalesforceSandboxOptions } from "../sandbox/index.ts";

async function orgToSetUp(options: SalesforceSandboxOptions) {
  const org = await startOrg(options);
  const settings = salesforce.settings.parse({ ...org.sandbox.settings({ url: org.url, folder: "" }) });
  const setUp = async () => (await salesforce.setup?.({ settings, timezone: "UTC", timeoutMs: 5_000 })) ?? [];
  return { org, setUp };
}

test("setup makes the field that keeps a call's key, lets the integration user see it, and says so; again it finds it there", async () => {
  const { org, setUp } = await orgToSetUp({ externalIdField: null });
  expect(await setUp()).toEqual([
    { what: "the field Voice_Call_Id__c of Activity (Text, 255, External ID)", done: "made" },
    { what: "the permission set Patchbay with Read and Edit access to it", done: "made" },
    { what: "its assignment to the integration user", done: "made" },
  ]);
  await receiptOf(sendOne(await org.open(), deliveryOf(documentedCall())));
  expect(await setUp()).toEqual([{ what: "the field Voice_Call_Id__c of Activity (Text, 255, External ID)", done: "was there" }]);
});

test("setup continues where it was interrupted", async () => {
  const { org, setUp } = await orgToSetUp({ externalIdField: null });
  org.fault.now = (request) => (request.url.endsWith("/sobjects/FieldPermissions") ? new Response("", { status: 503 }) : undefined);
  expect(await opening(setUp())).toMatchObject({ kind: "retry", because: "down" });
  org.fault.now = () => undefined;
  expect((await setUp()).map(({ done }) => done)).toEqual(["was there", "made", "made"]);
  await org.open();
});

test("where the integration user may not, setup says what an administrator does", async () => {
  const { setUp } = await orgToSetUp({ externalIdField: null, mayCustomize: false });
  expect(await opening(setUp())).toEqual({
    kind: "needs-fix",
    code: "INVALID_TYPE",
    reason: "the integration user may not make the field Voice_Call_Id__c (INVALID_TYPE)",
    fix: expect.stringMatching(
      /An administrator makes it: Setup → Object Manager → Activity .*New → Text, length 255, External ID; .*field-level security/,
    ),
  });
});

test("setup finds fault with a field that is there and hidden ones, as the start does", async () => {
  const { setUp } = await orgToSetUp({ hidden: ["Type"] });
  expect(await opening(setUp())).toMatchObject({ code: "hidden_fields" });
});
