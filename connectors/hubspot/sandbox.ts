import { setTimeout as delay } from "node:timers/promises";
import { type Context, Hono } from "hono";
import { createMiddleware } from "hono/factory";
import type { Sandbox, SandboxOptions } from "../../src/connector.ts";
import { createAccount, SANDBOX_DEALS, SANDBOX_OWNERS, type SandboxDeal, type SandboxOwner } from "./sandbox/account.ts";
import { type Belongs, createAssociations, KINDS, type Kind } from "./sandbox/associations.ts";
import { createCalls, type StoredCall } from "./sandbox/calls.ts";
import { missingScope, Refusal } from "./sandbox/errors.ts";
import { answerOf, faultOf, jsonOf, listOf, notAuthenticated } from "./sandbox/http.ts";
import { createLimits } from "./sandbox/limits.ts";
import { createPeople, nameOf, SANDBOX_CONTACTS, type SandboxContact } from "./sandbox/people.ts";
import { CALL_ID, createProperties, type PropertyDefinition, standardProperties } from "./sandbox/properties.ts";

export { SANDBOX_CONTACTS, type SandboxContact } from "./sandbox/people.ts";
export { CALL_ID, type PropertyDefinition } from "./sandbox/properties.ts";

/** The one token that the sandbox takes. */
export const SANDBOX_TOKEN = "pat-na1-sandbox-0000-0000";

export interface HubSpotSandboxOptions extends SandboxOptions {
  /** Whether `patchbay setup` has been run on the account. Default true. */
  isSetUp?: boolean;
  contacts?: SandboxContact[];
  owners?: SandboxOwner[];
  deals?: SandboxDeal[];
  /** Companies and deals of contacts, by the contact's id. */
  belongs?: Record<string, Belongs>;
  /** Properties of calls beside HubSpot's own. */
  properties?: PropertyDefinition[];
  /** Scopes of the token. Default: all that a call needs. */
  scopes?: string[];
  /** Whether one bad call of a batch is refused alone (207) or with all others (400, the default): HubSpot's specification has both. */
  multiStatus?: boolean;
  /** How long a contact that was made is not found by a search; 5 to 30 s are reported. Default 5 s. */
  indexLagMs?: number;
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

/** A strict stand-in of HubSpot's API, as far as a call's trip goes. It answers in the vendor's shapes and keeps everything in memory. */
export function createSandbox(options: HubSpotSandboxOptions = {}): Sandbox {
  const { limits: enforceLimits = true, latencyMs = 0, multiStatus = false, isSetUp = true, indexLagMs = 5_000 } = options;
  const { contacts = SANDBOX_CONTACTS, owners = SANDBOX_OWNERS, deals = SANDBOX_DEALS, belongs = SANDBOX_BELONGS } = options;
  const scopes = new Set(options.scopes ?? SCOPES);
  const properties = createProperties([...standardProperties(), ...(isSetUp ? [CALL_ID] : []), ...(options.properties ?? [])]);
  const people = createPeople({ contacts, indexLagMs });
  const account = createAccount({ owners, deals });
  const refuses = new Set<string>();
  const calls = createCalls({ properties, multiStatus, refuses });
  const companies = new Set(
    Object.values(belongs).flatMap(({ primaryCompany = "", otherCompanies = [] }) => [primaryCompany, ...otherCompanies]),
  );
  const associations = createAssociations({ has: (kind, id) => has[kind](id), belongs });
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

  app.get("/account-info/v3/details", (c) => c.json(account.details()));
  for (const path of ["/crm/v3/owners", "/crm/v3/owners/"]) app.get(path, readOwners, (c) => c.json(account.owners(c.req.query("email"))));
  app.get("/crm/v3/owners/:id", readOwners, (c) => c.json(account.owner(c.req.param("id"))));

  app.get("/crm/v3/properties/calls/groups", read, (c) => c.json(properties.groups()));
  app.post("/crm/v3/properties/calls/groups", schema, async (c) => c.json(properties.createGroup(await jsonOf(c)), 201));
  app.get("/crm/v3/properties/calls/:name", read, (c) => c.json(properties.get(c.req.param("name"))));
  app.patch("/crm/v3/properties/calls/:name", schema, async (c) => c.json(properties.update(c.req.param("name"), await jsonOf(c))));
  app.post("/crm/v3/properties/calls", schema, async (c) => c.json(properties.create(await jsonOf(c)), 201));

  app.post("/crm/v3/objects/calls/batch/upsert", write, async (c) => answerOf(calls.upsert(await jsonOf(c))));
  app.post("/crm/v3/objects/calls/batch/read", read, async (c) => answerOf(calls.read(await jsonOf(c))));
  app.get("/crm/v3/objects/calls/:id", read, (c) => {
    const wanted = listOf(c, "properties");
    return c.json(calls.get(c.req.param("id"), { idProperty: c.req.query("idProperty"), wanted }));
  });
  app.patch("/crm/v3/objects/calls/:id", write, async (c) => c.json(calls.update(c.req.param("id"), await jsonOf(c))));
  app.delete("/crm/v3/objects/calls/:id", write, (c) => {
    calls.archive(c.req.param("id"));
    associations.forget(c.req.param("id"));
    return c.body(null, 204);
  });
  app.post("/crm/v3/objects/contacts/search", read, async (c) => c.json(people.search(await c.req.text(), await jsonOf(c))));
  app.post("/crm/v3/objects/contacts", write, async (c) => c.json(people.create(await jsonOf(c)), 201));
  app.get("/crm/v3/objects/contacts/:id", read, (c) => c.json(people.read(c.req.param("id"), listOf(c, "properties"))));
  app.post("/crm/v3/objects/deals/batch/read", readDeals, async (c) => c.json(account.readDeals(await jsonOf(c))));

  app.post("/crm/v4/associations/calls/:kind/batch/associate/default", write, async (c) =>
    answerOf(associations.associate(kindOf(c), await jsonOf(c))),
  );
  app.post("/crm/v4/associations/contacts/:kind/batch/read", read, async (c) =>
    answerOf(associations.readOfContacts(kindOf(c) as "companies" | "deals", await jsonOf(c))),
  );
  app.get("/crm/v4/objects/calls/:id/associations/:kind", read, (c) => c.json(associations.page(c.req.param("id"), kindOf(c))));
  app.put("/crm/v4/objects/calls/:id/associations/default/:kind/:to", write, (c) => {
    associations.add(c.req.param("id"), kindOf(c), c.req.param("to"));
    return c.json({ status: "COMPLETE", results: [] });
  });
  app.delete("/crm/v4/objects/calls/:id/associations/:kind/:to", write, (c) => {
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
    writes: ({ method, path }) => path.endsWith("/calls/batch/upsert") || (method === "POST" && path === "/crm/v3/objects/contacts"),
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
