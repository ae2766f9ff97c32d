/** What every bad day has in common: an ingress and connectors as processes of their own, sandboxes that can misbehave, and the accounts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createSandbox as createHubSpot } from "../../connectors/hubspot/sandbox/index.ts";
import { createSandbox as createSlack } from "../../connectors/slack/sandbox/index.ts";
import type { RouteAudit } from "../../src/operations/audit.ts";
import { type PatchbayProcess, runPatchbay, startPatchbay } from "../support/patchbay-process.ts";
import { freePorts } from "../support/ports.ts";
import { settingsText } from "../support/settings-text.ts";
import { type FaultySandbox, serveFaulty } from "./faulty-sandbox.ts";
import type { TortureRow } from "./table.ts";

export interface SceneEngine {
  name: "embedded" | "Kafka";
  logUrl(folder: string): string;
  ledgerUrl(folder: string): string;
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
  drained(options: { withinMs: number; everyMs?: number }): Promise<{ whole: boolean; routes: RouteAudit[] }>;
  account(accepted: ReadonlySet<string>): Promise<Account>;
  /** Waits until all is delivered, and gives what every row of the table says of it. */
  settled(accepted: ReadonlySet<string>, options: { withinMs: number }): Promise<{ accounts: RowAccounts; routes: RouteAudit[] }>;
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

type RowAccounts = Pick<TortureRow, "engine" | "accepted" | "delivered" | "doubled" | "doubledWithoutKey" | "lost" | "whole" | "dead">;

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
  hubspot: { connector: hubspot, ${settingsText(toHubSpot)}, timeout: 5s }
  slack: { connector: slack, ${settingsText(toSlack)}, timeout: 5s }
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

  async function drained({ withinMs, everyMs = 1_000 }: { withinMs: number; everyMs?: number }) {
    const untilMs = performance.now() + withinMs;
    for (;;) {
      const found = await audit();
      const open = found.routes.reduce((sum, { unread, waiting }) => sum + unread + waiting, 0);
      if (open === 0 || performance.now() > untilMs) return found;
      await delay(everyMs);
    }
  }

  async function account(accepted: ReadonlySet<string>): Promise<Account> {
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
    drained,
    account,
    async settled(accepted, options) {
      await Promise.all([hubspot, slack].map((one) => untilThere(one, accepted, options.withinMs)));
      const { whole, routes } = await drained(options);
      const { lost, doubled, delivered } = await account(accepted);
      const accounts = {
        engine: engine.name,
        accepted: accepted.size,
        delivered: `HubSpot ${delivered.hubspot}, Slack ${delivered.slack}`,
        doubled: doubled.hubspot,
        doubledWithoutKey: doubled.slack,
        lost: lost.hubspot + lost.slack,
        whole,
        dead: routes.reduce((sum, route) => sum + route.dead, 0),
      };
      return { accounts, routes };
    },
    async close() {
      closing = true;
      await Promise.all([...processes.values()].map((one) => one.end("SIGKILL")));
      await Promise.all([hubspot.close(), slack.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Until every accepted call is at the destination: counted here, since an audit is a process that reads the whole log. Resolves with how many are not. */
export async function untilThere(destination: FaultySandbox, accepted: ReadonlySet<string>, withinMs: number): Promise<number> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const there = new Set((await destination.sandbox.records()).map(({ key }) => key.split("/")[1]));
    const missing = [...accepted].filter((callId) => !there.has(callId)).length;
    if (missing === 0 || performance.now() > untilMs) return missing;
    await delay(200);
  }
}

/** A start has a backlog of its own (on Kafka groups are joined in seconds): it is no part of the time without a fault. */
export async function untilCaughtUp(scene: Scene, accepted: ReadonlySet<string>): Promise<void> {
  const untilMs = performance.now() + 60_000;
  const behind = async () => accepted.size - (await scene.slack.sandbox.records()).length;
  while ((await behind()) > 20 && performance.now() < untilMs) await delay(200);
  await delay(2_000);
}
