import { setTimeout as delay } from "node:timers/promises";
import { type Context, Hono } from "hono";
import { createMiddleware } from "hono/factory";
import type { CountryCode } from "libphonenumber-js";
import type { Sandbox, SandboxOptions } from "../../src/connector.ts";
import { API_VERSION } from "./requests.ts";
import { createAccount, SANDBOX_DEALS, SANDBOX_OWNERS, type SandboxDeal, type SandboxOwner } from "./sandbox/account.ts";
import { type Belongs, createAssociations, KINDS, type Kind } from "./sandbox/associations.ts";
import { createCalls, type StoredCall } from "./sandbox/calls.ts";
import { missingScope, Refusal } from "./sandbox/errors.ts";
import { answerOf, faultOf, jsonOf, listOf, notAuthenticated } from "./sandbox/http.ts";
import { createLimits } from "./sandbox/limits.ts";
import type { Requirement } from "./sandbox/missing.ts";
import { createPeople, nameOf, SANDBOX_CONTACTS, type SandboxContact } from "./sandbox/people.ts";
import { CALL_ID, createProperties, type PropertyDefinition, standardProperties } from "./sandbox/properties.ts";

export { SANDBOX_CONTACTS, type SandboxContact } from "./sandbox/people.ts";
export { CALL_ID, type PropertyDefinition } from "./sandbox/properties.ts";

/** The one token that the sandbox takes. */
export const SANDBOX_TOKEN = "pat-na1-sandbox-0000-0000";

/** Kinds of accounts: HubSpot itself keeps calls apart by a property with unique values, or refuses those on calls. */
export const accounts = ["unique", "plain"] as const;

export interface HubSpotSandboxOptions extends SandboxOptions {
  /** Default `unique`. */
  account?: string;
  /** Whether `patchbay setup` has been run on the account. Default true. */
  isSetUp?: boolean;
  contacts?: SandboxContact[];
  owners?: SandboxOwner[];
  deals?: SandboxDeal[];
  /** Companies and deals of contacts, by the contact's id. */
  belongs?: Record<string, Belongs>;
  /** Properties of calls beside HubSpot's own. */
  properties?: PropertyDefinition[];
  /** What the account's rules require of a call and of a contact. Default nothing. */
  requiredOfCalls?: Requirement[];
  requiredOfContacts?: Requirement[];
  /** Whether the property of call outcomes lists them, which is not documented. Default true. */
  listsOutcomes?: boolean;
  /** Scopes of the token. Default: all that a call needs. */
  scopes?: string[];
  /** Whether one bad call of a batch is refused alone (207) or with all others (400, the default): HubSpot's specification has both. */
  multiStatus?: boolean;
  /** How long a contact that was made, or deleted, is not seen by a search; 5 to 30 s are reported. Default 5 s. */
  indexLagMs?: number;
  /** Where the account is: how HubSpot reads numbers without a country. Default US. */
  country?: CountryCode;
  /** Sizes of pages, small ones to see several. Default 500 and 100. */
  associationsPerPage?: number;
  ownersPerPage?: number;
}

const SCOPES = [
  "crm.objects.contacts.read",
  "crm.objects.contacts.write",
  "crm.schemas.contacts.write",
  "crm.objects.owners.read",
  "crm.objects.companies.read",
  "crm.objects.companies.write",
  "crm.objects.deals.read",
  "crm.objects.deals.write",
];
/** Dana's. */
const SANDBOX_BELONGS: Record<string, Belongs> = { "201": { primaryCompany: "801", otherCompanies: ["802"], deals: ["901", "902"] } };

const OBJECTS = `/crm/objects/${API_VERSION}`;
const ASSOCIATIONS = `/crm/associations/${API_VERSION}`;
const PROPERTIES = `/crm/properties/${API_VERSION}`;
const OWNERS = `/crm/owners/${API_VERSION}`;

/** A strict stand-in of HubSpot's API, as far as a call's trip goes. It answers in the vendor's shapes and keeps everything in memory. */
export function createSandbox(options: HubSpotSandboxOptions = {}): Sandbox {
  const { limits: enforceLimits = true, latencyMs = 0, multiStatus = false, isSetUp = true, indexLagMs = 5_000, country = "US" } = options;
  const { contacts = SANDBOX_CONTACTS, owners = SANDBOX_OWNERS, deals = SANDBOX_DEALS, belongs = SANDBOX_BELONGS } = options;
  const { requiredOfCalls = [], requiredOfContacts = [], associationsPerPage = 500, ownersPerPage = 100, listsOutcomes = true } = options;
  const isPlain = options.account === "plain";
  const scopes = new Set(options.scopes ?? SCOPES);
  const account = createAccount({ owners, deals, ownersPerPage });
  const { isOwner } = account;
  const callId = isSetUp ? [{ ...CALL_ID, hasUniqueValue: !isPlain }] : [];
  const properties = createProperties({
    initial: [...standardProperties(), ...callId, ...(options.properties ?? [])],
    takesUnique: !isPlain,
    listsOutcomes,
    isOwner,
  });
  const people = createPeople({ contacts, indexLagMs, country, isOwner, required: requiredOfContacts });
  const refuses = new Set<string>();
  const calls = createCalls({ properties, multiStatus, refuses, required: requiredOfCalls, missesNewCalls: isPlain });
  const companies = new Set(
    Object.values(belongs).flatMap(({ primaryCompany = "", otherCompanies = [] }) => [primaryCompany, ...otherCompanies]),
  );
  const idOf = (kind: Kind, id: string) => (kind === "contacts" ? people.get(id)?.id : id) ?? id;
  const associations = createAssociations({ has: (kind, id) => has[kind](id), idOf, belongs, pageSize: associationsPerPage });
  const has: Record<Kind | "calls", (id: string) => boolean> = {
    calls: calls.has,
    contacts: (id) => people.get(id) !== undefined,
    companies: (id) => companies.has(id),
    deals: account.hasDeal,
  };
  const limits = enforceLimits ? createLimits() : undefined;

  const app = new Hono();
  app.onError((error) => {
    if (error instanceof Refusal) return error.toResponse();
    throw error;
  });
  app.notFound(() => Response.json({ status: "error", message: "Not found", category: "OBJECT_NOT_FOUND" }, { status: 404 }));
  app.use(async (c, next) => {
    if (latencyMs > 0) await delay(latencyMs);
    if (c.req.header("authorization") !== `Bearer ${SANDBOX_TOKEN}`) throw notAuthenticated();
    const admitted = limits?.admit({ isSearch: c.req.path.endsWith("/search") });
    if (admitted?.refusal) return admitted.refusal;
    if (c.req.method === "POST" && !/^application\/json\b/i.test(c.req.header("content-type") ?? ""))
      throw new Refusal(415, { message: "HTTP 415 Unsupported Media Type" });
    await next();
    for (const [name, value] of Object.entries(admitted?.headers ?? {})) c.res.headers.set(name, value);
  });

  const needs = (scope: string) =>
    createMiddleware(async (_c, next) => {
      if (!scopes.has(scope)) throw missingScope(scope);
      await next();
    });
  const read = needs("crm.objects.contacts.read");
  const write = needs("crm.objects.contacts.write");
  const schema = needs("crm.schemas.contacts.write");
  const readOwners = needs("crm.objects.owners.read");
  const readDeals = needs("crm.objects.deals.read");
  const kindOf = (c: Context): Kind => {
    const kind = KINDS.find((one) => one === c.req.param("kind"));
    if (!kind) throw new Refusal(404, { message: "Not found", category: "OBJECT_NOT_FOUND" });
    // What is on the other side has scopes of its own; those of calls are the contacts'.
    for (const right of ["read", "write"])
      if (!scopes.has(`crm.objects.${kind}.${right}`)) throw missingScope(`crm.objects.${kind}.${right}`);
    return kind;
  };

  app.get(`/account-info/${API_VERSION}/details`, (c) => c.json(account.details()));
  app.get(OWNERS, readOwners, (c) => c.json(account.owners({ email: c.req.query("email"), after: c.req.query("after") })));
  app.get(`${OWNERS}/:id`, readOwners, (c) => c.json(account.owner(c.req.param("id"))));

  app.get(`${PROPERTIES}/calls/groups`, read, (c) => c.json(properties.groups()));
  app.post(`${PROPERTIES}/calls/groups`, schema, async (c) => c.json(properties.createGroup(await jsonOf(c)), 201));
  app.get(`${PROPERTIES}/calls/:name`, read, (c) => c.json(properties.get(c.req.param("name"))));
  app.patch(`${PROPERTIES}/calls/:name`, schema, async (c) => c.json(properties.update(c.req.param("name"), await jsonOf(c))));
  app.post(`${PROPERTIES}/calls`, schema, async (c) => c.json(properties.create(await jsonOf(c)), 201));

  app.post(`${OBJECTS}/calls/batch/upsert`, write, async (c) => answerOf(calls.upsert(await jsonOf(c))));
  app.post(`${OBJECTS}/calls/batch/create`, write, async (c) => answerOf(calls.create(await jsonOf(c))));
  app.post(`${OBJECTS}/calls/batch/update`, write, async (c) => answerOf(calls.change(await jsonOf(c))));
  app.post(`${OBJECTS}/calls/batch/read`, read, async (c) => answerOf(calls.read(await jsonOf(c))));
  app.post(`${OBJECTS}/calls/search`, read, async (c) => c.json(calls.search(await c.req.text(), await jsonOf(c))));
  app.get(`${OBJECTS}/calls/:id`, read, (c) => {
    const wanted = listOf(c, "properties");
    return c.json(calls.get(c.req.param("id"), { idProperty: c.req.query("idProperty"), wanted }));
  });
  app.patch(`${OBJECTS}/calls/:id`, write, async (c) => c.json(calls.update(c.req.param("id"), await jsonOf(c))));
  app.delete(`${OBJECTS}/calls/:id`, write, (c) => {
    calls.archive(c.req.param("id"));
    associations.forget(c.req.param("id"));
    return c.body(null, 204);
  });
  app.post(`${OBJECTS}/contacts/search`, read, async (c) => c.json(people.search(await c.req.text(), await jsonOf(c))));
  app.post(`${OBJECTS}/contacts/batch/read`, read, async (c) => answerOf(people.readSome(await jsonOf(c))));
  app.post(`${OBJECTS}/contacts/merge`, write, async (c) => c.json(people.merge(await jsonOf(c))));
  app.post(`${OBJECTS}/contacts`, write, async (c) => c.json(people.create(await jsonOf(c)), 201));
  app.get(`${OBJECTS}/contacts/:id`, read, (c) => c.json(people.read(c.req.param("id"), listOf(c, "properties"))));
  app.delete(`${OBJECTS}/contacts/:id`, write, (c) => {
    people.archive(c.req.param("id"));
    return c.body(null, 204);
  });
  app.delete(`${OBJECTS}/companies/:id`, (c) => {
    companies.delete(c.req.param("id"));
    return c.body(null, 204);
  });
  app.post(`${OBJECTS}/deals/batch/read`, readDeals, async (c) => c.json(account.readDeals(await jsonOf(c))));

  app.post(`${ASSOCIATIONS}/calls/:kind/batch/associate/default`, write, async (c) =>
    answerOf(associations.associate(kindOf(c), await jsonOf(c))),
  );
  app.post(`${ASSOCIATIONS}/calls/:kind/batch/read`, read, async (c) => answerOf(associations.readOfCalls(kindOf(c), await jsonOf(c))));
  app.post(`${ASSOCIATIONS}/calls/:kind/batch/archive`, write, async (c) => {
    associations.archive(kindOf(c), await jsonOf(c));
    return c.body(null, 204);
  });
  app.post(`${ASSOCIATIONS}/contacts/:kind/batch/read`, read, async (c) =>
    answerOf(associations.readOfContacts(kindOf(c) as "companies" | "deals", await jsonOf(c))),
  );
  app.put(`${OBJECTS}/calls/:id/associations/default/:kind/:to`, write, (c) => {
    associations.add(c.req.param("id"), kindOf(c), c.req.param("to"));
    return c.json({ status: "COMPLETE", results: [] });
  });
  app.delete(`${OBJECTS}/calls/:id/associations/:kind/:to`, write, (c) => {
    associations.remove(c.req.param("id"), kindOf(c), c.req.param("to"));
    return c.body(null, 204);
  });

  function lineOf(call: StoredCall): string {
    const names = associations
      .of(call.id, "contacts")
      .flatMap((id) => people.get(id) ?? [])
      .map((contact) => `contact ${nameOf(contact) || contact.id}`);
    const parts = [
      `call ${call.id}`,
      `"${call.properties.hs_call_title}"`,
      names.join(", ") || "no contact",
      call.properties.hs_call_status ?? "",
    ];
    return parts.filter((part) => part !== "").join(" · ");
  }

  function bodyOf(call: StoredCall): Record<string, unknown> {
    const put = KINDS.map((kind) => [kind, associations.of(call.id, kind)] as const);
    return { ...call.properties, ...Object.fromEntries(put.filter(([kind, ids]) => kind === "contacts" || ids.length > 0)) };
  }

  return {
    example: {},
    wrong: { access_token: "pat-na1-wrong-credential" },
    writes: ({ method, path }) =>
      /\/calls\/batch\/(upsert|create|update)$/.test(path) || (method === "POST" && path === `${OBJECTS}/contacts`),
    fault: faultOf,
    refuse: (key) => refuses.add(key),
    fetch: (request) => app.fetch(request),
    settings: ({ url }) => ({ base_url: url, access_token: SANDBOX_TOKEN }),
    records: async () =>
      calls.all().map((call) => ({
        key: call.properties.voice_call_id ?? "",
        id: call.id,
        line: lineOf(call),
        body: bodyOf(call),
      })),
  };
}
