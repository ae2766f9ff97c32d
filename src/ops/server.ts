/** What workers tell on the ops port: whether they make progress, and lag per route. */
import { Gauge, Registry } from "prom-client";
import type { RouteWorker } from "../delivery/worker.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { CALLS_TOPIC, type Log } from "../log/log.ts";
import { type OpsAnswer, type OpsServer, serveOps } from "./http.ts";
import { routeMetrics } from "./route-metrics.ts";

export type { OpsServer } from "./http.ts";

/** The routes of this process; an edit of routes.yaml changes them. */
export interface Running {
  readonly workers: RouteWorker[];
  /** Ids of routes that stand without a cause. */
  stuck(): string[];
}

/** No part of a worker has moved for so long: something is stuck that a restart may mend. */
const STUCK_AFTER_MS = 60_000;

export async function startOps(options: {
  port: number;
  host?: string | undefined;
  running: Running;
  log: Log;
  ledger: Ledger;
  /** Of an ingress in the same process. */
  registries?: Registry[];
}): Promise<OpsServer> {
  const { port, host, running, log, ledger, registries = [] } = options;
  const registry = new Registry();
  const routeFigures = routeMetrics({ registry, running, log, ledger });
  new Gauge({
    name: "patchbay_worker_routes",
    help: "Routes that this process runs",
    registers: [registry],
    collect() {
      this.set(running.workers.length);
    },
  });
  return serveOps({
    port,
    host,
    health: () => health(running),
    ready: () => ready({ log, ledger }),
    registries: [registry, ...registries],
    refresh: routeFigures.refresh,
  });
}

/** Healthy means progress: calls to deliver, none delivered and no known cause is not health. */
function health(running: Running): OpsAnswer {
  const idle = running.workers.filter((worker) => worker.idleMs() > STUCK_AFTER_MS).map(({ route }) => route.id);
  const stuck = [...new Set([...idle, ...running.stuck()])];
  return stuck.length === 0 ? { status: 200, body: { status: "ok" } } : { status: 503, body: { status: "stuck", routes: stuck } };
}

async function ready(options: { log: Log; ledger: Ledger }): Promise<OpsAnswer> {
  const { log, ledger } = options;
  const checks = await Promise.allSettled([log.ranges(CALLS_TOPIC), ledger.check()]);
  const reasons = checks.flatMap((check, index) =>
    check.status === "rejected" ? [`${index === 0 ? "log" : "ledger"}: ${check.reason.message}`] : [],
  );
  return reasons.length === 0 ? { status: 200, body: { status: "ready" } } : { status: 503, body: { status: "not ready", reasons } };
}
