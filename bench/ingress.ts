import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { startPatchbay } from "../test/support/patchbay-process.ts";
import { cpuSecondsOf, printFigure, rssMbOf } from "./report.ts";

const SECRET = "bench-secret";
/** What the Dockerfile's ENTRYPOINT runs: compiled sources, the same flags. */
const AS_IN_THE_IMAGE = ["--max-semi-space-size=8", "--initial-old-space-size=40", "--disable-sigusr1", resolve("dist/src/cli.js")];
const REQUESTS = 60_000;
const WARM_UP = 10_000;
const CONNECTIONS = 64;

interface LoadResult {
  seconds: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  statuses: Record<string, number>;
}

/** Signed 2.7 KB webhooks over 64 connections against `patchbay ingress` as a process of its own. */
export async function benchIngress(options: {
  engine: string;
  logUrl: string;
  folder: string;
  targets: { rate: string; p99: string };
}): Promise<void> {
  const { engine, logUrl, folder, targets } = options;
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1\nsources: { voiceinfra: { secrets: ["\${SECRET}"] } }\ndestinations: { w: { connector: warehouse, url: "duckdb:w.duckdb" } }\nroutes: [{ id: all, to: w }]\n`,
  );
  const ingress = startPatchbay({
    args: ["ingress", "--port", "0"],
    env: { SECRET, PATCHBAY_LOG: logUrl },
    cwd: folder,
    program: AS_IN_THE_IMAGE,
  });
  const { url } = await ingress.logged("ingress listens");
  const port = new URL(String(url)).port;
  const pid = ingress.child.pid ?? 0;

  await load(port, WARM_UP);
  const cpuBefore = cpuSecondsOf(pid);
  const result = await load(port, REQUESTS);
  const cpuSeconds = cpuSecondsOf(pid) - cpuBefore;
  const { now, peak } = rssMbOf(pid);
  await ingress.end();

  const accepted = result.statuses["200"] ?? 0;
  if (accepted !== REQUESTS) console.log(`  answers other than 200: ${JSON.stringify(result.statuses)}`);
  printFigure(`ingress on ${engine}: accepts/s`, result.perSecond.toFixed(0), engine === "sqlite" ? targets.rate : undefined);
  printFigure(
    `ingress on ${engine}: accepts per CPU-second of the ingress`,
    (accepted / cpuSeconds).toFixed(0),
    engine === "kafka" ? targets.rate : undefined,
  );
  printFigure(`ingress on ${engine}: p50 / p99`, `${result.p50Ms.toFixed(1)} / ${result.p99Ms.toFixed(1)} ms`, targets.p99);
  printFigure(`ingress on ${engine}: RSS after / peak`, `${now.toFixed(0)} / ${peak.toFixed(0)} MB`, "≤ 150 MB");
}

async function load(port: string, requests: number): Promise<LoadResult> {
  const script = join(import.meta.dirname, "load.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script, port, String(requests), String(CONNECTIONS), SECRET], {
    maxBuffer: 1e6,
  });
  return JSON.parse(stdout);
}
