import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { createSandbox as createHubspot } from "../../connectors/hubspot/sandbox/index.ts";
import { createSandbox as createSalesforce } from "../../connectors/salesforce/sandbox/index.ts";
import { createSandbox as createSlack } from "../../connectors/slack/sandbox/index.ts";
import type { Sandbox } from "../../src/connector/index.ts";
import { Kafka, logLevel } from "../../src/log/kafka/driver/load.ts";
import { type ServedSandbox, serveSandbox } from "../../src/sandbox/serve.ts";
import type { LagReport } from "../../src/views/lag.ts";
import { type PatchbayProcess, runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const kafka = inject("kafka");
const postgres = inject("postgres");
const missing = "missing" in kafka ? kafka.missing : "missing" in postgres ? postgres.missing : undefined;

const SECRET = "multi-process-secret";
const UNIQUE = 450;
const DUPLICATES = 50;
const PREFIX = `mp${process.pid}.`;

/** Calls that differ in what the routes look at. */
function makeCall(index: number): Record<string, unknown> {
  return {
    call_id: `mp_${index}`,
    // Few numbers: HubSpot takes five searches for new ones a second, and each replica asks for itself.
    from_number: `+1415555${String(100 + (index % 20)).padStart(4, "0")}`,
    to_number: "+18005551234",
    agent_id: index % 2 === 0 ? "agent_sales" : "agent_support",
    duration_seconds: index % 90,
    start_time: "2026-01-15T14:23:00Z",
    end_time: "2026-01-15T14:25:27Z",
    call_outcome: ["answered", "voicemail", "failed"][index % 3],
    summary: `Call number ${index}.`,
  };
}

const ROUTES = `
version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
own_numbers: ["+18005551234"]
agents: { sales: { id: agent_sales, name: Sales } }
destinations:
  hubspot: { connector: hubspot, base_url: "\${HUBSPOT_BASE_URL}", access_token: "\${HUBSPOT_ACCESS_TOKEN}" }
  salesforce: { connector: salesforce, login_url: "\${SALESFORCE_LOGIN_URL}", client_id: "\${SALESFORCE_CLIENT_ID}", client_secret: "\${SALESFORCE_CLIENT_SECRET}" }
  slack: { connector: slack, base_url: "\${SLACK_BASE_URL}", token: "\${SLACK_TOKEN}", rate: none }
  warehouse: { connector: warehouse, url: "\${WAREHOUSE_URL}", table: "${PREFIX.replace(".", "_")}calls" }
routes:
  - { id: to-hubspot, to: hubspot, when: 'call_outcome != "failed"' }
  - { id: to-salesforce, to: salesforce, when: 'agent == "sales"' }
  - { id: to-slack, to: slack, when: 'agent == "sales" && duration_seconds >= 30', with: { channel: C0123456789 } }
  - { id: to-warehouse, to: warehouse, share: [numbers, summary, recording, transcript, metadata] }
`;

/** What the routes above want, written a second time in plain code. */
const WANTED: Record<string, (call: Record<string, unknown>) => boolean> = {
  "to-hubspot": (call) => call.call_outcome !== "failed",
  "to-salesforce": (call) => call.agent_id === "agent_sales",
  "to-slack": (call) => call.agent_id === "agent_sales" && Number(call.duration_seconds) >= 30,
  "to-warehouse": () => true,
};

describe.skipIf(missing !== undefined)(
  `ingress and four connectors as processes of their own${missing ? `: SKIPPED, ${missing}` : ""}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "patchbay-"));
    const sandboxes: Record<string, Sandbox> = {
      hubspot: createHubspot({ limits: false }),
      salesforce: createSalesforce({ limits: false }),
      slack: createSlack({ limits: false }),
    };
    const served: ServedSandbox[] = [];
    const processes: PatchbayProcess[] = [];
    const env: Record<string, string> = { SECRET };
    let url = "";

    function start(...args: string[]): PatchbayProcess {
      const started = startPatchbay({ args, env, cwd: folder });
      processes.push(started);
      return started;
    }

    async function post(call: Record<string, unknown>): Promise<number> {
      const body = Buffer.from(JSON.stringify(call));
      const signature = createHmac("sha256", SECRET).update(body).digest("hex");
      const response = await fetch(`${url}/webhooks/voiceinfra`, {
        method: "POST",
        headers: { "x-voiceinfra-signature": signature },
        body,
      });
      await response.arrayBuffer();
      return response.status;
    }

    async function lag(): Promise<LagReport> {
      const { stdout, stderr, code } = await runPatchbay({ args: ["lag", "--json"], env, cwd: folder });
      if (code !== 0) throw new Error(`patchbay lag ended with ${code}: ${stderr}`);
      return JSON.parse(stdout);
    }

    beforeAll(async () => {
      if ("missing" in kafka || "missing" in postgres) return;
      writeFileSync(join(folder, "routes.yaml"), ROUTES);
      for (const [name, sandbox] of Object.entries(sandboxes)) {
        const one = await serveSandbox({ sandbox });
        served.push(one);
        for (const [key, value] of Object.entries(sandbox.settings({ url: one.url, folder }))) env[`${name}_${key}`.toUpperCase()] = value;
      }
      env.WAREHOUSE_URL = postgres.url;
      env.PATCHBAY_LOG = `kafka://${kafka.brokers}?prefix=${PREFIX}`;
      const admin = new pg.Client({ connectionString: postgres.url });
      await admin.connect();
      await admin.query(`CREATE DATABASE ledger_mp_${process.pid}`);
      await admin.end();
      const ledger = new URL(postgres.url);
      ledger.pathname = `/ledger_mp_${process.pid}`;
      env.PATCHBAY_LEDGER = ledger.href;
    });

    afterAll(async () => {
      await Promise.all(processes.map((one) => one.end("SIGKILL")));
      await Promise.all(served.map((one) => one.close()));
      rmSync(folder, { recursive: true, force: true });
    });

    test("500 signed calls, duplicates among them and a replica joining in the middle, end exactly where their routes want them", async () => {
      const ingress = start("ingress", "--port", "0");
      const connectors = ["hubspot", "salesforce", "slack", "warehouse"].map((name) => start("connector", name, "--ops-port", "0"));
      url = String((await ingress.logged("ingress listens")).url);
      await Promise.all(connectors.map((one) => one.logged("connector runs")));

      const calls = Array.from({ length: UNIQUE }, (_, index) => makeCall(index));
      const deliveries = [...calls, ...calls.slice(100, 100 + DUPLICATES)];
      const half = deliveries.length / 2;
      const statuses: number[] = [];
      for (let from = 0; from < deliveries.length; from += 20) {
        if (from === Math.ceil(half / 20) * 20) processes.push(start("connector", "hubspot", "--ops-port", "0"));
        statuses.push(...(await Promise.all(deliveries.slice(from, from + 20).map(post))));
      }
      expect(statuses.filter((status) => status === 200)).toHaveLength(UNIQUE + DUPLICATES);

      let report = await lag();
      await expect
        .poll(
          async () => {
            report = await lag();
            return report.routes.map(({ route, lag: behind, waiting, dead }) => ({ route, lag: behind, waiting, dead }));
          },
          { interval: 1_000 },
        )
        .toEqual(Object.keys(WANTED).map((route) => ({ route, lag: 0, waiting: 0, dead: 0 })));

      const wanted = (route: string) =>
        calls
          .filter((call) => WANTED[route]?.(call))
          .map((call) => `voiceinfra/${call.call_id}`)
          .sort();
      const held = async (name: string) => (await sandboxes[name]?.records())?.map(({ key }) => key).sort();
      expect(await held("hubspot")).toEqual(wanted("to-hubspot"));
      expect(await held("salesforce")).toEqual(wanted("to-salesforce"));
      // A message's key names its route; every call has exactly one message.
      expect(await held("slack")).toEqual(wanted("to-slack").map((key) => `${key}/to-slack`));
      expect(await warehouseKeys()).toEqual(wanted("to-warehouse"));

      await expectLagAsKafkaSays(report);
      for (const one of processes) expect(await one.end()).toBe(0);
    });

    async function warehouseKeys(): Promise<string[]> {
      const client = new pg.Client({ connectionString: env.WAREHOUSE_URL });
      await client.connect();
      const { rows } = await client.query(`SELECT delivery_key FROM "${PREFIX.replace(".", "_")}calls"`);
      await client.end();
      return rows.map(({ delivery_key }) => delivery_key).sort();
    }

    async function expectLagAsKafkaSays(report: LagReport): Promise<void> {
      if ("missing" in kafka) return;
      const admin = new Kafka({ clientId: "test", brokers: kafka.brokers.split(","), logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      const topic = `${PREFIX}patchbay.calls`;
      const ends = await admin.fetchTopicOffsets(topic);
      for (const { route, partitions } of report.routes) {
        const [group] = await admin.fetchOffsets({ groupId: `${PREFIX}patchbay.${route}`, topics: [topic] });
        const kafkaSays = ends.map(({ partition, high }) => ({
          partition,
          high: Number(high),
          lag: Number(high) - Number(group?.partitions.find((one) => one.partition === partition)?.offset),
        }));
        const weSay = partitions.map(({ partition, high, lag: behind }) => ({ partition, high, lag: behind }));
        const byPartition = (a: { partition: number }, b: { partition: number }) => a.partition - b.partition;
        expect(weSay.sort(byPartition)).toEqual(kafkaSays.sort(byPartition));
      }
      await admin.disconnect();
    }
  },
);
