import { describe, expect, test } from "vitest";
import { ASSOCIATE, SEARCH, setUp, UPSERT } from "../../test/support/hubspot.ts";
import { createSandbox, SANDBOX_TOKEN } from "./sandbox.ts";

const input = (id: string, properties: Record<string, string> = {}) => ({
  id,
  idProperty: "voice_call_id",
  properties: { hs_timestamp: "1736950980000", ...properties },
});
const search = (filters: { propertyName: string; operator: string; value: string }[], more: object = {}) => ({
  filterGroups: [{ filters }],
  ...more,
});

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

  test("whoever lacks a scope gets nothing, and reads which", async () => {
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
});
