/** The HTTP face of workers, on a port of its own: /healthz, /readyz, /metrics. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { RouteWorker } from "../delivery/worker.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { CALLS_TOPIC, type Log } from "../log/log.ts";
import type { UnknownSeen } from "../model/unknown-calls.ts";
import { routeMetrics } from "./route-metrics.ts";
import { unknownMetrics } from "./unknown-metrics.ts";

/** The routes of this process; an edit of routes.yaml changes them. */
export interface Running {
  readonly workers: RouteWorker[];
  /** Ids of routes that stand without a cause. */
  stuck(): string[];
  /** Calls that the routes file says too little of. */
  unknown?(): UnknownSeen | undefined;
}

export interface OpsServer {
  url: string;
  stop(): Promise<void>;
}

/** No part of a worker has moved for so long: something is stuck that a restart may mend. */
const STUCK_AFTER_MS = 60_000;
const ANSWER_WITHIN_MS = 5_000;

export async function startOps(options: { port: number; running: Running; log: Log; ledger: Ledger }): Promise<OpsServer> {
  const { port, running, log, ledger } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  unknownMetrics({ registry, running });
  const routeFigures = routeMetrics({ registry, running, log, ledger });
  new Gauge({
    name: "patchbay_worker_routes",
    help: "Routes that this process runs",
    registers: [registry],
    collect() {
      this.set(running.workers.length);
    },
  });

  const server = createServer({ requestTimeout: ANSWER_WITHIN_MS, headersTimeout: ANSWER_WITHIN_MS }, async (request, response) => {
    const answer = async (): Promise<{ status: number; type: string; body: string }> => {
      if (request.method !== "GET" && request.method !== "HEAD") return json(405, { code: "method_not_allowed" });
      switch (request.url?.split("?")[0]) {
        case "/healthz":
          return health(running);
        case "/readyz":
          return ready({ log, ledger });
        case "/metrics":
          await routeFigures.refresh();
          return { status: 200, type: registry.contentType, body: await registry.metrics() };
        default:
          return json(404, { code: "not_found", message: "Here are /healthz, /readyz and /metrics." });
      }
    };
    const { status, type, body } = await answer().catch(() => json(500, { code: "internal" }));
    response.writeHead(status, { "content-type": type }).end(request.method === "HEAD" ? undefined : body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function json(status: number, body: unknown) {
  return { status, type: "application/json", body: JSON.stringify(body) };
}

/** Healthy means progress: calls to deliver, none delivered and no known cause is not health. */
function health(running: Running) {
  const idle = running.workers.filter((worker) => worker.idleMs() > STUCK_AFTER_MS).map(({ route }) => route.id);
  const stuck = [...new Set([...idle, ...running.stuck()])];
  return stuck.length === 0 ? json(200, { status: "ok" }) : json(503, { status: "stuck", routes: stuck });
}

async function ready(options: { log: Log; ledger: Ledger }) {
  const { log, ledger } = options;
  const checks = await Promise.allSettled([log.ranges(CALLS_TOPIC), ledger.check()]);
  const reasons = checks.flatMap((check, index) =>
    check.status === "rejected" ? [`${index === 0 ? "log" : "ledger"}: ${check.reason.message}`] : [],
  );
  return reasons.length === 0 ? json(200, { status: "ready" }) : json(503, { status: "not ready", reasons });
}
