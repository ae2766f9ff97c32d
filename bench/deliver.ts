import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLedger, openLog, startConnectors } from "../src/app.ts";
import { createLogger } from "../src/lib/process/logger.ts";
import { CALLS_TOPIC } from "../src/log/log.ts";
import { loadRoutes } from "../src/routes/index.ts";
import { startPatchbay } from "../test/support/patchbay-process.ts";
import { benchCall } from "./call.ts";
import { benchConnector } from "./connector.ts";
import { printFigure, quantile, rssMbOf } from "./report.ts";

const SECRET = "bench-secret";
const logger = createLogger({ level: "error" });

interface Engines {
  engine: string;
  logUrl: string;
  ledgerUrl: string;
  folder: string;
}

function writeRoutes(folder: string, latencyMs: number): string {
  const path = join(folder, "bench.routes.yaml");
  writeFileSync(
    path,
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { bench: { connector: bench, latency_ms: "${latencyMs}" } }
routes: [{ id: bench-${latencyMs}, to: bench }]
`,
  );
  return path;
}

async function startBenchConnector(options: Engines & { latencyMs: number; onDelivered: (tookMs: number) => void }) {
  const { logUrl, ledgerUrl, folder, latencyMs, onDelivered } = options;
  const { connector, sent } = benchConnector();
  const routes = loadRoutes({
    path: writeRoutes(folder, latencyMs),
    env: { SECRET },
    connectors: { bench: connector },
    role: { kind: "all" },
  });
  const log = await openLog({ url: logUrl, logger });
  const ledger = await openLedger({ url: ledgerUrl });
  const running = await startConnectors({
    routes,
    selected: routes.routes,
    log,
    ledger,
    logger,
    onEvent: (event) => {
      if (event.kind === "delivered") onDelivered(event.tookMs);
    },
  });
  return {
    sent,
    async stop() {
      await running.stop({ graceMs: 10_000 });
      await log.close();
      await ledger.close();
    },
  };
}

/** From the ingress' 200-to-be (accepted_at) to the receipt in the ledger, at 200 calls a second. */
export async function benchLatency(options: Engines): Promise<void> {
  const { engine, logUrl, folder } = options;
  const tookMs: number[] = [];
  const total = 200 * 20;
  const warmUp = 200 * 3;
  const done = Promise.withResolvers<void>();
  const bench = await startBenchConnector({
    ...options,
    latencyMs: 0,
    onDelivered(took) {
      tookMs.push(took);
      if (tookMs.length === total) done.resolve();
    },
  });
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1\nsources: { voiceinfra: { secrets: ["\${SECRET}"] } }\ndestinations: { w: { connector: warehouse, url: "duckdb:w.duckdb" } }\nroutes: [{ id: all, to: w }]\n`,
  );
  const ingress = startPatchbay({ args: ["ingress", "--port", "0"], env: { SECRET, PATCHBAY_LOG: logUrl }, cwd: folder });
  const { url } = await ingress.logged("ingress listens");
  // A sender of its own: the time between two posts must not wait for what this process does.
  const sender = fork(join(import.meta.dirname, "pace.ts"), [`${url}/webhooks/voiceinfra`, SECRET, String(total), "200"]);
  await done.promise;
  if (sender.exitCode === null) await once(sender, "exit");
  await bench.stop();
  await ingress.end();

  const measured = tookMs.slice(warmUp).sort((a, b) => a - b);
  printFigure(
    `accept → delivered at 200 calls/s on ${engine}: p50 / p99`,
    `${quantile(measured, 0.5).toFixed(1)} / ${quantile(measured, 0.99).toFixed(1)} ms`,
    "≤ 20 / ≤ 100 ms",
  );
}

/** 20,000 calls wait in the log; the destination takes 100 ms and 64 at once: 640 a second is the ideal. */
export async function benchDrain(options: Engines): Promise<void> {
  const { engine, logUrl } = options;
  const total = 20_000;
  // The route begins "now": let it see the log before the backlog is there.
  const first = await startBenchConnector({ ...options, latencyMs: 100, onDelivered: () => undefined });
  await first.stop();
  const log = await openLog({ url: logUrl, logger });
  for (let from = 0; from < total; from += 500) {
    await Promise.all(
      Array.from({ length: 500 }, (_, i) => {
        const callId = `drain_${process.pid}_${from + i}`;
        return log.append({
          topic: CALLS_TOPIC,
          key: `voiceinfra/${callId}`,
          value: benchCall(callId),
          headers: { source: "voiceinfra", accepted_at: String(Date.now()), format: "1" },
        });
      }),
    );
  }
  await log.close();

  const endedAtMs: number[] = [];
  const done = Promise.withResolvers<void>();
  const cpuBefore = process.cpuUsage();
  const bench = await startBenchConnector({
    ...options,
    latencyMs: 100,
    onDelivered() {
      endedAtMs.push(performance.now());
      if (endedAtMs.length === total) done.resolve();
    },
  });
  await done.promise;
  const seconds = ((endedAtMs.at(-1) ?? 0) - (endedAtMs[0] ?? 0)) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  await bench.stop();
  const rate = (total - 1) / seconds;
  printFigure(
    `drain of ${total} on ${engine}, 100 ms each, 64 in flight`,
    `${rate.toFixed(1)}/s = ${((rate / 640) * 100).toFixed(1)} %`,
    "≥ 95 % of 640/s",
  );
  printFigure(
    `drain on ${engine}: CPU, RSS of the worker; sent`,
    `${((cpu.user + cpu.system) / 1e6).toFixed(1)} s, ${rssMbOf(process.pid).now.toFixed(0)} MB; ${bench.sent()}`,
  );
}
