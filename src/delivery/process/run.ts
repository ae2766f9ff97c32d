/** The routes of one process: their workers, the destinations they share, and what reaches them while they run. */
import type { Ledger } from "../../ledger/ledger.ts";
import type { Clock } from "../../lib/time/clock.ts";
import type { Log } from "../../log/log.ts";
import type { Route, Routes } from "../../route.ts";
import { createRateLimiter } from "../limits/rate-limiter.ts";
import type { AttemptEvent, DeliveryEvent, RouteTrouble } from "../pipeline/events.ts";
import { createLeases } from "../pipeline/leases.ts";
import { batchLedger } from "../pipeline/ledger-batches.ts";
import { type RouteWorker, startRouteWorker } from "../route/worker.ts";
import { createSharedDestinations } from "./destinations.ts";
import { renameRoutes } from "./rename-route.ts";

/** How soon a pause or a hold reaches the routes. */
const READ_CONTROLS_EVERY_MS = 1_000;

export interface RunningRoutes {
  readonly workers: RouteWorker[];
  /** An edit of routes.yaml. Routes that stay are reloaded between two calls; only new, vanished and switched ones start or stop. */
  use(next: { routes: Routes; selected: Route[] }): Promise<void>;
  stop(options: { graceMs: number }): Promise<void>;
  /** Resolves when a route's engine gave up for good; the process should end with an error and be restarted. */
  readonly failed: Promise<Error>;
}

export interface RunRoutesOptions {
  routes: Routes;
  selected: Route[];
  log: Log;
  ledger: Ledger;
  /** Unique per process start. */
  worker: string;
  leaseMs: number;
  clock: Clock;
  onAttempt?(event: AttemptEvent): void;
  onEvent(event: DeliveryEvent): void;
  onTrouble(trouble: RouteTrouble): void;
  onDestination(destination: string, cause: string | undefined): void;
}

const STOP_GRACE_MS = 20_000;
const CLOSE_WITHIN_MS = 3_000;

/** Starts the workers of the selected routes. @throws what log and ledger throw; routes that had started are stopped then. */
export async function runRoutes(options: RunRoutesOptions): Promise<RunningRoutes> {
  const { ledger, worker, leaseMs, clock, onDestination, onAttempt = () => undefined } = options;
  const ended = new AbortController();
  const destinations = createSharedDestinations({ clock, signal: ended.signal, onChange: onDestination });
  const limiter = createRateLimiter({ ledger, clock });
  const batches = batchLedger({ ledger, worker, leaseMs, clock });
  const leases = createLeases({ ledger, leaseMs, clock, signal: ended.signal });
  const workers = new Map<string, RouteWorker>();
  const failure = Promise.withResolvers<Error>();
  let controls = await ledger.controls();
  limiter.syncHolds(controls.holds);

  async function start(route: Route, routes: Routes): Promise<void> {
    const { handle, breaker } = destinations.get(route.to, routes.timezone);
    if (route.was !== undefined) await renameRoutes({ ...options, from: route.was, to: route.id });
    const started = await startRouteWorker({ ...options, route, routes, handle, breaker, batches, leases, limiter, controls, onAttempt });
    workers.set(route.id, started);
    void started.failed.then(failure.resolve);
  }

  async function use({ routes, selected }: { routes: Routes; selected: Route[] }): Promise<void> {
    const wanted = new Map(selected.filter(({ enabled }) => enabled).map((route) => [route.id, route]));
    const fits = (one: RouteWorker) => wanted.get(one.route.id)?.to.connector.name === one.route.to.connector.name;
    const leaving = [...workers.values()].filter((one) => !fits(one));
    for (const one of leaving) workers.delete(one.route.id);
    for (const [id, one] of workers) {
      const route = wanted.get(id) as Route;
      one.reload({ route, routes, ...destinations.get(route.to, routes.timezone) });
    }
    await Promise.all(leaving.map((one) => one.stop({ graceMs: STOP_GRACE_MS })));
    const starts = await Promise.allSettled([...wanted.values()].filter(({ id }) => !workers.has(id)).map((route) => start(route, routes)));
    for (const one of starts) if (one.status === "rejected") throw one.reason;
  }

  async function readControls(): Promise<void> {
    while (!ended.signal.aborted) {
      await clock.sleep(READ_CONTROLS_EVERY_MS, ended.signal);
      try {
        const askedAtMs = clock.monotonicMs();
        controls = await ledger.controls();
        limiter.syncHolds(controls.holds);
        for (const one of workers.values()) one.applyControls(controls, askedAtMs);
      } catch {
        // The last decisions stay in force; the routes report themselves that the ledger is away.
      }
    }
  }

  let reading = Promise.resolve();
  async function stop({ graceMs }: { graceMs: number }): Promise<void> {
    await Promise.all([...workers.values()].map((one) => one.stop({ graceMs })));
    ended.abort();
    await reading;
    // Nothing is sent any more: what a connector does not close in time ends with the process.
    const closed = new AbortController();
    await Promise.race([destinations.close(), clock.sleep(CLOSE_WITHIN_MS, closed.signal)]).finally(() => closed.abort());
  }

  try {
    await use(options);
  } catch (error) {
    await stop({ graceMs: STOP_GRACE_MS });
    throw error;
  }
  reading = readControls();
  return {
    get workers() {
      return [...workers.values()];
    },
    use,
    failed: failure.promise,
    stop,
  };
}
