/**
 * How much memory `audit` takes, and how long: a log of so many calls, all skipped by each of so many routes, audited by a process of its own.
 *   node bench/audit.ts [calls] [routes] [folder]
 * A folder that is there already is audited as it is. By hand only: 2,000,000 calls are 6 GB of log and take a quarter of an hour to make.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLedger, openLog } from "../src/app.ts";
import { groupOf } from "../src/delivery/route/start-position.ts";
import { createLogger } from "../src/lib/process/logger.ts";
import { CALLS_TOPIC } from "../src/log/log.ts";
import { recordKey, toHeaders } from "../src/model/envelope.ts";
import { parseRecord } from "../src/model/record.ts";
import { benchCall } from "./call.ts";
import { printFigure, printMachine, rssMbOf } from "./report.ts";

const calls = Number(process.argv[2] ?? 400_000);
const routes = Array.from({ length: Number(process.argv[3] ?? 1) }, (_, index) => `route-${index + 1}`);
const kept = process.argv[4];
const folder = kept ?? mkdtempSync(join(tmpdir(), "patchbay-bench-audit-"));
const AT_ONCE = 1_000;

printMachine();
if (!existsSync(join(folder, "ledger.db"))) await make();
await audit();
if (kept === undefined) rmSync(folder, { recursive: true, force: true });

async function make(): Promise<void> {
  const log = await openLog({ url: `sqlite:${folder}/log.db`, logger: createLogger({ level: "silent" }) });
  const ledger = await openLedger({ url: `sqlite:${folder}/ledger.db` });
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1\nsources: { main: { allow_unsigned: true } }\ndestinations: { store: { connector: archive, url: "file:out" } }\nroutes:\n${routes
      .map((id) => `  - { id: ${id}, to: store, record: ${id}, when: call_outcome == "failed" }\n`)
      .join("")}`,
  );
  for (const route of routes) await ledger.routeStart({ route, resolve: async () => [{ partition: 0, offset: 0 }] });
  for (let from = 0; from < calls; from += AT_ONCE) {
    const ids = Array.from({ length: Math.min(AT_ONCE, calls - from) }, (_, index) => `bench_${from + index}`);
    const made = await Promise.all(
      ids.map(async (callId) => {
        const value = benchCall(callId);
        const parsed = parseRecord(value);
        const acceptedAt = Date.now();
        const headers = toHeaders({ source: "main", acceptedAt, requestId: callId });
        const { partition, offset } = await log.append({ topic: CALLS_TOPIC, key: recordKey("main", callId), value, headers });
        return { source: "main", callId, partition, offset, acceptedAt, hash: parsed.ok ? parsed.hash : "" };
      }),
    );
    for (const route of routes) await ledger.skip(made.map((one) => ({ ...one, route, reason: "when is false", routesVersion: "bench" })));
    if (from % 50_000 === 0) console.error(`${from} of ${calls} calls made`);
  }
  for (const route of routes)
    await log.placeGroup({ group: groupOf(route), topic: CALLS_TOPIC, positions: [{ partition: 0, offset: calls }] });
  await Promise.all([log.close(), ledger.close()]);
}

/** As npm starts it, with the same flags for the heap. */
async function audit(): Promise<void> {
  const flags = ["--max-semi-space-size=8", "--initial-old-space-size=40"];
  const args = [
    "--routes",
    `${folder}/routes.yaml`,
    "--log",
    `sqlite:${folder}/log.db`,
    "--ledger",
    `sqlite:${folder}/ledger.db`,
    "--json",
  ];
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, [...flags, "bin/patchbay.js", "audit", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let [peak, output] = [0, ""];
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  const timer = setInterval(() => {
    try {
      peak = Math.max(peak, rssMbOf(child.pid as number).peak || 0);
    } catch {
      // It has ended.
    }
  }, 50);
  const [code] = await once(child, "close");
  clearInterval(timer);
  const { whole, routes: audits } = JSON.parse(output) as { whole: boolean; routes: { records: number }[] };
  const records = audits.reduce((sum, one) => sum + one.records, 0);
  const seconds = (performance.now() - startedAtMs) / 1000;
  printFigure(`audit of ${records} records (exit code ${code}, ${whole ? "whole" : "NOT whole"}), peak memory`, `${peak.toFixed(0)} MB`);
  printFigure("  time", `${seconds.toFixed(1)} s, ${Math.round(records / seconds)}/s`);
}
