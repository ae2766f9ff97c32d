import { z } from "zod";
import { type Connector, defineConnector, httpSettings, secret } from "../../../src/connector/index.ts";
import { RoutesFileError } from "../../../src/errors.ts";
import { type LoadedRoutes, loadRoutes, type Role } from "../../../src/routes/index.ts";

const neverOpened = {
  open: () => Promise.reject(new Error("not opened in these tests")),
  sandbox: () => Promise.reject(new Error("no sandbox in these tests")),
};

/** Keeps one record per call, on the person who has the number, as HubSpot does. */
export const crm = defineConnector({
  name: "crm",
  title: "CRM",
  keeps: "record",
  duplicates: "native-key",
  settings: z.strictObject({ token: secret(), region: z.enum(["eu", "us"]).optional(), ...httpSettings }),
  with: z.strictObject({
    title: z.string().min(1).optional(),
    on_none: z.enum(["log", "skip"]).optional(),
    fields: z.record(z.string(), z.string()).optional(),
    tags: z.array(z.string()).max(3).optional(),
    match: z.strictObject({ on_many: z.enum(["most_recent", "none"]) }).optional(),
  }),
  batch: { maxCalls: 10, concurrency: 1 },
  ...neverOpened,
});

/** Sends messages, as Slack does. */
export const chat = defineConnector({
  name: "chat",
  title: "Chat",
  keeps: "message",
  duplicates: "none",
  settings: z.strictObject({ token: secret(), ...httpSettings }),
  with: z.strictObject({
    channel: z.string().regex(/^[A-Z0-9]+$/, "must be a channel id such as C0123456789"),
    text: z.string().optional(),
  }),
  batch: { maxCalls: 1, concurrency: 1 },
  ...neverOpened,
});

export const connectors = { crm, chat } as unknown as Record<string, Connector>;

export const env = {
  WEBHOOK_SECRET: "the-webhook-secret",
  OTHER_SECRET: "the-other-webhook-secret",
  CRM_TOKEN: "the-crm-token",
  CHAT_TOKEN: "the-chat-token",
};

export interface LoadForTest {
  version?: string;
  text: string;
  env?: Record<string, string | undefined>;
  role?: Role;
}

export function load(options: LoadForTest): LoadedRoutes {
  return loadRoutes({ path: "routes.yaml", env, connectors, role: { kind: "check" }, ...options });
}

/** The error that a file is refused with; the test fails if it is not. */
export function refusal(options: LoadForTest): RoutesFileError {
  try {
    load(options);
  } catch (error) {
    if (error instanceof RoutesFileError) return error;
    throw error;
  }
  throw new Error("the file was accepted");
}

/** `14:5 unknown field "wehn" — did you mean "when"?`, one line a problem; warnings begin with `warning`. */
export function problems(options: LoadForTest): string[] {
  return refusal(options).problems.map(line);
}

export function warnings(options: LoadForTest): string[] {
  return load(options).warnings.map(line);
}

function line(problem: RoutesFileError["problems"][number]): string {
  const { line, column, message, hint, severity } = problem;
  return `${line}:${column} ${severity === "warning" ? "warning " : ""}${message}${hint === undefined ? "" : ` — ${hint}`}`;
}

/** A correct file (13 lines) with more routes or other lines at its end. */
export function file(routes: string, changes: { sources?: string; destinations?: string; top?: string } = {}): string {
  return [
    "version: 1",
    "sources:",
    changes.sources ?? '  main: { secrets: ["${WEBHOOK_SECRET}"] }',
    changes.top ?? "timezone: Europe/Berlin",
    changes.top?.includes("own_numbers") ? "# own_numbers stand above" : 'own_numbers: ["+18005551234"]',
    changes.top?.includes("agents") ? "# agents stand above" : "agents: { sales: { id: agent_1, name: Sales line, direction: inbound } }",
    "destinations:",
    changes.destinations ?? '  crm: { connector: crm, token: "${CRM_TOKEN}" }\n  chat: { connector: chat, token: "${CHAT_TOKEN}" }',
    "routes:",
    routes,
  ].join("\n");
}
