import { Gauge, type Registry } from "prom-client";
import type { RouteWorker } from "../delivery/route/worker.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { withTimeout } from "../lib/async/timeout.ts";
import type { Log } from "../log/log.ts";
import { ledgerFigures, type RouteLag, readLag } from "../views/lag.ts";
import { withDeadline } from "./with-deadline.ts";

/** A scrape gives up after 10 s; Kafka says only after 20 s that it is away, and that is just when its figures are wanted. */
const LOG_WITHIN_MS = 1_500;
const LEDGER_WITHIN_MS = 500;

/**
 * The figures of `patchbay lag` for Prometheus. Labels are ids from routes.yaml, never anything of a call.
 * `refresh` reads them within two seconds; call it before each scrape is answered. What cannot be known then is absent rather than old:
 * without the log, lag and age; without the ledger, all but those.
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

  const labelsOf = (route: RouteWorker["route"]) => ({ route: route.id, connector: route.to.connector.name, destination: route.to.name });

  function reset(): void {
    for (const one of [lag, oldest, inFlight, rate, waiting, dead]) one.reset();
  }

  /** What the ledger alone knows. */
  async function withoutLog(): Promise<void> {
    const [counts, workers] = await withTimeout(LEDGER_WITHIN_MS, Promise.all([ledger.counts(), ledger.workers()]));
    reset();
    for (const { route } of running.workers) setFromLedger(labelsOf(route), ledgerFigures({ route: route.id, workers, counts }));
  }

  function setFromLedger(
    labels: ReturnType<typeof labelsOf>,
    figures: Pick<RouteLag, "inFlight" | "endedPerSecond" | "waiting" | "dead">,
  ): void {
    inFlight.set(labels, figures.inFlight);
    rate.set(labels, figures.endedPerSecond);
    waiting.set(labels, figures.waiting);
    dead.set(labels, figures.dead);
  }

  return {
    async refresh() {
      const routes = running.workers.map(({ route }) => route);
      const report = await readLag({ routes, ...withDeadline({ log, ledger, ms: LOG_WITHIN_MS }), nowMs: Date.now() }).catch(
        () => undefined,
      );
      reset();
      logUp.set(report ? 1 : 0);
      if (!report) {
        ledgerUp.set(
          await withoutLog().then(
            () => 1,
            () => 0,
          ),
        );
        return;
      }
      const known = report.ledgerAway === undefined;
      ledgerUp.set(known ? 1 : 0);
      for (const one of report.routes) {
        const labels = { route: one.route, connector: one.connector, destination: one.destination };
        lag.set(labels, one.lag);
        if (one.oldestAgeMs !== undefined) oldest.set(labels, one.oldestAgeMs / 1000);
        if (known) setFromLedger(labels, one);
      }
    },
  };
}
