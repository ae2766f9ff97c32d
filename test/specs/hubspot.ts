/**
 * HubSpot's API, version 2026-09, as far as the connector uses it: methods, paths, fields and limits as HubSpot's documentation states them, in words
 * and a shape of our own. HubSpot's published OpenAPI files are not licensed for use: nothing here comes from them. Every request that the connector
 * makes in a test, and every answer of its stand-in, is held to it (test/support/hubspot.ts).
 *
 * Pages, all below developers.hubspot.com:
 * - paths and dates: docs/api-reference/latest/overview, docs/developer-tooling/platform/versioning
 * - batches of records (100 inputs, `idProperty`, `objectWriteTraceId`, 207): docs/guides/crm/using-object-apis, docs/api-reference/error-handling
 * - search (5 groups, 6 filters each, 18 in all, 3,000 characters, 200 a page, 10,000 in all): docs/api-reference/latest/crm/search-the-crm
 * - associations (2,000 pairs to write, 100 records to read, paging): docs/api-reference/latest/crm/associations/associate-records/…,
 *   changelog "Batch Read Limit for HubSpot Associations API"
 * - calls: docs/api-reference/latest/crm/activities/calls/guide; properties: …/crm/properties/guide; owners: …/crm/owners/guide;
 *   account: …/account/account-information/guide
 * A filter's hundred values are in no page: HubSpot's refusal names them ("too many IN list values (count: 200, max allowed: 100)").
 */
import { z } from "zod";

const VERSION = "2026-09";
const OBJECTS = `/crm/objects/${VERSION}`;
const ASSOCIATIONS = `/crm/associations/${VERSION}`;
const PROPERTIES = `/crm/properties/${VERSION}`;

export interface Operation {
  does: string;
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** `{id}` stands for one part of a path, `{contacts|deals}` for one of these. */
  path: string;
  query?: z.ZodType;
  request?: z.ZodType;
  /** Of 2xx, by status. */
  answers: Record<number, z.ZodType>;
}

const id = z.string().regex(/^\d+$/, "is no record ID");
const name = z.string().regex(/^[a-z][a-z0-9_]*$/, "is no property's internal name");
const time = z.iso.datetime();
const valuesToWrite = z.record(name, z.string().min(1, "clears the property"));
const values = z.record(name, z.string().nullable());
const trace = z.string().min(1).optional();
const namesInQuery = z.strictObject({ properties: z.string().regex(/^[a-z0-9_,]+$/) });

function batch<T extends z.ZodType>(input: T, most: number) {
  return z.array(input).min(1).max(most).refine(hasNoTwins, "has an id twice");
}
function hasNoTwins(inputs: unknown[]): boolean {
  const ids = inputs.map((one) => JSON.stringify((one as { id?: unknown }).id ?? one));
  return new Set(ids).size === ids.length;
}

const record = z.looseObject({ id, properties: values, createdAt: time, updatedAt: time, archived: z.boolean() });
const problem = z.looseObject({ status: z.string(), category: z.string(), message: z.string(), context: z.record(z.string(), z.array(z.string())).optional() });
const done = z.looseObject({ status: z.literal("COMPLETE"), startedAt: time, completedAt: time });
const batchOf = <T extends z.ZodType>(result: T) => done.extend({ results: z.array(result) });
/** Some inputs were taken, and some were not. */
const partly = <T extends z.ZodType>(result: T) => batchOf(result).extend({ numErrors: z.int().min(1), errors: z.array(problem).min(1) });

const written = record.extend({ new: z.boolean().optional(), objectWriteTraceId: z.string().optional() });
const next = z.strictObject({ next: z.strictObject({ after: z.string().regex(/^\d+$/), link: z.string().optional() }) });

const filter = z.union([
  z.strictObject({ propertyName: name, operator: z.enum(["EQ", "CONTAINS_TOKEN"]), value: z.string().min(1) }),
  z.strictObject({
    propertyName: name,
    operator: z.literal("IN"),
    values: z.array(z.string().min(1).refine((one) => one === one.toLowerCase(), "has capitals, which IN never finds")).min(1).max(100),
  }),
]);
const search = z
  .strictObject({
    filterGroups: z.array(z.strictObject({ filters: z.array(filter).min(1).max(6) })).min(1).max(5),
    sorts: z.array(z.strictObject({ propertyName: name, direction: z.enum(["ASCENDING", "DESCENDING"]) })).max(1).optional(),
    properties: z.array(name),
    limit: z.int().min(1).max(200),
    after: z.string().regex(/^\d{1,4}$/, "is beyond 10,000 results").optional(),
  })
  .refine(({ filterGroups }) => filterGroups.flatMap(({ filters }) => filters).length <= 18, "has more than 18 filters")
  .refine((body) => JSON.stringify(body).length <= 3_000, "is longer than 3,000 characters");
const found = z.strictObject({ total: z.int(), results: z.array(record), paging: next.optional() });

const readRecords = z.strictObject({
  inputs: batch(z.strictObject({ id }), 100),
  properties: z.array(name),
  propertiesWithHistory: z.array(name),
  idProperty: name.optional(),
});

const end = z.strictObject({ id });
const spec = z.strictObject({ associationCategory: z.literal("HUBSPOT_DEFINED"), associationTypeId: z.int() });
const pair = z.strictObject({ from: end, to: end, associationSpec: spec });
const link = z.strictObject({
  toObjectId: id,
  associationTypes: z.array(z.strictObject({ category: z.string(), typeId: z.int(), label: z.string().nullable() })),
});
const links = z.strictObject({ from: end, to: z.array(link).min(1), paging: next.optional() });

const group = z.looseObject({ name, label: z.string(), archived: z.boolean() });
const property = z.looseObject({
  name,
  label: z.string(),
  type: z.string(),
  fieldType: z.string(),
  groupName: z.string(),
  description: z.string(),
  hasUniqueValue: z.boolean(),
  options: z.array(z.looseObject({ label: z.string(), value: z.string(), displayOrder: z.int(), hidden: z.boolean() })),
});
const owner = z.looseObject({ id, email: z.email(), type: z.string(), userId: z.int(), createdAt: time, updatedAt: time, archived: z.boolean() });

const inputOfUpsert = z.strictObject({ id: z.string().min(1), idProperty: name, objectWriteTraceId: trace, properties: valuesToWrite });
const inputOfUpdate = z.strictObject({ id, objectWriteTraceId: trace, properties: valuesToWrite });
const inputOfCreate = z.strictObject({ objectWriteTraceId: trace, properties: valuesToWrite, associations: z.array(z.never()) });
const nothing = z.undefined();

export const OPERATIONS: Operation[] = [
  {
    does: "writes calls by a property with unique values",
    method: "POST",
    path: `${OBJECTS}/calls/batch/upsert`,
    request: z.strictObject({ inputs: batch(inputOfUpsert, 100) }),
    answers: { 200: batchOf(written), 207: partly(written) },
  },
  {
    does: "makes calls",
    method: "POST",
    path: `${OBJECTS}/calls/batch/create`,
    request: z.strictObject({ inputs: batch(inputOfCreate, 100) }),
    answers: { 201: batchOf(written), 207: partly(written) },
  },
  {
    does: "changes calls",
    method: "POST",
    path: `${OBJECTS}/calls/batch/update`,
    request: z.strictObject({ inputs: batch(inputOfUpdate, 100) }),
    answers: { 200: batchOf(written), 207: partly(written) },
  },
  {
    does: "reads records",
    method: "POST",
    path: `${OBJECTS}/{calls|contacts|deals}/batch/read`,
    request: readRecords,
    answers: { 200: batchOf(record), 207: partly(record) },
  },
  { does: "searches", method: "POST", path: `${OBJECTS}/{calls|contacts}/search`, request: search, answers: { 200: found } },
  { does: "reads a record", method: "GET", path: `${OBJECTS}/{calls|contacts}/{id}`, query: namesInQuery, answers: { 200: record } },
  {
    does: "changes a call",
    method: "PATCH",
    path: `${OBJECTS}/calls/{id}`,
    request: z.strictObject({ properties: valuesToWrite }),
    answers: { 200: record },
  },
  { does: "archives a call", method: "DELETE", path: `${OBJECTS}/calls/{id}`, answers: { 204: nothing } },
  {
    does: "makes a contact",
    method: "POST",
    path: `${OBJECTS}/contacts`,
    request: z.strictObject({ properties: valuesToWrite, associations: z.array(z.never()) }),
    answers: { 201: record },
  },
  {
    does: "puts calls on records",
    method: "POST",
    path: `${ASSOCIATIONS}/calls/{contacts|companies|deals}/batch/associate/default`,
    request: z.strictObject({ inputs: batch(z.strictObject({ from: end, to: end }), 2_000) }),
    answers: { 200: batchOf(pair), 207: partly(pair) },
  },
  {
    does: "reads what records are on",
    method: "POST",
    path: `${ASSOCIATIONS}/{calls|contacts}/{contacts|companies|deals}/batch/read`,
    request: z.strictObject({ inputs: batch(z.strictObject({ id, after: z.string().optional() }), 100) }),
    answers: { 200: batchOf(links), 207: partly(links) },
  },
  {
    does: "takes calls off records",
    method: "POST",
    path: `${ASSOCIATIONS}/calls/{contacts|companies|deals}/batch/archive`,
    request: z.strictObject({ inputs: batch(z.strictObject({ from: end, to: z.array(end).min(1) }), 100) }),
    answers: { 204: nothing },
  },
  {
    does: "lists groups of properties",
    method: "GET",
    path: `${PROPERTIES}/calls/groups`,
    answers: { 200: z.strictObject({ results: z.array(group) }) },
  },
  {
    does: "makes a group of properties",
    method: "POST",
    path: `${PROPERTIES}/calls/groups`,
    request: z.strictObject({ name, label: z.string().min(1), displayOrder: z.int().optional() }),
    answers: { 201: group },
  },
  { does: "reads a property", method: "GET", path: `${PROPERTIES}/calls/{name}`, answers: { 200: property } },
  {
    does: "makes a property",
    method: "POST",
    path: `${PROPERTIES}/calls`,
    request: z.strictObject({
      name,
      label: z.string().min(1),
      description: z.string().optional(),
      groupName: z.string().min(1),
      type: z.literal("string"),
      fieldType: z.literal("text"),
      hasUniqueValue: z.boolean(),
    }),
    answers: { 201: property },
  },
  {
    does: "lists owners",
    method: "GET",
    path: `/crm/owners/${VERSION}`,
    query: z.strictObject({
      email: z.string().min(1),
      limit: z.string().regex(/^\d+$/),
      archived: z.enum(["true", "false"]),
      after: z.string().optional(),
    }),
    answers: { 200: z.strictObject({ results: z.array(owner), paging: next.optional() }) },
  },
  {
    does: "reads an owner",
    method: "GET",
    path: `/crm/owners/${VERSION}/{id}`,
    query: z.strictObject({ idProperty: z.enum(["id", "userId"]), archived: z.enum(["true", "false"]) }),
    answers: { 200: owner },
  },
  {
    does: "reads which account it is",
    method: "GET",
    path: `/account-info/${VERSION}/details`,
    answers: {
      200: z.looseObject({
        portalId: z.int(),
        accountType: z.enum(["STANDARD", "DEVELOPER_TEST", "SANDBOX", "APP_DEVELOPER"]),
        timeZone: z.string(),
        companyCurrency: z.string(),
        additionalCurrencies: z.array(z.string()),
        utcOffset: z.string(),
        utcOffsetMilliseconds: z.int(),
        uiDomain: z.string(),
        dataHostingLocation: z.string(),
      }),
    },
  },
];

/** Every part of a refusal is optional, but for a sentence; of a rate limit the words are others (usage guidelines). */
const refusal = z.union([
  z.looseObject({ message: z.string(), category: z.string().optional(), correlationId: z.string().optional() }),
  z.looseObject({ status: z.literal("error"), message: z.string(), errorType: z.literal("RATE_LIMIT"), policyName: z.string() }),
]);

export interface Exchange {
  method: string;
  url: string;
  headers: Headers;
  /** Of the request; undefined where it has none. */
  body: unknown;
  /** Absent where a test answered instead of the stand-in. */
  answer?: { status: number; body: unknown };
}

export function operationOf({ method, url }: Pick<Exchange, "method" | "url">): Operation | undefined {
  const { pathname } = new URL(url);
  return OPERATIONS.find((one) => one.method === method && patternOf(one.path).test(pathname));
}

/** What is wrong with a request, or with the stand-in's answer to it. */
export function faultsOf(exchange: Exchange): string[] {
  const { method, url, headers, body, answer } = exchange;
  const { pathname, searchParams } = new URL(url);
  const at = `${method} ${pathname}`;
  const operation = operationOf(exchange);
  if (!operation) return [`${at} is no operation of HubSpot's API ${VERSION}`];
  const { query = z.strictObject({}), request = nothing, answers } = operation;
  const faults = [
    ...faultsIn(query, Object.fromEntries(searchParams), `${at}, query`),
    ...faultsIn(request, body, `${at}, request`),
    ...(/^Bearer \S+$/.test(headers.get("authorization") ?? "") ? [] : [`${at} has no bearer token`]),
  ];
  if (!answer) return faults;
  if (answer.status >= 400) return [...faults, ...faultsIn(refusal, answer.body, `${at}, refusal ${answer.status}`)];
  const shape = answers[answer.status];
  if (!shape) return [...faults, `${at} is answered with ${answer.status}`];
  return [...faults, ...faultsIn(shape, answer.body, `${at}, answer`)];
}

function faultsIn(shape: z.ZodType, value: unknown, at: string): string[] {
  const parsed = shape.safeParse(value);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${at}: ${path.map(String).join(".")} ${message}`);
}

function patternOf(path: string): RegExp {
  const pattern = path.replace(/\{([^}]+)\}/g, (_, part: string) => (part.includes("|") ? `(${part})` : "[^/]+"));
  return new RegExp(`^${pattern}$`);
}
