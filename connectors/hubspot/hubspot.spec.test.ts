import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Receipt } from "../../src/connector.ts";
import { documentedCall } from "../../test/support/documented-call.ts";
import { deliveryOf, KEY, type SeenRequest, send, setUp, type Words, without } from "../../test/support/hubspot.ts";
import { hubspotSends } from "./sends.ts";

interface Field {
  name: string;
  type: string;
  required: boolean;
}
interface Group {
  endpoints: { method: string; path: string }[];
  models: Record<string, Field[]>;
  enums?: Record<string, string[]>;
}

/** Shapes of HubSpot's requests, derived from its own client: see `$comment` in the file, and the licence beside it. */
const SPEC: { groups: Record<string, Group> } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../test/specs/hubspot-contract.from-api-client-14.0.1.json"), "utf8"),
);

/** What each request's body is; the file has models and paths, and not which belongs to which. */
const BODIES: [RegExp, string][] = [
  [/^POST \/crm\/v3\/objects\/calls\/batch\/upsert$/, "BatchInputSimplePublicObjectBatchInputUpsert"],
  [/^POST \/crm\/v3\/objects\/calls\/batch\/read$/, "BatchReadInputSimplePublicObjectId"],
  [/^PATCH \/crm\/v3\/objects\/calls\/\d+$/, "SimplePublicObjectInput"],
  [/^POST \/crm\/v3\/objects\/contacts\/search$/, "PublicObjectSearchRequest"],
  [/^POST \/crm\/v3\/objects\/contacts$/, "SimplePublicObjectInputForCreate"],
  [/^POST \/crm\/v3\/properties\/calls$/, "PropertyCreate"],
  [/^POST .*\/batch\/associate\/default$/, "BatchInputPublicDefaultAssociationMultiPost"],
  [/^POST \/crm\/v4\/associations\/contacts\/\w+\/batch\/read$/, "BatchInputPublicFetchAssociationsBatchRequest"],
];

/** APIs that the file does not describe. */
const NOT_DESCRIBED = [
  "GET /account-info/v3/details",
  "GET /crm/v3/owners/",
  "GET /crm/v3/owners/701",
  "POST /crm/v3/objects/deals/batch/read",
];

/** Everything that the connector ever asks: setting up, logging, a new contact, a late summary, a rematch, reading back, erasing. */
async function everyRequest(): Promise<SeenRequest[]> {
  const { prepare, open, seen } = await setUp({ isSetUp: false });
  await prepare();
  const destination = await open();
  const signal = AbortSignal.timeout(10_000);
  const words: Words = {
    associate: ["contact", "company", "open_deal"],
    outcome: { answered: "connected" },
    match: { on_none: "create_contact", phone_fields: ["phone", "mobilephone", "phone"] },
  };
  const first = without(documentedCall({ transcript: "Agent: hello", agent_owner: "sales@example.com" }), "summary");
  const stranger = documentedCall({ call_id: "stranger", customer_number: "+14155550177" });
  const [sent, made] = await send(destination, deliveryOf(first, { with: words }), deliveryOf(stranger, { with: words }));
  expect([sent?.kind, made?.kind]).toEqual(["delivered", "delivered"]);
  const { receipt } = sent as { receipt: Receipt };
  expect(await send(destination, deliveryOf(documentedCall(), { with: words, previous: receipt }))).toMatchObject([{ kind: "delivered" }]);
  const moved = await destination.rematch?.({ key: KEY, receipt, to: "202" }, { signal });
  await destination.read?.({ key: KEY, receipt: moved ?? receipt }, { signal });
  await destination.erase?.({ key: KEY, receipt: moved ?? receipt }, { signal });
  return seen;
}

describe("what HubSpot is asked", () => {
  test("is in the shapes of its own client: paths, fields, types, enumerations", async () => {
    const seen = await everyRequest();
    const faults = seen.flatMap(({ method, path, body }) => {
      const request = `${method} ${path}`;
      const group = Object.values(SPEC.groups).find(({ endpoints }) =>
        endpoints.some((one) => one.method === method && fits(one.path, path)),
      );
      if (!group) return NOT_DESCRIBED.includes(request) ? [] : [`${request} is no endpoint`];
      const model = BODIES.find(([pattern]) => pattern.test(request))?.[1];
      if (model === undefined) return body === undefined ? [] : [`${request} has a body of an unknown kind`];
      return faultsIn({ value: body, type: model, at: request, group });
    });
    expect(faults).toEqual([]);
    const asked = new Set(seen.map(({ method, path }) => `${method} ${path}`));
    expect(NOT_DESCRIBED.filter((request) => !asked.has(request))).toEqual([]);
    expect(BODIES.filter(([pattern]) => ![...asked].some((request) => pattern.test(request)))).toEqual([]);
  });

  test("the check itself finds an unknown field, a missing one, a wrong type and a wrong word", () => {
    const group = SPEC.groups.contacts as Group;
    const check = (value: unknown, type: string) => faultsIn({ value, type, at: "x", group });
    expect(check({ inputs: [{ id: "a", properties: {}, associations: [] }] }, "BatchInputSimplePublicObjectBatchInputUpsert")).toHaveLength(
      1,
    );
    expect(check({ inputs: [{ id: "a" }] }, "BatchInputSimplePublicObjectBatchInputUpsert")).toHaveLength(1);
    expect(check({ inputs: [{ id: 1, properties: { a: 2 } }] }, "BatchInputSimplePublicObjectBatchInputUpsert")).toHaveLength(2);
    expect(check({ propertyName: "phone", operator: "LIKE" }, "Filter")).toHaveLength(1);
  });
});

describe("the table of what is sent", () => {
  const listed = hubspotSends.map(({ field }) => field);
  const propertiesIn = (requests: { path: string; body?: unknown }[], path: string) =>
    requests
      .filter((request) => request.path === path)
      .flatMap(({ body }) => (body as { inputs: { properties: Record<string, string> }[] }).inputs)
      .flatMap(({ properties }) => Object.keys(properties));
  const UPSERT = "/crm/v3/objects/calls/batch/upsert";

  test("has every field of the golden requests", () => {
    const files = globSync("golden/*.json", { cwd: import.meta.dirname });
    expect(files.length).toBeGreaterThan(10);
    const sent = files.flatMap((file) => propertiesIn(JSON.parse(readFileSync(join(import.meta.dirname, file), "utf8")), UPSERT));
    expect([...new Set(sent)].filter((name) => !listed.includes(name))).toEqual([]);
  });

  test("has nothing that is never sent", async () => {
    const seen = await everyRequest();
    const properties = propertiesIn(seen, UPSERT);
    const made = seen.flatMap(({ method, path, body }) =>
      method === "POST" && path === "/crm/v3/objects/contacts" ? Object.keys((body as { properties: object }).properties) : [],
    );
    const put = seen.flatMap(({ path }) => /^\/crm\/v4\/associations\/calls\/(\w+)\/batch\/associate/.exec(path)?.[1] ?? []);
    const sent = new Set([
      ...properties,
      "fields",
      ...made.map((name) => `contact: ${name}`),
      ...put.map((kind) => `association: ${{ contacts: "contact", companies: "company", deals: "deal" }[kind]}`),
    ]);
    // The stranger's call has no owner in this scene.
    expect(listed.filter((field) => !sent.has(field) && field !== "contact: hubspot_owner_id")).toEqual([]);
  });
});

function fits(template: string, path: string): boolean {
  return new RegExp(`^${template.replace(/\{\w+\}/g, "[^/]+")}$`).test(path);
}

function faultsIn(options: { value: unknown; type: string; at: string; group: Group }): string[] {
  const { value, type, at, group } = options;
  const inner = (value: unknown, type: string, key: string | number) => faultsIn({ value, type, at: `${at}.${key}`, group });
  const list = /^Array<(.+)>$/.exec(type)?.[1];
  if (list) return Array.isArray(value) ? value.flatMap((one, index) => inner(one, list, index)) : [`${at} is no list`];
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (map) return isObject ? Object.entries(value).flatMap(([key, one]) => inner(one, map, key)) : [`${at} is no object`];
  const words = group.enums?.[type];
  if (words) return words.includes(value as string) ? [] : [`${at} is not one of ${words.join(", ")}`];
  const fields = group.models[type];
  if (!fields) return typeof value === type ? [] : [`${at} is no ${type}`];
  if (!isObject) return [`${at} is no object`];
  const unknown = Object.keys(value).filter((key) => !fields.some(({ name }) => name === key));
  const missing = fields.filter(({ name, required }) => required && !(name in value));
  return [
    ...unknown.map((key) => `${at}.${key} is no field of ${type}`),
    ...missing.map(({ name }) => `${at}.${name} is missing`),
    ...fields.flatMap(({ name, type }) => (name in value ? inner((value as Record<string, unknown>)[name], type, name) : [])),
  ];
}
