import { setTimeout as delay } from "node:timers/promises";
import { Hono } from "hono";
import type { Sandbox, SandboxOptions, SandboxRecord, VendorFault } from "../../../src/connector/index.ts";
import { createAdmin } from "./admin.ts";
import { itemError, refusal } from "./answers.ts";
import { createContacts, readPerson } from "./contacts.ts";
import { CLIENT_ID, CLIENT_SECRET, createOAuth, INTEGRATION_USER } from "./oauth.ts";
import { DEALS, PEOPLE, recordId, type SandboxDeal, type SandboxPerson, type SandboxUser, USERS } from "./people.ts";
import { COLUMNS, FIELDS, type PhoneIndex, search } from "./search.ts";
import { createQueries } from "./soql.ts";
import type { Row } from "./soql-where.ts";
import { taskFields } from "./task-fields.ts";
import { createTasks, type StoredTask } from "./tasks.ts";

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
  /** The duplicate rule of `contactRule` only warns: who says that they know saves all the same. */
  ruleOnlyWarns?: boolean;
  /** The search index stops: people created from now on are found by queries only. */
  staleIndex?: boolean;
  /** What of a number is a word of the search index: see `sandbox/search.ts`. Default its whole field. */
  phoneIndex?: PhoneIndex;
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
  /** The Lead becomes a Contact with its numbers. */
  convert(leadId: string): SandboxPerson;
  /** The first is deleted, the second has its numbers. */
  merge(loserId: string, winnerId: string): void;
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
  const {
    deals = DEALS,
    users = USERS,
    dailyRequests = limits ? 15_000 : 1_000_000,
    contactRule,
    ruleOnlyWarns = false,
    staleIndex = false,
    phoneIndex,
  } = options;
  const people = (options.people ?? PEOPLE).map((person) => ({ ...person }));
  const indexed = staleIndex ? [...people] : people;
  const oauth = createOAuth({ publicKey });
  const fields = taskFields(externalIdField ?? undefined);
  const admin = createAdmin({ fields, hidden, mayCustomize, integrationUser: INTEGRATION_USER });
  const tasks = createTasks({ fields: admin.fields, people, users, deals });
  /** Deleted, and there for queryAll. */
  const bin: SandboxPerson[] = [];
  const queries = createQueries();
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
    const columns = COLUMNS[context.req.param("kind") as SandboxPerson["kind"]];
    if (!columns) return refusal(404, "NOT_FOUND", "The requested resource does not exist");
    const fields = columns.map(({ name, type }) => ({ name, type, filterable: true, createable: name !== "Id" }));
    return Response.json({ name: context.req.param("kind"), fields });
  });
  app.get("/services/data/:version/limits", () =>
    Response.json({ DailyApiRequests: { Max: dailyRequests, Remaining: Math.max(0, dailyRequests - used) } }),
  );
  const pathOf = (version: string, tooling = "") => `/services/data/${version}${tooling}/query`;
  app.on("GET", ["/services/data/:version/query", "/services/data/:version/query/"], (context) =>
    queries.first({ soql: context.req.query("q") ?? "", tables: tablesNow(), path: pathOf(context.req.param("version")) }),
  );
  app.on("GET", ["/services/data/:version/queryAll", "/services/data/:version/queryAll/"], (context) =>
    queries.first({ soql: context.req.query("q") ?? "", tables: tablesNow(bin), path: pathOf(context.req.param("version")) }),
  );
  app.get("/services/data/:version/query/:cursor", (context) =>
    queries.next({ cursor: context.req.param("cursor"), path: pathOf(context.req.param("version")) }),
  );
  app.on("GET", ["/services/data/:version/tooling/query", "/services/data/:version/tooling/query/"], (context) => {
    if (!mayCustomize) return refusal(400, "INVALID_TYPE", "sObject type 'CustomField' is not supported.");
    const { CustomField } = admin.tables;
    const tables = { CustomField: { columns: ["Id", "DeveloperName", "TableEnumOrId"], rows: CustomField } };
    return queries.first({ soql: context.req.query("q") ?? "", tables, path: pathOf(context.req.param("version"), "/tooling") });
  });
  app.post("/services/data/:version/tooling/sobjects/CustomField", async (context) => admin.makeField(await context.req.json()));
  app.post("/services/data/:version/sobjects/:object", async (context) =>
    admin.grant(context.req.param("object"), await context.req.json()),
  );
  app.post("/services/data/:version/composite/sobjects", async (context) => {
    const isKnown = ruleOnlyWarns && /\ballowSave=true\b/.test(context.req.header("sforce-duplicate-rule-header") ?? "");
    const rule =
      contactRule === undefined || isKnown ? undefined : itemError(contactRule, "Use one of these records? Dana, (415) 555-0100");
    return createContacts({ body: await context.req.json(), people, users, rule });
  });
  app.on("GET", ["/services/data/:version/search", "/services/data/:version/search/"], (context) =>
    search(context.req.query("q") ?? "", indexed, phoneIndex),
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

  function tablesNow(deleted: SandboxPerson[] = []) {
    const named = (...columns: string[]) => ["Id", ...columns];
    const rowsOf = (kind: SandboxPerson["kind"]) => [...people, ...deleted].filter((person) => person.kind === kind) as unknown as Row[];
    const leads = rowsOf("Lead").map((lead) => ({ IsConverted: false, ...lead }));
    return {
      User: { columns: named("Email", "IsActive", "CreatedDate"), rows: users as unknown as Row[] },
      Opportunity: { columns: named("AccountId", "IsClosed", "CreatedDate"), rows: deals as unknown as Row[] },
      Contact: { columns: [...FIELDS.Contact, "CreatedDate"], rows: rowsOf("Contact") },
      Lead: { columns: FIELDS.Lead, rows: leads },
      Account: { columns: FIELDS.Account, rows: rowsOf("Account"), children: { Opportunities: { table: "Opportunity", by: "AccountId" } } },
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
    convert(leadId) {
      const lead = people.find(({ Id }) => Id === leadId);
      if (!lead) throw new Error(`no Lead ${leadId}`);
      lead.IsConverted = true;
      const { IsConverted: _, ...rest } = lead;
      const contact = { ...rest, kind: "Contact" as const, Id: recordId("003", 900 + people.length) };
      people.push(contact);
      lead.ConvertedContactId = contact.Id;
      return contact;
    },
    merge(loserId, winnerId) {
      const [loser, winner] = [loserId, winnerId].map((id) => people.find(({ Id }) => Id === id));
      if (!loser || !winner) throw new Error("no such people");
      const { Phone, MobilePhone } = loser;
      Object.assign(winner, { ...(Phone ? { Phone } : {}), ...(MobilePhone ? { MobilePhone } : {}) });
      people.splice(people.indexOf(loser), 1);
      bin.push({ ...loser, MasterRecordId: winner.Id });
    },
    removePerson(id) {
      const index = people.findIndex((person) => person.Id === id);
      if (index >= 0) bin.push(...people.splice(index, 1));
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
