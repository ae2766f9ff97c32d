import { Gauge, type Registry } from "prom-client";
import { readLag } from "../delivery/lag.ts";
import type { RouteWorker } from "../delivery/worker.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Log } from "../log/log.ts";

/** The figures of `patchbay lag`, read when Prometheus asks. Labels are ids from routes.yaml, never anything of a call. */
export function routeMetrics(options: { registry: Registry; workers: RouteWorker[]; log: Log; ledger: Ledger }): void {
  const { registry, workers, log, ledger } = options;
  const labelNames = ["route", "connector", "destination"];
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames, registers: [registry] });

  const oldest = gauge("patchbay_route_oldest_age_seconds", "Age of the oldest call that the route has not done with");
  const waiting = gauge("patchbay_route_waiting_deliveries", "Deliveries that wait for their next try");
  const dead = gauge("patchbay_route_dead_deliveries", "Dead letters");
  const inFlight = gauge("patchbay_route_in_flight", "Attempts under way, all replicas");
  const rate = gauge("patchbay_route_ended_per_second", "Deliveries that reached an end, all replicas");
  new Gauge({
    name: "patchbay_route_lag_messages",
    help: "Calls in the log that the route has not done with",
    labelNames,
    registers: [registry],
    async collect() {
      const report = await readLag({ routes: workers.map(({ route }) => route), log, ledger, nowMs: Date.now() });
      for (const one of report.routes) {
        const labels = { route: one.route, connector: one.connector, destination: one.destination };
        this.set(labels, one.lag);
        if (one.oldestAgeMs !== undefined) oldest.set(labels, one.oldestAgeMs / 1000);
        waiting.set(labels, one.waiting);
        dead.set(labels, one.dead);
        inFlight.set(labels, one.inFlight);
        rate.set(labels, one.endedPerSecond);
      }
    },
  });
}
