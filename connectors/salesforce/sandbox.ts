import { setTimeout as delay } from "node:timers/promises";
import { Hono } from "hono";
import type { Sandbox, SandboxOptions, SandboxRecord, VendorFault } from "../../src/connector.ts";
import { refusal } from "./sandbox/answers.ts";
import { CLIENT_ID, CLIENT_SECRET, createOAuth } from "./sandbox/oauth.ts";
import { PEOPLE, type SandboxPerson } from "./sandbox/people.ts";
import { search } from "./sandbox/search.ts";
import { taskFields } from "./sandbox/task-fields.ts";
import { createTasks, type StoredTask } from "./sandbox/tasks.ts";

export interface SalesforceSandboxOptions extends SandboxOptions {
  /** The app's certificate for the JWT bearer flow, as a public key in PEM form. */
  publicKey?: string;
  people?: SandboxPerson[];
  /** `null`: the field was never created. */
  externalIdField?: string | null;
  /** Requests that the org may make in 24 hours; a Developer Edition's 15,000. */
  dailyRequests?: number;
}

/** The stand-in, and what can happen in an org behind the API's back. */
export interface SalesforceSandbox extends Sandbox {
  fetch(request: Request): Promise<Response>;
  expireTokens(): void;
  removePerson(id: string): void;
  lockRows(count: number): void;
  /** Every request so far: `PATCH /services/data/v65.0/…`, without its query. */
  requests: string[];
}

/** Older ones were retired (Summer '25); newer ones are not there yet. */
const OLDEST_VERSION = 31;
const NEWEST_VERSION = 66;
/** sObject Collections take upserts from here on. */
const COLLECTIONS_VERSION = 46;

export function createSandbox(options: SalesforceSandboxOptions = {}): SalesforceSandbox {
  const { limits = true, latencyMs = 0, publicKey, externalIdField = "Voice_Call_Id__c", dailyRequests = 15_000 } = options;
  const people = [...(options.people ?? PEOPLE)];
  const fields = taskFields(externalIdField ?? undefined);
  const oauth = createOAuth({ publicKey });
  const tasks = createTasks({ fields, people });
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
  app.get("/services/data/:version/sobjects/Task/describe", () => Response.json({ name: "Task", label: "Task", fields }));
  app.on("GET", ["/services/data/:version/search", "/services/data/:version/search/"], (context) =>
    search(context.req.query("q") ?? "", people),
  );
  app.get("/services/data/:version/composite/sobjects/Task", (context) =>
    tasks.retrieve(context.req.query("ids"), context.req.query("fields")),
  );
  app.delete("/services/data/:version/sobjects/Task/:id", (context) => tasks.remove(context.req.param("id")));
  app.patch("/services/data/:version/composite/sobjects/Task/:field", (context) => {
    if (Number.parseInt(context.req.param("version").slice(1), 10) < COLLECTIONS_VERSION) {
      return refusal(404, "NOT_FOUND", "The requested resource does not exist");
    }
    return tasks.upsert(context.req.raw, context.req.param("field"));
  });
  app.notFound(() => refusal(404, "NOT_FOUND", "The requested resource does not exist"));

  function recordOf(task: StoredTask): SandboxRecord {
    const person = people.find(({ Id }) => Id === task.WhoId || Id === task.WhatId);
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
    lockRows: tasks.lockRows,
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
