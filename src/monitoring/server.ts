/** What workers tell on the ops port: whether they make progress, and lag per route. */
import { Gauge, Registry } from "prom-client";
import type { Ledger } from "../ledger/ledger.ts";
import type { Log } from "../log/log.ts";
import { createHealth, type Running } from "./health.ts";
import { type OpsServer, serveOps } from "./http.ts";
import { routeMetrics } from "./route-metrics.ts";
import { unknownMetrics } from "./unknown-metrics.ts";
import { askedOnce } from "./with-deadline.ts";

export type { OpsServer } from "./http.ts";

export async function startOps(options: {
  port: number;
  host?: string | undefined;
  /** `attempts`: figures that its deliveries count. */
  running: Running & { readonly attempts?: Registry };
  log: Log;
  ledger: Ledger;
  /** Of an ingress in the same process. */
  registries?: Registry[];
}): Promise<OpsServer> {
  const { port, host, running, registries = [] } = options;
  const { log, ledger } = askedOnce(options);
  const registry = new Registry();
  const { health, ready } = createHealth({ running, log, ledger });
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
  const attempts = running.attempts ? [running.attempts] : [];
  return serveOps({ port, host, health, ready, registries: [registry, ...attempts, ...registries], refresh: routeFigures.refresh });
}
