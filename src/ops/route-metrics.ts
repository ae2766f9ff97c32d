import { Gauge, type Registry } from "prom-client";
import { readLag } from "../delivery/lag.ts";
import type { RouteWorker } from "../delivery/worker.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Log } from "../log/log.ts";

/**
 * The figures of `patchbay lag` for Prometheus. Labels are ids from routes.yaml, never anything of a call.
 * `refresh` reads them anew; call it before each scrape is answered. While the log is away they are absent rather than old.
 */
export function routeMetrics(options: { registry: Registry; running: { readonly workers: RouteWorker[] }; log: Log; ledger: Ledger }): {
  refresh(): Promise<void>;
} {
  const { registry, running, log, ledger } = options;
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames: ["route", "connector", "destination"], registers });

  const lag = gauge("patchbay_route_lag_messages", "Calls in the log that the route has not done with");
  const oldest = gauge("patchbay_route_oldest_age_seconds", "Age of the oldest call that the route has not done with");
  const inFlight = gauge("patchbay_route_in_flight", "Attempts under way, all replicas");
  const rate = gauge("patchbay_route_ended_per_second", "Deliveries that reached an end, all replicas");
  const waiting = gauge("patchbay_route_waiting_deliveries", "Deliveries that wait for their next try");
  const dead = gauge("patchbay_route_dead_deliveries", "Dead letters");
  const logUp = new Gauge({ name: "patchbay_log_up", help: "1 when the log answered the last question, else 0", registers });
  const ledgerUp = new Gauge({ name: "patchbay_ledger_up", help: "1 when the ledger answered the last question, else 0", registers });

  return {
    async refresh() {
      for (const one of [lag, oldest, inFlight, rate, waiting, dead]) one.reset();
      try {
        const report = await readLag({ routes: running.workers.map(({ route }) => route), log, ledger, nowMs: Date.now() });
        const known = report.ledgerAway === undefined;
        logUp.set(1);
        ledgerUp.set(known ? 1 : 0);
        for (const one of report.routes) {
          const labels = { route: one.route, connector: one.connector, destination: one.destination };
          lag.set(labels, one.lag);
          if (one.oldestAgeMs !== undefined) oldest.set(labels, one.oldestAgeMs / 1000);
          if (!known) continue;
          inFlight.set(labels, one.inFlight);
          rate.set(labels, one.endedPerSecond);
          waiting.set(labels, one.waiting);
          dead.set(labels, one.dead);
        }
      } catch {
        logUp.set(0);
      }
    },
  };
}
