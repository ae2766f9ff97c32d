/** What every bad day has in common: an ingress and connectors as processes of their own, sandboxes that can misbehave, and the accounts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { createSandbox as createHubSpot } from "../../connectors/hubspot/sandbox.ts";
import { createSandbox as createSlack } from "../../connectors/slack/sandbox.ts";
import type { Sandbox } from "../../src/connector.ts";
import type { RouteAudit } from "../../src/repair/audit.ts";
import { type PatchbayProcess, runPatchbay, startPatchbay } from "../support/patchbay-process.ts";
import { freePorts } from "../support/ports.ts";

export interface SceneEngine {
  name: "embedded" | "Kafka";
  logUrl(folder: string): string;
  ledgerUrl(folder: string): string;
}

/** How a destination behaves; `undefined` is well. */
export type Trouble = "refused" | "black hole" | "500" | "429" | "401" | undefined;

export interface FaultySandbox {
  sandbox: Sandbox;
  url: string;
  trouble(next: Trouble): Promise<void>;
  close(): Promise<void>;
}

const RETRY_AFTER_SECONDS = 2;

/** A sandbox on loopback at which all requests meet the same trouble, for as long as it is said to. */
export async function serveFaulty(sandbox: Sandbox): Promise<FaultySandbox> {
  let now: Trouble;
  const json = (status: number, headers: Record<string, string> = {}) =>
    Response.json(
      { ok: false, error: status === 401 ? "invalid_auth" : "failed", status: "error", message: "trouble", category: "TROUBLE" },
      { status, headers },
    );
  const listener = getRequestListener(
    (request) => {
      if (now === "black hole") return new Promise<Response>(() => undefined);
      if (now === "500") return json(500);
      if (now === "429") return json(429, { "retry-after": String(RETRY_AFTER_SECONDS) });
      if (now === "401") return json(401);
      return sandbox.fetch?.(request) as Promise<Response>;
    },
    { overrideGlobalObjects: false },
  );
  const listen = (port: number) =>
    new Promise<Server>((resolve, reject) => {
      const one = createServer({ keepAliveTimeout: 60_000 }, listener).once("error", reject);
      one.listen(port, "127.0.0.1", () => resolve(one));
    });
  let server: Server | undefined = await listen(0);
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
    server = undefined;
  };
  return {
    sandbox,
    url: `http://127.0.0.1:${port}`,
    close,
    async trouble(next) {
      now = next;
      if (next === "refused") await close();
      else {
        server ??= await listen(port);
        // Who hangs in a black hole must not stay there once it is gone.
        if (next === undefined) server.closeAllConnections();
      }
    },
  };
}

export interface Scene {
  engine: SceneEngine["name"];
  folder: string;
  env: Record<string, string>;
  /** Where calls are posted; the port stays over restarts of the ingress. */
  webhook: string;
  hubspot: FaultySandbox;
  slack: FaultySandbox;
  processes: Map<string, PatchbayProcess>;
  /** What processes said last that ended by themselves; each was started again. */
  failedStarts: string[];
  start(name: ProcessName): Promise<void>;
  /** kill -9, and started again at once. */
  kill(names: ProcessName[]): Promise<void>;
  /** `patchbay audit --json`. */
  audit(): Promise<{ whole: boolean; routes: RouteAudit[] }>;
  /** Until everything that was accepted came to an end. */
  drained(options: { withinMs: number }): Promise<{ whole: boolean; routes: RouteAudit[] }>;
  account(accepted: ReadonlySet<string>): Promise<Account>;
  close(): Promise<void>;
}

export const PROCESSES = ["ingress", "hubspot", "slack"] as const;
export type ProcessName = (typeof PROCESSES)[number];

export interface Account {
  /** Calls answered 200 that are not at the destination. */
  lost: { hubspot: number; slack: number };
  /** Records too many. */
  doubled: { hubspot: number; slack: number };
  delivered: { hubspot: number; slack: number };
}

export const SECRET = "torture-secret";

export async function openScene(options: { engine: SceneEngine; latencyMs?: number }): Promise<Scene> {
  const { engine, latencyMs = 20 } = options;
  const folder = mkdtempSync(join(tmpdir(), "patchbay-torture-"));
  const hubspot = await serveFaulty(createHubSpot({ limits: false, latencyMs }));
  const slack = await serveFaulty(createSlack({ limits: false, latencyMs }));
  const toHubSpot = hubspot.sandbox.settings({ url: hubspot.url, folder });
  const toSlack = slack.sandbox.settings({ url: slack.url, folder });
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations:
  hubspot: { connector: hubspot, ${Object.entries(toHubSpot)
    .map(([key, value]) => `${key}: "${value}"`)
    .join(", ")}, timeout: 5s }
  slack: { connector: slack, ${Object.entries(toSlack)
    .map(([key, value]) => `${key}: "${value}"`)
    .join(", ")}, timeout: 5s }
routes:
  - { id: to-hubspot, to: hubspot, start: beginning, share: [summary] }
  - { id: to-slack, to: slack, start: beginning, with: { channel: C0123456789 } }
`,
  );
  const [port = 0] = await freePorts(1);
  const env = { SECRET, PATCHBAY_LOG: engine.logUrl(folder), PATCHBAY_LEDGER: engine.ledgerUrl(folder) };
  const processes = new Map<string, PatchbayProcess>();
  const failedStarts: string[] = [];
  let closing = false;

  async function start(name: ProcessName): Promise<void> {
    const args = name === "ingress" ? ["ingress", "--port", String(port)] : ["connector", name, "--ops-port", "0"];
    const one = startPatchbay({ args, env, cwd: folder });
    processes.set(name, one);
    await one.logged(name === "ingress" ? "ingress listens" : "connector runs");
    // As a container platform does: what ends by itself (a stuck consumer asks for it) is started again, and told.
    one.child.once("exit", (code, signal) => {
      if (signal !== null || closing || processes.get(name) !== one) return;
      failedStarts.push(`${name} ended with ${code}: ${one.output().split("\n").slice(-3).join(" / ").slice(0, 1_000)}`);
      void restart(name).catch(() => undefined);
    });
  }
  /** As a supervisor does: a start that fails is tried again, and told. */
  async function restart(name: ProcessName): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await start(name);
      } catch (error) {
        if (tries === 5) throw error;
        await delay(1_000);
      }
    }
  }
  async function audit() {
    const { stdout, stderr, code } = await runPatchbay({ args: ["audit", "--json"], env, cwd: folder });
    if (stdout === "") throw new Error(`the audit ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as { whole: boolean; routes: RouteAudit[] };
  }

  return {
    engine: engine.name,
    folder,
    env,
    webhook: `http://127.0.0.1:${port}/webhooks/voiceinfra`,
    hubspot,
    slack,
    processes,
    failedStarts,
    start,
    audit,
    async kill(names) {
      await Promise.all(names.map((name) => processes.get(name)?.end("SIGKILL")));
      await Promise.all(names.map(restart));
    },
    async drained({ withinMs }) {
      const untilMs = performance.now() + withinMs;
      for (;;) {
        const found = await audit();
        const open = found.routes.reduce((sum, { unread, waiting }) => sum + unread + waiting, 0);
        if (open === 0 || performance.now() > untilMs) return found;
        await delay(1_000);
      }
    },
    async account(accepted) {
      const of = async ({ sandbox }: FaultySandbox, keyOf: (callId: string) => string) => {
        const keys = (await sandbox.records()).map(({ key }) => key);
        const there = new Set(keys);
        const lost = [...accepted].filter((callId) => !there.has(keyOf(callId))).length;
        return { lost, doubled: keys.length - there.size, delivered: there.size };
      };
      const crm = await of(hubspot, (callId) => `voiceinfra/${callId}`);
      const chat = await of(slack, (callId) => `voiceinfra/${callId}/to-slack`);
      return {
        lost: { hubspot: crm.lost, slack: chat.lost },
        doubled: { hubspot: crm.doubled, slack: chat.doubled },
        delivered: { hubspot: crm.delivered, slack: chat.delivered },
      };
    },
    async close() {
      closing = true;
      await Promise.all([...processes.values()].map((one) => one.end("SIGKILL")));
      await Promise.all([hubspot.close(), slack.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
