import { setTimeout as delay } from "node:timers/promises";
import { type Context, Hono } from "hono";
import { createMiddleware } from "hono/factory";
import { API_VERSION } from "../requests.ts";
import type { createAccount } from "./account.ts";
import { type createAssociations, KINDS, type Kind } from "./associations.ts";
import type { createCalls } from "./calls.ts";
import { missingScope, Refusal } from "./errors.ts";
import { answerOf, jsonOf, listOf, notAuthenticated } from "./http.ts";
import type { createLimits } from "./limits.ts";
import type { createPeople } from "./people.ts";
import type { createProperties } from "./properties.ts";

const OBJECTS = `/crm/objects/${API_VERSION}`;
const ASSOCIATIONS = `/crm/associations/${API_VERSION}`;
const PROPERTIES = `/crm/properties/${API_VERSION}`;
const OWNERS = `/crm/owners/${API_VERSION}`;
/** Where contacts are made. */
export const CONTACTS_PATH = `${OBJECTS}/contacts`;

/** What an account has. */
interface Parts {
  scopes: ReadonlySet<string>;
  account: ReturnType<typeof createAccount>;
  properties: ReturnType<typeof createProperties>;
  people: ReturnType<typeof createPeople>;
  calls: ReturnType<typeof createCalls>;
  companies: Set<string>;
  associations: ReturnType<typeof createAssociations>;
}

/** HubSpot's API over what the account has: its addresses of one version, the scopes that each one asks for, its limits. */
export function createApp(
  options: Parts & { token: string; latencyMs: number; limits: ReturnType<typeof createLimits> | undefined },
): Hono {
  const { token, latencyMs, limits } = options;
  const app = new Hono();
  app.onError((error) => {
    if (error instanceof Refusal) return error.toResponse();
    throw error;
  });
  app.notFound(() => Response.json({ status: "error", message: "Not found", category: "OBJECT_NOT_FOUND" }, { status: 404 }));
  app.use(async (c, next) => {
    if (latencyMs > 0) await delay(latencyMs);
    if (c.req.header("authorization") !== `Bearer ${token}`) throw notAuthenticated();
    const admitted = limits?.admit({ isSearch: c.req.path.endsWith("/search") });
    if (admitted?.refusal) return admitted.refusal;
    if (c.req.method === "POST" && !/^application\/json\b/i.test(c.req.header("content-type") ?? ""))
      throw new Refusal(415, { message: "HTTP 415 Unsupported Media Type" });
    await next();
    for (const [name, value] of Object.entries(admitted?.headers ?? {})) c.res.headers.set(name, value);
  });

  addAccount(app, options);
  addCalls(app, options);
  addContacts(app, options);
  addAssociations(app, options);
  return app;
}

function needs(scopes: ReadonlySet<string>, scope: string) {
  return createMiddleware(async (_c, next) => {
    if (!scopes.has(scope)) throw missingScope(scope);
    await next();
  });
}

/** Calls have the contacts' scopes. */
const READ = "crm.objects.contacts.read";
const WRITE = "crm.objects.contacts.write";

function addAccount(app: Hono, { scopes, account, properties }: Parts): void {
  const read = needs(scopes, READ);
  const schema = needs(scopes, "crm.schemas.contacts.write");
  const readOwners = needs(scopes, "crm.objects.owners.read");
  app.get(`/account-info/${API_VERSION}/details`, (c) => c.json(account.details()));
  app.get(OWNERS, readOwners, (c) => c.json(account.owners({ email: c.req.query("email"), after: c.req.query("after") })));
  app.get(`${OWNERS}/:id`, readOwners, (c) => c.json(account.owner(c.req.param("id"))));

  app.get(`${PROPERTIES}/calls/groups`, read, (c) => c.json(properties.groups()));
  app.post(`${PROPERTIES}/calls/groups`, schema, async (c) => c.json(properties.createGroup(await jsonOf(c)), 201));
  app.get(`${PROPERTIES}/calls/:name`, read, (c) => c.json(properties.get(c.req.param("name"))));
  app.patch(`${PROPERTIES}/calls/:name`, schema, async (c) => c.json(properties.update(c.req.param("name"), await jsonOf(c))));
  app.post(`${PROPERTIES}/calls`, schema, async (c) => c.json(properties.create(await jsonOf(c)), 201));
}

function addCalls(app: Hono, { scopes, calls, associations }: Parts): void {
  const read = needs(scopes, READ);
  const write = needs(scopes, WRITE);
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
}

/** With their companies and deals. */
function addContacts(app: Hono, { scopes, account, people, companies }: Parts): void {
  const read = needs(scopes, READ);
  const write = needs(scopes, WRITE);
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
  app.post(`${OBJECTS}/deals/batch/read`, needs(scopes, "crm.objects.deals.read"), async (c) => c.json(account.readDeals(await jsonOf(c))));
}

function addAssociations(app: Hono, { scopes, associations }: Parts): void {
  const read = needs(scopes, READ);
  const write = needs(scopes, WRITE);
  const kindOf = (c: Context): Kind => {
    const kind = KINDS.find((one) => one === c.req.param("kind"));
    if (!kind) throw new Refusal(404, { message: "Not found", category: "OBJECT_NOT_FOUND" });
    // What is on the other side has scopes of its own; those of calls are the contacts'.
    for (const right of ["read", "write"])
      if (!scopes.has(`crm.objects.${kind}.${right}`)) throw missingScope(`crm.objects.${kind}.${right}`);
    return kind;
  };

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
}
