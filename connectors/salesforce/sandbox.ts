import { setTimeout as delay } from "node:timers/promises";
import { Hono } from "hono";
import type { Sandbox, SandboxOptions, SandboxRecord, VendorFault } from "../../src/connector.ts";
import { createAdmin } from "./sandbox/admin.ts";
import { itemError, refusal } from "./sandbox/answers.ts";
import { createContacts, readPerson } from "./sandbox/contacts.ts";
import { CLIENT_ID, CLIENT_SECRET, createOAuth, INTEGRATION_USER } from "./sandbox/oauth.ts";
import { DEALS, PEOPLE, type SandboxDeal, type SandboxPerson, type SandboxUser, USERS } from "./sandbox/people.ts";
import { FIELDS, search } from "./sandbox/search.ts";
import { answerQuery, type Row } from "./sandbox/soql.ts";
import { taskFields } from "./sandbox/task-fields.ts";
import { createTasks, type StoredTask } from "./sandbox/tasks.ts";

export interface SalesforceSandboxOptions extends SandboxOptions {
  /** The app's certificate for the JWT bearer flow, as a public key in PEM form. */
  publicKey?: string;
  people?: SandboxPerson[];
  deals?: SandboxDeal[];
  users?: SandboxUser[];
  /** `null`: the field was never created. */
  externalIdField?: string | null;
  /** Fields of Task that the integration user cannot see (field-level security). */
  hidden?: string[];
  /** Whether the integration user may make fields and permission sets. Default true. */
  mayCustomize?: boolean;
  /** What the org's own rules say to each new Contact: a code such as DUPLICATES_DETECTED. */
  contactRule?: string;
  /** The search index stands still: who is made from now on is found by queries only. */
  staleIndex?: boolean;
  /** Requests that the org may make in 24 hours. Default a Developer Edition's 15,000. */
  dailyRequests?: number;
}

/** The stand-in, and what can happen in an org behind the API's back. */
export interface SalesforceSandbox extends Sandbox {
  fetch(request: Request): Promise<Response>;
  refuse(key: string): void;
  /** The Task of this key may not be written by the integration user. */
  freeze(key: string): void;
  expireTokens(): void;
  rotateRefreshTokens(): void;
  removePerson(id: string): void;
  lockRows(count: number): void;
  /** Other integrations have made so many requests. */
  useUp(requests: number): void;
  people: SandboxPerson[];
  /** Every request so far: `PATCH /services/data/v65.0/…`, without its query. */
  requests: string[];
}

/** Older ones were retired (Summer '25); newer ones are not there yet. */
const OLDEST_VERSION = 31;
const NEWEST_VERSION = 66;
/** sObject Collections take upserts from here on. */
const COLLECTIONS_VERSION = 46;

export function createSandbox(options: SalesforceSandboxOptions = {}): SalesforceSandbox {
  const { limits = true, latencyMs = 0, publicKey, externalIdField = "Voice_Call_Id__c", mayCustomize = true, hidden = [] } = options;
  const { deals = DEALS, users = USERS, dailyRequests = limits ? 15_000 : 1_000_000, contactRule, staleIndex = false } = options;
  const people = [...(options.people ?? PEOPLE)];
  const indexed = staleIndex ? [...people] : people;
  const oauth = createOAuth({ publicKey });
  const fields = taskFields(externalIdField ?? undefined);
  const admin = createAdmin({ fields, hidden, mayCustomize, integrationUser: INTEGRATION_USER });
  const tasks = createTasks({ fields: admin.fields, people, users, deals });
  const requests: string[] = [];
  let used = 0;

  const app = new Hono();
  app.use(async (context, next) => {
    requests.push(`${context.req.method} ${context.req.path}`);
    if (latencyMs > 0) await delay(latencyMs);
    await next();
  });
  app.all("/services/oauth2/token", (context) => oauth.answer(context.req.raw));

  app.use("/services/data/:version/*", async (context, next) => {
    const version = Number(/^v(\d+)\.0$/.exec(context.req.param("version"))?.[1]);
    if (!(version <= NEWEST_VERSION)) return refusal(404, "NOT_FOUND", "The requested resource does not exist");
    if (version < OLDEST_VERSION) return refusal(410, "UNSUPPORTED_API_VERSION", "The API version is no longer supported");
    if (!oauth.isGood(context.req.header("authorization") ?? null)) {
      return refusal(401, "INVALID_SESSION_ID", "Session expired or invalid");
    }
    used += 1;
    if (limits && used > dailyRequests) return refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
    await next();
    context.res.headers.set("Sforce-Limit-Info", `api-usage=${used}/${dailyRequests}`);
  });
  app.get("/services/data/:version/sobjects/Task/describe", () => Response.json({ name: "Task", label: "Task", fields: admin.fields() }));
  app.get("/services/data/:version/sobjects/:kind/describe", (context) => {
    const columns = FIELDS[context.req.param("kind") as SandboxPerson["kind"]];
    if (!columns) return refusal(404, "NOT_FOUND", "The requested resource does not exist");
    return Response.json({ name: context.req.param("kind"), fields: columns.map((name) => ({ name, createable: name !== "Id" })) });
  });
  app.get("/services/data/:version/limits", () =>
    Response.json({ DailyApiRequests: { Max: dailyRequests, Remaining: Math.max(0, dailyRequests - used) } }),
  );
  app.on("GET", ["/services/data/:version/query", "/services/data/:version/query/"], (context) =>
    answerQuery({ soql: context.req.query("q") ?? "", tables: tablesNow() }),
  );
  app.on("GET", ["/services/data/:version/tooling/query", "/services/data/:version/tooling/query/"], (context) => {
    if (!mayCustomize) return refusal(400, "INVALID_TYPE", "sObject type 'CustomField' is not supported.");
    const { CustomField } = admin.tables;
    const tables = { CustomField: { columns: ["Id", "DeveloperName", "TableEnumOrId"], rows: CustomField } };
    return answerQuery({ soql: context.req.query("q") ?? "", tables });
  });
  app.post("/services/data/:version/tooling/sobjects/CustomField", async (context) => admin.makeField(await context.req.json()));
  app.post("/services/data/:version/sobjects/:object", async (context) =>
    admin.grant(context.req.param("object"), await context.req.json()),
  );
  app.post("/services/data/:version/composite/sobjects", async (context) => {
    const rule = contactRule === undefined ? undefined : itemError(contactRule, "Use one of these records? Dana Example, (415) 555-0100");
    return createContacts({ body: await context.req.json(), people, rule });
  });
  app.on("GET", ["/services/data/:version/search", "/services/data/:version/search/"], (context) =>
    search(context.req.query("q") ?? "", indexed),
  );
  app.get("/services/data/:version/composite/sobjects/Task", (context) =>
    tasks.retrieve(context.req.query("ids"), context.req.query("fields")),
  );
  app.get("/services/data/:version/sobjects/Task/:id", (context) => tasks.read(context.req.param("id")));
  app.patch("/services/data/:version/sobjects/Task/:id", async (context) =>
    tasks.update(context.req.param("id"), await context.req.json()),
  );
  app.get("/services/data/:version/sobjects/:kind/:id", (context) =>
    readPerson({ kind: context.req.param("kind"), id: context.req.param("id"), fields: context.req.query("fields"), people }),
  );
  app.delete("/services/data/:version/sobjects/Task/:id", (context) => tasks.remove(context.req.param("id")));
  app.patch("/services/data/:version/composite/sobjects/Task/:field", (context) => {
    if (Number.parseInt(context.req.param("version").slice(1), 10) < COLLECTIONS_VERSION) {
      return refusal(404, "NOT_FOUND", "The requested resource does not exist");
    }
    return tasks.upsert(context.req.raw, context.req.param("field"));
  });
  app.notFound(() => refusal(404, "NOT_FOUND", "The requested resource does not exist"));

  function tablesNow() {
    const named = (...columns: string[]) => ["Id", ...columns];
    const contacts = people.filter(({ kind }) => kind === "Contact");
    return {
      User: { columns: named("Email", "IsActive", "CreatedDate"), rows: users as unknown as Row[] },
      Opportunity: { columns: named("AccountId", "IsClosed", "CreatedDate"), rows: deals as unknown as Row[] },
      Contact: { columns: named("AccountId", "OwnerId", "Phone", "CreatedDate"), rows: contacts as unknown as Row[] },
      Task: { columns: admin.fields().map(({ name }) => name), rows: tasks.list() },
      PermissionSet: { columns: named("Name"), rows: admin.tables.PermissionSet },
      FieldPermissions: { columns: named("ParentId", "Field"), rows: admin.tables.FieldPermissions },
      PermissionSetAssignment: { columns: named("PermissionSetId", "AssigneeId"), rows: admin.tables.PermissionSetAssignment },
    };
  }

  function recordOf(task: StoredTask): SandboxRecord {
    const person = people.find(({ Id }) => Id === task.WhoId) ?? people.find(({ Id }) => Id === task.WhatId);
    const onWhom = person ? `${person.kind} ${person.Name}` : "no person";
    return {
      key: String(task[externalIdField ?? ""] ?? ""),
      id: task.Id,
      line: `Task ${task.Id} · "${task.Subject}" · ${onWhom} · ${task.CallDisposition}`,
      body: task,
    };
  }

  return {
    example: {},
    wrong: { client_secret: "wrong-credential" },
    writes: ({ method, path }) => method === "PATCH" && path.includes("/composite/sobjects/Task/"),
    fault: faultOf,
    fetch: async (request) => app.fetch(request),
    settings: ({ url }) => ({ login_url: url, client_id: CLIENT_ID, client_secret: CLIENT_SECRET }),
    records: async () => tasks.list().map(recordOf),
    expireTokens: oauth.expireTokens,
    rotateRefreshTokens: oauth.rotateRefreshTokens,
    lockRows: tasks.lockRows,
    refuse: tasks.refuse,
    freeze: tasks.freeze,
    useUp(count) {
      used += count;
    },
    people,
    removePerson(id) {
      const index = people.findIndex((person) => person.Id === id);
      if (index >= 0) people.splice(index, 1);
    },
    requests,
  };
}

function faultOf(kind: VendorFault): Response {
  switch (kind) {
    case "rate-limited":
    case "rate-limited-silent":
      return refusal(429, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.");
    case "server-error":
      return refusal(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred.");
    case "unauthorized":
      return refusal(401, "INVALID_SESSION_ID", "Session expired or invalid");
  }
}
