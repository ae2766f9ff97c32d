import { describe, expect, test } from "vitest";
import { ASSOCIATE, SEARCH, setUp, UPSERT } from "../../../test/support/hubspot.ts";
import { createSandbox, SANDBOX_TOKEN } from "../sandbox/index.ts";

const input = (id: string, properties: Record<string, string> = {}) => ({
  id,
  idProperty: "voice_call_id",
  properties: { hs_timestamp: "1736950980000", ...properties },
});
const search = (filters: { propertyName: string; operator: string; value: string }[], more: object = {}) => ({
  filterGroups: [{ filters }],
  ...more,
});

const phone = { propertyName: "phone", operator: "EQ", value: "1" };

describe("the sandbox refuses what HubSpot refuses", () => {
  test.each([
    [
      "a call without a time",
      { inputs: [{ id: "a", idProperty: "voice_call_id", properties: { hs_call_title: "x" } }] },
      "Some required properties were not set",
    ],
    ["an unknown property", { inputs: [input("a", { nonsense: "x" })] }, '"error":"PROPERTY_DOESNT_EXIST","name":"nonsense"'],
    ["an unknown status", { inputs: [input("a", { hs_call_status: "DONE" })] }, "INVALID_OPTION"],
    ["an unknown direction", { inputs: [input("a", { hs_call_direction: "inbound" })] }, "INVALID_OPTION"],
    ["an unknown outcome", { inputs: [input("a", { hs_call_disposition: "Connected" })] }, "INVALID_OPTION"],
    ["a duration that is no number", { inputs: [input("a", { hs_call_duration: "2 min" })] }, "INVALID_INTEGER"],
    ["a time in words", { inputs: [input("a", { hs_timestamp: "yesterday" })] }, "INVALID_DATE"],
    ["a recording without https", { inputs: [input("a", { hs_call_recording_url: "http://x.example/a.mp3" })] }, "INVALID_URL"],
    ["the same id twice", { inputs: [input("a"), input("b"), input("a")] }, "Duplicate IDs found in batch input: [a]"],
    [
      "an id that is not unique",
      { inputs: [{ ...input("a"), idProperty: "hs_call_title" }] },
      "Unable to perform update/upsert by non-unique 0-48 property hs_call_title",
    ],
    ["101 calls", { inputs: Array.from({ length: 101 }, (_, n) => input(String(n))) }, "maximum number of inputs"],
    ["a field that is none", { inputs: [{ ...input("a"), associations: [] }] }, "Invalid input JSON"],
  ])("%s, and the whole batch with it", async (_what, body, words) => {
    const { ask, sandbox } = await setUp();
    const good = body.inputs.length > 100 ? body : { inputs: [input("good"), ...body.inputs] };
    const answer = await ask("POST", UPSERT, good);
    expect(answer).toMatchObject({ status: "error", category: "VALIDATION_ERROR", correlationId: expect.any(String) });
    expect(answer.message).toContain(words);
    expect(await sandbox.records()).toEqual([]);
  });

  test.each([
    ["six groups", { filterGroups: Array.from({ length: 6 }, () => ({ filters: [] })) }],
    ["seven filters", search(Array.from({ length: 7 }, () => ({ propertyName: "phone", operator: "EQ", value: "1" })))],
    ["3,001 characters", search([{ propertyName: "phone", operator: "EQ", value: "1".repeat(3_001) }])],
    ["19 filters", { filterGroups: [6, 6, 6, 1].map((count) => ({ filters: Array.from({ length: count }, () => phone) })) }],
    [
      "101 values",
      { filterGroups: [{ filters: [{ propertyName: "phone", operator: "IN", values: Array.from({ length: 101 }, String) }] }] },
    ],
    ["two orders", search([phone], { sorts: ["phone", "email"].map((propertyName) => ({ propertyName, direction: "ASCENDING" })) })],
    ["a page beyond 10,000", search([phone], { after: "10000" })],
    ["more than 200 at once", search([], { limit: 201 })],
    ["a property that contacts do not have", search([{ propertyName: "telephone", operator: "EQ", value: "1" }])],
  ])("a search with %s", async (_what, body) => {
    const { ask } = await setUp();
    expect(await ask("POST", SEARCH, body)).toMatchObject({ category: "VALIDATION_ERROR" });
  });

  test("no token, another content type, JSON that is none, an unknown path", async () => {
    const { fetch } = createSandbox();
    const post = async (headers: Record<string, string>, body: string, path = UPSERT) =>
      (await fetch?.(new Request(`http://x${path}`, { method: "POST", headers, body })))?.status;
    const authorization = `Bearer ${SANDBOX_TOKEN}`;
    expect(await post({ "content-type": "application/json" }, "{}")).toBe(401);
    expect(await post({ authorization, "content-type": "text/plain" }, "{}")).toBe(415);
    expect(await post({ authorization, "content-type": "application/json" }, "{")).toBe(400);
    expect(await post({ authorization, "content-type": "application/json" }, "{}", "/crm/objects/2026-09/deals")).toBe(404);
  });

  test.each([
    ["POST", "/crm/v3/objects/calls/batch/upsert"],
    ["POST", "/crm/v3/objects/contacts/search"],
    ["POST", "/crm/v4/associations/calls/contacts/batch/associate/default"],
    ["GET", "/crm/v4/objects/contacts/201/associations/companies"],
    ["GET", "/crm/v3/properties/calls/voice_call_id"],
    ["GET", "/crm/v3/owners"],
    ["GET", "/account-info/v3/details"],
    ["GET", "/crm/objects/2026-03/calls/301"],
  ])("%s %s: only paths of one date are there", async (method, path) => {
    const { ask } = await setUp();
    expect(await ask(method, path, method === "POST" ? {} : undefined)).toMatchObject({ category: "OBJECT_NOT_FOUND" });
  });

  test("an association with a contact that is not there fails alone", async () => {
    const { ask, sandbox } = await setUp();
    await ask("POST", UPSERT, { inputs: [input("a"), input("b")] });
    const inputs = [
      { from: { id: "301" }, to: { id: "201" } },
      { from: { id: "302" }, to: { id: "999" } },
    ];
    expect(await ask("POST", ASSOCIATE, { inputs })).toMatchObject({ numErrors: 1, results: [{ from: { id: "301" } }] });
    expect((await sandbox.records()).map(({ body }) => body.contacts)).toEqual([["201"], []]);
  });
});

describe("the sandbox refuses what HubSpot refuses, beside calls", () => {
  const inputs = (count: number) => Array.from({ length: count }, (_, n) => ({ id: String(n) }));
  test.each([
    ["2,001 associations at once", ASSOCIATE, { inputs: inputs(2_001).map((from) => ({ from, to: { id: "201" } })) }, "is 2000"],
    ["associations of 101 contacts", "/crm/associations/2026-09/contacts/companies/batch/read", { inputs: inputs(101) }, "is 100"],
    ["101 deals", "/crm/objects/2026-09/deals/batch/read", { inputs: inputs(101), properties: [], propertiesWithHistory: [] }, "is 100"],
    ["a contact with an unknown property", "/crm/objects/2026-09/contacts", { properties: { telephone: "1" } }, "were not valid"],
    [
      "a contact whose number HubSpot reckons itself",
      "/crm/objects/2026-09/contacts",
      { properties: { hs_searchable_calculated_phone_number: "1" } },
      "were not valid",
    ],
  ])("%s", async (_what, path, body, words) => {
    const { ask } = await setUp();
    expect(await ask("POST", path, body)).toMatchObject({ category: "VALIDATION_ERROR", message: expect.stringContaining(words) });
  });

  test("a token without a scope gets nothing, and the answer names the scope", async () => {
    const { ask } = await setUp({ scopes: ["crm.objects.contacts.read"] });
    const missing = (scope: string) => ({ category: "MISSING_SCOPES", errors: [{ context: { requiredGranularScopes: [scope] } }] });
    expect(await ask("GET", "/crm/owners/2026-09")).toMatchObject(missing("crm.objects.owners.read"));
    expect(await ask("POST", "/crm/objects/2026-09/deals/batch/read", {})).toMatchObject(missing("crm.objects.deals.read"));
    expect(await ask("POST", "/crm/associations/2026-09/contacts/companies/batch/read", {})).toMatchObject(
      missing("crm.objects.companies.read"),
    );
    expect(await ask("POST", "/crm/objects/2026-09/contacts", {})).toMatchObject(missing("crm.objects.contacts.write"));
  });

  test("a call that is to be refused is refused alone, and the others of its batch are written", async () => {
    const { ask, sandbox } = await setUp();
    sandbox.refuse?.("bad");
    const traced = ["a", "bad", "b"].map((id) => ({ ...input(id), objectWriteTraceId: id }));
    expect(await ask("POST", UPSERT, { inputs: traced })).toMatchObject({
      status: "COMPLETE",
      numErrors: 1,
      errors: [{ category: "VALIDATION_ERROR", context: { objectWriteTraceId: ["bad"] } }],
    });
    expect((await sandbox.records()).map(({ key }) => key)).toEqual(["a", "b"]);
  });
});

describe("the sandbox behaves as HubSpot does", () => {
  test("a contact that was made just now is not found by a search", async () => {
    const { ask } = await setUp();
    await ask("POST", "/crm/objects/2026-09/contacts", { properties: { phone: "+14155550177" } });
    const filter = { propertyName: "phone", operator: "EQ", value: "+14155550177" };
    expect(await ask("POST", SEARCH, search([filter]))).toMatchObject({ total: 0 });
    expect(await ask("GET", "/crm/objects/2026-09/contacts/251?properties=phone")).toMatchObject({ properties: { phone: "+14155550177" } });
  });

  test("a contact without a company is an error of its own among the answers", async () => {
    const { ask } = await setUp();
    const inputs = [{ id: "201" }, { id: "202" }];
    expect(await ask("POST", "/crm/associations/2026-09/contacts/companies/batch/read", { inputs })).toMatchObject({
      results: [{ from: { id: "201" } }],
      numErrors: 1,
      errors: [{ subCategory: "crm.associations.NO_ASSOCIATIONS_FOUND" }],
    });
  });

  test("a phone search wants the number without its country", async () => {
    const { ask } = await setUp();
    const found = async (propertyName: string, operator: string, value: string) => {
      const { results } = (await ask("POST", SEARCH, search([{ propertyName, operator, value }]))) as { results: { id: string }[] };
      return results.map(({ id }) => id);
    };
    expect(await found("hs_searchable_calculated_phone_number", "EQ", "4155550100")).toEqual(["201", "206"]);
    expect(await found("hs_searchable_calculated_phone_number", "EQ", "+14155550100")).toEqual([]);
    expect(await found("phone", "EQ", "+14155550100")).toEqual([]);
    expect(await found("hs_searchable_calculated_phone_number", "CONTAINS_TOKEN", "*5550100")).toEqual(["201", "206"]);
  });

  test("an answer to a search has only the properties that were asked for", async () => {
    const { ask } = await setUp();
    const filter = { propertyName: "hs_searchable_calculated_phone_number", operator: "EQ", value: "4155550101" };
    const { results } = (await ask("POST", SEARCH, search([filter]))) as { results: { properties: object }[] };
    expect(Object.keys(results[0]?.properties ?? {})).not.toContain("phone");
  });

  test("an empty value clears a property", async () => {
    const { ask, sandbox } = await setUp();
    await ask("POST", UPSERT, { inputs: [input("a", { hs_call_title: "x" })] });
    expect(await ask("POST", UPSERT, { inputs: [input("a", { hs_call_title: "" })] })).toMatchObject({
      results: [{ id: "301", new: false }],
    });
    expect((await sandbox.records())[0]?.body.hs_call_title).toBeNull();
    expect(await ask("GET", "/crm/objects/2026-09/calls/a?idProperty=voice_call_id&properties=hs_call_title")).toMatchObject({ id: "301" });
  });

  test("190 requests in ten seconds, five searches in one, each with its own refusal", async () => {
    const { ask } = await setUp({ limits: true });
    for (let n = 0; n < 5; n += 1) expect(await ask("POST", SEARCH, search([]))).toHaveProperty("total");
    const sixth = await ask("POST", SEARCH, search([]));
    expect(sixth).toMatchObject({ errorType: "RATE_LIMIT", policyName: "SECONDLY", message: "You have reached your secondly limit." });
    expect((sixth.headers as Headers).has("x-hubspot-ratelimit-max")).toBe(false);
    const headersOf = async () => (await ask("GET", "/crm/properties/2026-09/calls/groups")).headers as Headers;
    expect((await headersOf()).get("x-hubspot-ratelimit-remaining")).toBe("189");
    for (let n = 1; n < 190; n += 1) await headersOf();
    expect(await ask("GET", "/crm/properties/2026-09/calls/groups")).toMatchObject({
      errorType: "RATE_LIMIT",
      policyName: "TEN_SECONDLY_ROLLING",
    });
  });

  test("a search gives its results in an order, page by page, with how many there are", async () => {
    const days = ["2025-01-02", "2025-01-04", "2025-01-01", "2025-01-03"];
    const contacts = days.map((day, n) => ({ id: String(n), firstname: "", lastname: "", phone: "1", updatedAt: `${day}T00:00:00.000Z` }));
    const { ask } = await setUp({ contacts });
    const sorts = [{ propertyName: "lastmodifieddate", direction: "DESCENDING" }];
    const page = async (after: object) => (await ask("POST", SEARCH, search([phone], { sorts, limit: 3, ...after }))) as unknown as Page;
    const first = await page({});
    expect([first.total, first.results.map(({ id }) => id), first.paging]).toEqual([
      4,
      ["1", "3", "0"],
      { next: { after: "3", link: "" } },
    ]);
    const second = await page({ after: "3" });
    expect([second.total, second.results.map(({ id }) => id), second.paging]).toEqual([4, ["2"], undefined]);
  });

  test("a list finds small letters only, and a word any part that stars leave open", async () => {
    const contacts = [
      { id: "1", firstname: "", lastname: "", own: { note: "Ask ABC/4155550100x7" }, updatedAt: "2025-01-01T00:00:00.000Z" },
    ];
    const { ask } = await setUp({ contacts });
    const total = async (filter: object) =>
      (await ask("POST", SEARCH, { filterGroups: [{ filters: [{ propertyName: "note", ...filter }] }] })).total;
    expect(await total({ operator: "IN", values: ["ask abc/4155550100x7"] })).toBe(1);
    expect(await total({ operator: "IN", values: ["Ask ABC/4155550100x7"] })).toBe(0);
    const words = ["abc", "*4155550100*", "415*", "*x7", "4155550100", "*5550100", "ask abc"];
    expect(await Promise.all(words.map((value) => total({ operator: "CONTAINS_TOKEN", value })))).toEqual([1, 1, 1, 1, 0, 0, 0]);
  });

  test("a contact that was merged into another one is that one, by its old id too; one that was deleted is nobody", async () => {
    const { ask } = await setUp({ indexLagMs: 0 });
    const read = "/crm/objects/2026-09/contacts/batch/read";
    const inputs = { inputs: [{ id: "201" }], properties: ["firstname"], propertiesWithHistory: [] };
    await ask("POST", "/crm/objects/2026-09/contacts/merge", { primaryObjectId: "202", objectIdToMerge: "201" });
    expect(await ask("POST", read, inputs)).toMatchObject({ results: [{ id: "202", properties: { firstname: "Robin" } }] });
    await ask("DELETE", "/crm/objects/2026-09/contacts/202");
    expect(await ask("POST", read, inputs)).toMatchObject({ results: [], numErrors: 1, errors: [{ category: "OBJECT_NOT_FOUND" }] });
  });

  test("an account's rule is enforced on what is written, and names the property", async () => {
    const { ask } = await setUp({ requiredOfCalls: [{ property: "hs_call_disposition" }], requiredOfContacts: [{ property: "email" }] });
    const lacking = (name: string) => ({ errors: [{ code: "MISSING_REQUIRED_PROPERTY", context: { propertyName: [name] } }] });
    expect(await ask("POST", UPSERT, { inputs: [input("a")] })).toMatchObject(lacking("hs_call_disposition"));
    expect(await ask("POST", "/crm/objects/2026-09/contacts", { properties: { phone: "1" } })).toMatchObject(lacking("email"));
  });
});

describe("the sandbox of an account that refuses unique values on calls", () => {
  const CREATE = "/crm/objects/2026-09/calls/batch/create";
  const PROPERTIES = "/crm/properties/2026-09/calls";
  const definition = { name: "voice_call_id", label: "Voice call ID", groupName: "call_information", type: "string", fieldType: "text" };

  test("makes a plain property, and upserts by none", async () => {
    const { ask } = await setUp({ account: "plain", isSetUp: false });
    expect(await ask("POST", PROPERTIES, { ...definition, hasUniqueValue: true })).toMatchObject({ category: "VALIDATION_ERROR" });
    expect(await ask("POST", PROPERTIES, { ...definition, hasUniqueValue: false })).toMatchObject({ hasUniqueValue: false });
    expect(await ask("POST", UPSERT, { inputs: [input("a")] })).toMatchObject({ message: expect.stringContaining("non-unique") });
  });

  test("makes a call as often as it is asked to, and shows it to a search a while later", async () => {
    const { ask, sandbox } = await setUp({ account: "plain" });
    const inputs = [{ properties: { voice_call_id: "a", hs_timestamp: "1736950980000" } }];
    for (let n = 0; n < 2; n += 1) expect(await ask("POST", CREATE, { inputs })).toMatchObject({ status: "COMPLETE" });
    expect(await sandbox.records()).toHaveLength(2);
    const find = () =>
      ask("POST", "/crm/objects/2026-09/calls/search", search([{ propertyName: "voice_call_id", operator: "EQ", value: "a" }]));
    expect(await find()).toMatchObject({ total: 0 });
    expect(await find()).toMatchObject({ total: 2 });
  });
});

interface Page {
  total: number;
  results: { id: string }[];
  paging?: object;
}
