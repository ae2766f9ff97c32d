import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Receipt } from "../../../src/connector/index.ts";
import { type Exchange, faultsOf, OPERATIONS, operationOf } from "../../../test/specs/hubspot.ts";
import { documentedCall } from "../../../test/support/documented-call.ts";
import { deliveryOf, KEY, type SeenRequest, send, setUp, type Words, without } from "../../../test/support/hubspot.ts";
import { sentFields } from "../mapping.ts";
import { API_VERSION } from "../requests.ts";

/** Everything that the connector ever asks of one account: setting up, logging, a new contact, a late summary, a rematch, reading back, erasing. */
async function everyRequest(account: "unique" | "plain" = "unique"): Promise<{ seen: SeenRequest[]; exchanges: Exchange[] }> {
  const { prepare, open, seen, exchanges, ask, sandbox } = await setUp({ isSetUp: false, account });
  await prepare();
  const destination = await open();
  const signal = AbortSignal.timeout(10_000);
  const words: Words = {
    associate: ["contact", "company", "open_deal"],
    outcome: { answered: "connected" },
    match: { on_none: "create_contact", phone_fields: ["phone", "mobilephone", "phone"] },
  };
  const first = without(documentedCall({ transcript: "Agent: hello", agent_owner: "sales@example.com" }), "summary");
  const stranger = documentedCall({ call_id: "stranger", customer_number: "+14155550177", agent_owner: "sales@example.com" });
  const [sent, made] = await send(destination, deliveryOf(first, { with: words }), deliveryOf(stranger, { with: words }));
  expect([sent?.kind, made?.kind]).toEqual(["delivered", "delivered"]);
  const { receipt } = sent as { receipt: Receipt };
  expect(await send(destination, deliveryOf(documentedCall(), { with: words, previous: receipt }))).toMatchObject([{ kind: "delivered" }]);
  // Somebody deletes the contact meanwhile: the contact's next call shows it.
  await ask("DELETE", `/crm/objects/${API_VERSION}/contacts/201`);
  await send(destination, deliveryOf(documentedCall({ call_id: "late" }), { with: words }));
  const moved = await destination.rematch?.({ key: KEY, receipt, to: "202" }, { signal });
  await destination.read?.({ key: KEY, receipt: moved ?? receipt }, { signal });
  await destination.erase?.({ key: KEY, receipt: moved ?? receipt }, { signal });
  expect((await sandbox.records()).length).toBe(2);
  return { seen, exchanges };
}

const FOLDER = join(import.meta.dirname, "..");

describe("what HubSpot is asked, and what its stand-in answers", () => {
  test("is what its documentation has: paths of one version, fields, limits", async () => {
    const exchanges = [...(await everyRequest("unique")).exchanges, ...(await everyRequest("plain")).exchanges];
    expect(exchanges.flatMap(faultsOf)).toEqual([]);
    const { prepare, failNext, exchanges: more } = await setUp({ isSetUp: false });
    failNext(`/crm/properties/${API_VERSION}/calls/groups`, () => Response.json({ results: [] }));
    failNext(`/crm/properties/${API_VERSION}/calls`, () => Response.json({ category: "VALIDATION_ERROR" }, { status: 400 }));
    await prepare().catch(() => undefined);
    const used = new Set([...exchanges, ...more].map(operationOf));
    expect(OPERATIONS.filter((one) => !used.has(one)).map(({ does }) => does)).toEqual([]);
  });

  test("is of one version, which stands in one place", () => {
    const files = globSync("**/*.ts", { cwd: FOLDER }).filter((name) => !name.startsWith("tests/"));
    const naming = files.filter((file) =>
      /\/(crm|account-info)\/|20\d\d-0[39]\b/.test(withoutComments(readFileSync(join(FOLDER, file), "utf8"))),
    );
    expect(naming.sort()).toEqual(["requests.ts", "sandbox/routes.ts"]);
    expect(API_VERSION).toBe("2026-09");
  });

  const asked = (method: string, path: string, body?: unknown): Exchange => ({
    method,
    url: `http://x${path}`,
    headers: new Headers({ authorization: "Bearer x" }),
    body,
  });
  const call = { objectWriteTraceId: "a", properties: { hs_timestamp: "1" }, associations: [] };
  const filter = { propertyName: "phone", operator: "EQ", value: "1" };
  const search = (more: object) => ({ filterGroups: [{ filters: [filter] }], properties: [], limit: 1, ...more });
  const CREATE = "/crm/objects/2026-09/calls/batch/create";
  const SEARCH = "/crm/objects/2026-09/contacts/search";
  test.each([
    ["a path of an older version", asked("POST", "/crm/v3/objects/calls/batch/create", { inputs: [call] }), /is no operation/],
    ["a path of another date", asked("POST", CREATE.replace("2026-09", "2026-03"), { inputs: [call] }), /is no operation/],
    ["an unknown field", asked("POST", CREATE, { inputs: [{ ...call, owner: "1" }] }), /inputs\.0 Unrecognized key/],
    ["a missing field", asked("POST", CREATE, { inputs: [{ associations: [] }] }), /inputs\.0\.properties/],
    ["a number for a text", asked("POST", CREATE, { inputs: [{ ...call, properties: { hs_call_duration: 1 } }] }), /hs_call_duration/],
    ["an empty value", asked("POST", CREATE, { inputs: [{ ...call, properties: { hs_call_title: "" } }] }), /clears the property/],
    [
      "101 records",
      asked("POST", CREATE, { inputs: Array.from({ length: 101 }, (_, n) => ({ ...call, objectWriteTraceId: `${n}` })) }),
      /<=100/,
    ],
    [
      "an unknown operator",
      asked("POST", SEARCH, search({ filterGroups: [{ filters: [{ ...filter, operator: "LIKE" }] }] })),
      /filters\.0/,
    ],
    ["six groups", asked("POST", SEARCH, search({ filterGroups: Array.from({ length: 6 }, () => ({ filters: [filter] })) })), /<=5/],
    ["201 on a page", asked("POST", SEARCH, search({ limit: 201 })), /<=200/],
    ["a page beyond 10,000", asked("POST", SEARCH, search({ after: "10000" })), /beyond 10,000/],
    [
      "capitals in a list",
      asked("POST", SEARCH, search({ filterGroups: [{ filters: [{ propertyName: "x", operator: "IN", values: ["A"] }] }] })),
      /filters\.0/,
    ],
    [
      "an answer of another shape",
      { ...asked("POST", SEARCH, search({})), answer: { status: 200, body: { results: [] } } },
      /answer: total/,
    ],
    [
      "an answer of another status",
      { ...asked("POST", CREATE, { inputs: [call] }), answer: { status: 200, body: {} } },
      /answered with 200/,
    ],
  ])("the contract itself finds %s", (_what, exchange, fault) => {
    expect(faultsOf(exchange).join("\n")).toMatch(fault);
  });
});

describe("the table of what is sent", () => {
  const listed = sentFields.map(({ field }) => field);
  const propertiesIn = (requests: { path: string; body?: unknown }[], path: string) =>
    requests
      .filter((request) => request.path === path)
      .flatMap(({ body }) => (body as { inputs: { properties: Record<string, string> }[] }).inputs)
      .flatMap(({ properties }) => Object.keys(properties));
  const UPSERT = "/crm/objects/2026-09/calls/batch/upsert";

  test("has every field of the golden requests", () => {
    const files = globSync("golden/*.json", { cwd: FOLDER });
    expect(files.length).toBeGreaterThan(10);
    const sent = files.flatMap((file) => propertiesIn(JSON.parse(readFileSync(join(FOLDER, file), "utf8")), UPSERT));
    expect([...new Set(sent)].filter((name) => !listed.includes(name))).toEqual([]);
  });

  test("has nothing that is never sent", async () => {
    const { seen } = await everyRequest();
    const properties = propertiesIn(seen, UPSERT);
    const made = seen.flatMap(({ method, path, body }) =>
      method === "POST" && path === "/crm/objects/2026-09/contacts" ? Object.keys((body as { properties: object }).properties) : [],
    );
    const put = seen.flatMap(({ path }) => /^\/crm\/associations\/2026-09\/calls\/(\w+)\/batch\/associate/.exec(path)?.[1] ?? []);
    const sent = new Set([
      ...properties,
      "fields",
      ...made.map((name) => `contact: ${name}`),
      ...put.map((kind) => `association: ${{ contacts: "contact", companies: "company", deals: "deal" }[kind]}`),
    ]);
    expect(listed.filter((field) => !sent.has(field))).toEqual([]);
  });
});

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}
