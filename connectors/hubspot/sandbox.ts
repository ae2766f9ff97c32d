import { setTimeout as delay } from "node:timers/promises";
import { type Context, Hono } from "hono";
import { createMiddleware } from "hono/factory";
import type { Sandbox, SandboxOptions, VendorFault } from "../../src/connector.ts";
import { createCalls, type StoredCall } from "./sandbox/calls.ts";
import { missingScope, Refusal } from "./sandbox/errors.ts";
import { createLimits, tooMany } from "./sandbox/limits.ts";
import { createPeople, nameOf, SANDBOX_CONTACTS, type SandboxContact } from "./sandbox/people.ts";
import { createProperties, type PropertyDefinition, standardProperties } from "./sandbox/properties.ts";

export { SANDBOX_CONTACTS, type SandboxContact } from "./sandbox/people.ts";
export { type PropertyDefinition, standardProperties } from "./sandbox/properties.ts";

/** The one token that the sandbox takes. */
export const SANDBOX_TOKEN = "pat-na1-sandbox-0000-0000";
const MAX_BODY_BYTES = 10 * 1024 * 1024;

export interface HubSpotSandboxOptions extends SandboxOptions {
  contacts?: SandboxContact[];
  /** Properties of calls beside HubSpot's own. */
  properties?: PropertyDefinition[];
  /** Scopes of the token. Default: all that a call needs. */
  scopes?: string[];
  /** Whether one bad call of a batch is refused alone (207) or with all others (400, the default): HubSpot's specification has both. */
  multiStatus?: boolean;
}

/** A strict stand-in of HubSpot's API, as far as a call's trip goes. It answers in the vendor's shapes and keeps everything in memory. */
export function createSandbox(options: HubSpotSandboxOptions = {}): Sandbox {
  const { limits: enforceLimits = true, latencyMs = 0, contacts = SANDBOX_CONTACTS, multiStatus = false } = options;
  const scopes = new Set(options.scopes ?? ["crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.write"]);
  const properties = createProperties([...standardProperties(), ...(options.properties ?? [])]);
  const people = createPeople(contacts);
  const calls = createCalls({ properties, hasContact: (id) => people.get(id) !== undefined, multiStatus });
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

  app.get("/crm/v3/properties/calls/groups", read, (c) => c.json(properties.groups()));
  app.post("/crm/v3/properties/calls/groups", schema, async (c) => c.json(properties.createGroup(await jsonOf(c)), 201));
  app.get("/crm/v3/properties/calls/:name", read, (c) => c.json(properties.get(c.req.param("name"))));
  app.post("/crm/v3/properties/calls", schema, async (c) => c.json(properties.create(await jsonOf(c)), 201));

  app.post("/crm/v3/objects/calls/batch/upsert", write, async (c) => answerOf(calls.upsert(await jsonOf(c))));
  app.post("/crm/v3/objects/calls/batch/read", read, async (c) => answerOf(calls.read(await jsonOf(c))));
  app.get("/crm/v3/objects/calls/:id", read, (c) => {
    const wanted = c.req.query("properties")?.split(",") ?? [];
    return c.json(calls.get(c.req.param("id"), { idProperty: c.req.query("idProperty"), wanted }));
  });
  app.delete("/crm/v3/objects/calls/:id", write, (c) => {
    calls.archive(c.req.param("id"));
    return c.body(null, 204);
  });
  app.post("/crm/v3/objects/contacts/search", read, async (c) => c.json(people.search(await c.req.text(), await jsonOf(c))));

  app.post("/crm/v4/associations/calls/contacts/batch/associate/default", write, async (c) => answerOf(calls.associate(await jsonOf(c))));
  app.get("/crm/v4/objects/calls/:id/associations/contacts", read, (c) => c.json(calls.associations(c.req.param("id"))));
  app.put("/crm/v4/objects/calls/:id/associations/default/contacts/:contact", write, (c) => {
    calls.setAssociation(c.req.param("id"), c.req.param("contact"), "present");
    return c.json({ status: "COMPLETE", results: [] });
  });
  app.delete("/crm/v4/objects/calls/:id/associations/contacts/:contact", write, (c) => {
    calls.setAssociation(c.req.param("id"), c.req.param("contact"), "absent");
    return c.body(null, 204);
  });

  function lineOf(call: StoredCall): string {
    const names = [...call.contactIds].flatMap((id) => people.get(id) ?? []).map((contact) => `contact ${nameOf(contact)}`);
    const parts = [
      `call ${call.id}`,
      `"${call.properties.hs_call_title}"`,
      names.join(", ") || "no contact",
      call.properties.hs_call_status ?? "",
    ];
    return parts.filter((part) => part !== "").join(" · ");
  }

  return {
    example: {},
    wrong: { access_token: "pat-na1-wrong-credential" },
    writes: ({ path }) => path.endsWith("/calls/batch/upsert"),
    fault: faultOf,
    fetch: (request) => app.fetch(request),
    settings: ({ url }) => ({ base_url: url, access_token: SANDBOX_TOKEN }),
    records: async () =>
      calls.all().map((call) => ({
        key: call.properties.voice_call_id ?? "",
        id: call.id,
        line: lineOf(call),
        body: { ...call.properties, contacts: [...call.contactIds] },
      })),
  };
}

function answerOf({ status, body }: { status: number; body: unknown }): Response {
  return Response.json(body, { status });
}

function notAuthenticated(): Refusal {
  return new Refusal(401, {
    message:
      "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
    category: "INVALID_AUTHENTICATION",
  });
}

async function jsonOf(c: Context): Promise<unknown> {
  const text = await c.req.text();
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) throw new Refusal(413, { message: "Request entity too large" });
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, { message: "Invalid input JSON on line 1, column 1", category: "VALIDATION_ERROR" });
  }
}

function faultOf(kind: VendorFault): Response {
  switch (kind) {
    case "rate-limited":
    case "rate-limited-silent":
      // Retry-After is not documented for the CRM API: both are the same here.
      return tooMany("ten_secondly_rolling", {});
    case "server-error":
      return new Refusal(500, { message: "internal error" }).toResponse();
    case "unauthorized":
      return new Refusal(401, { message: "Authentication credentials not found.", category: "INVALID_AUTHENTICATION" }).toResponse();
  }
}
