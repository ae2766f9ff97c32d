/** The routes of one process: their workers, the destinations they share, and what reaches them while they run. */
import type { Controls } from "../../ledger/controls.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import type { Clock } from "../../lib/time/clock.ts";
import type { Log } from "../../log/log.ts";
import type { Destination, Route, Routes } from "../../route.ts";
import { type CircuitBreaker, createCircuitBreaker } from "../limits/circuit-breaker.ts";
import { createRateLimiter } from "../limits/rate-limiter.ts";
import type { DeliveryEvent, RouteTrouble } from "../pipeline/events.ts";
import { createLeases } from "../pipeline/leases.ts";
import { batchLedger } from "../pipeline/ledger-batches.ts";
import { createDestinationHandle, type DestinationHandle } from "../route/open-destination.ts";
import { type RouteWorker, startRouteWorker } from "../route/worker.ts";
import { renameRoutes } from "./rename-route.ts";

/** How soon a pause, a hold or a forgotten call is heard of. */
const HEED_EVERY_MS = 1_000;

export interface RunningRoutes {
  readonly workers: RouteWorker[];
  /** An edit of routes.yaml. Routes that stay change their way between two calls; only new, vanished and switched ones start or stop. */
  use(next: { routes: Routes; selected: Route[] }): Promise<void>;
  stop(options: { graceMs: number }): Promise<void>;
  /** Resolves when a route's engine gave up for good; the process should end with an error and be started again. */
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
  onEvent(event: DeliveryEvent): void;
  onTrouble(trouble: RouteTrouble): void;
  onDestination(destination: string, cause: string | undefined): void;
}

interface OpenedDestination {
  to: Destination;
  timezone: string;
  handle: DestinationHandle;
  breaker: CircuitBreaker;
}

const STOP_GRACE_MS = 20_000;
const CLOSE_WITHIN_MS = 3_000;

export async function runRoutes(options: RunRoutesOptions): Promise<RunningRoutes> {
  const { log, ledger, worker, leaseMs, clock, onEvent, onTrouble, onDestination } = options;
  const ended = new AbortController();
  const batches = batchLedger({ ledger, worker, leaseMs, clock });
  const leases = createLeases({ ledger, leaseMs, clock, signal: ended.signal });
  const pacer = createRateLimiter({ ledger, clock });
  const destinations = new Map<string, OpenedDestination>();
  const workers = new Map<string, RouteWorker>();
  const failure = Promise.withResolvers<Error>();
  let controls: Controls = await ledger.controls();
  pacer.heard(controls.holds);

  function destinationOf(to: Destination, timezone: string): OpenedDestination {
    const known = destinations.get(to.name);
    if (known && known.to.fingerprint === to.fingerprint && known.timezone === timezone) return known;
    const handle = createDestinationHandle({ destination: to, timezone, clock });
    const breaker = createCircuitBreaker({ clock, signal: ended.signal, onChange: (cause) => onDestination(to.name, cause) });
    const opened = { to, timezone, handle, breaker };
    destinations.set(to.name, opened);
    // Attempts under way end within their time-out; until then they have the old one.
    if (known) void clock.sleep(known.to.timeoutMs + 5_000, ended.signal).then(() => known.handle.close());
    return opened;
  }

  async function start(route: Route, routes: Routes): Promise<void> {
    const { handle, breaker } = destinationOf(route.to, routes.timezone);
    if (route.was !== undefined) await renameRoutes({ from: route.was, to: route.id, log, ledger, clock });
    const one = await startRouteWorker({
      route,
      routes,
      handle,
      breaker,
      log,
      ledger,
      batches,
      leases,
      pacer,
      controls,
      worker,
      leaseMs,
      clock,
      onEvent,
      onTrouble,
    });
    workers.set(route.id, one);
    void one.failed.then(failure.resolve);
  }

  async function use({ routes, selected }: { routes: Routes; selected: Route[] }): Promise<void> {
    const wanted = new Map(selected.filter(({ enabled }) => enabled).map((route) => [route.id, route]));
    const fits = (one: RouteWorker) => wanted.get(one.route.id)?.to.connector.name === one.route.to.connector.name;
    const leaving = [...workers.values()].filter((one) => !fits(one));
    for (const one of leaving) workers.delete(one.route.id);
    for (const [id, one] of workers) {
      const route = wanted.get(id) as Route;
      one.reload({ route, routes, ...destinationOf(route.to, routes.timezone) });
    }
    await Promise.all(leaving.map((one) => one.stop({ graceMs: STOP_GRACE_MS })));
    const starts = await Promise.allSettled([...wanted.values()].filter(({ id }) => !workers.has(id)).map((route) => start(route, routes)));
    for (const one of starts) if (one.status === "rejected") throw one.reason;
  }

  async function stop({ graceMs }: { graceMs: number }): Promise<void> {
    await Promise.all([...workers.values()].map((one) => one.stop({ graceMs })));
    ended.abort();
    await heeding;
    // Nothing is sent any more: what a connector's own code does not close ends with the process.
    const closed = new AbortController();
    await Promise.race([
      Promise.all([...destinations.values()].map(({ handle }) => handle.close())),
      clock.sleep(CLOSE_WITHIN_MS, closed.signal),
    ]).finally(() => closed.abort());
  }

  async function heedLoop(): Promise<void> {
    while (!ended.signal.aborted) {
      await clock.sleep(HEED_EVERY_MS, ended.signal);
      try {
        controls = await ledger.controls();
        pacer.heard(controls.holds);
        for (const one of workers.values()) one.applyControls(controls);
      } catch {
        // What was decided last goes on; the routes say themselves that the ledger is away.
      }
    }
  }

  let heeding = Promise.resolve();
  try {
    await use(options);
  } catch (error) {
    // Routes that had started already have attempts under way.
    await stop({ graceMs: STOP_GRACE_MS });
    throw error;
  }
  heeding = heedLoop();

  return {
    get workers() {
      return [...workers.values()];
    },
    use,
    failed: failure.promise,
    stop,
  };
}
