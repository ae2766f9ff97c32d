/**
 * The worker of one route: takes calls from the log and waiting deliveries from the ledger, and sees each to its end.
 * It knows contracts only: which engines and which connector stand behind them is decided in `src/app.ts`.
 */
import type { Ledger, RouteWorkerState } from "../ledger/ledger.ts";
import type { Clock } from "../lib/clock.ts";
import { createKeyedQueue } from "../lib/keyed-queue.ts";
import { createRateMeter } from "../lib/rate-meter.ts";
import { createSemaphore } from "../lib/semaphore.ts";
import { CALLS_TOPIC, type Log, type Taken } from "../log/log.ts";
import type { Route, Routes } from "../route.ts";
import type { Breaker } from "./breaker.ts";
import { startDueLoop } from "./due.ts";
import type { DeliveryEvent, RouteTrouble } from "./events.ts";
import type { LedgerBatches } from "./ledger-batches.ts";
import type { DestinationHandle } from "./open-destination.ts";
import { createSender } from "./sender.ts";
import { groupOf, resolveStart } from "./start.ts";
import { createTrips } from "./trip.ts";

export interface RouteWorker {
  route: Route;
  status(): RouteWorkerState;
  /** For how long nothing has moved in the engine that feeds it: no fetch, no heartbeat, no commit. */
  idleMs(): number;
  /** Takes nothing more, lets attempts end (up to `graceMs`), commits, leaves the group. */
  stop(options: { graceMs: number }): Promise<void>;
  /** Resolves when the log's engine gave up for good: the process should end and be started again. */
  readonly failed: Promise<Error>;
}

export interface RouteWorkerOptions {
  route: Route;
  routes: Pick<Routes, "describe" | "version">;
  log: Log;
  ledger: Ledger;
  batches: LedgerBatches;
  handle: DestinationHandle;
  /** Of the destination, shared by its routes in this process. */
  breaker: Breaker;
  worker: string;
  leaseMs: number;
  clock: Clock;
  onEvent(event: DeliveryEvent): void;
  onTrouble(trouble: RouteTrouble): void;
}

export async function startRouteWorker(options: RouteWorkerOptions): Promise<RouteWorker> {
  const { route, routes, log, ledger, batches, handle, breaker, worker, leaseMs, clock, onEvent, onTrouble } = options;
  const { connector } = route.to;
  const inFlightMost = connector.batch.maxCalls * connector.batch.concurrency;
  /** Calls on their way at once: those being sent, and as many again that are being matched, claimed or settled. */
  const roomMost = inFlightMost + Math.max(64, inFlightMost);

  const stopping = new AbortController();
  const deadline = new AbortController();
  const slots = createSemaphore(inFlightMost);
  const room = createSemaphore(roomMost);
  const ended = createRateMeter({ monotonicMs: clock.monotonicMs });
  const order = createKeyedQueue();
  let ledgerFailedAtMs: number | undefined;

  const trips = createTrips({
    route,
    describe: routes.describe,
    routesVersion: routes.version,
    ledger: batches,
    leaseMs,
    renew: async ({ claim }) => (await ledger.renew({ leaseMs, claims: [{ key: claim, claimId: claim.claimId }] }))[0] ?? false,
    sender: createSender({ connector, handle, timeoutMs: route.to.timeoutMs }),
    breaker,
    slots,
    clock,
    deadline: deadline.signal,
    onEvent(event) {
      ledgerAnswered();
      if (event.kind === "waiting") dueLoop.wake(event.dueInMs);
      else ended.count();
      onEvent(event);
    },
    onLedgerFailure,
  });

  function onLedgerFailure(error: unknown): void {
    if (ledgerFailedAtMs === undefined)
      onTrouble({ route: route.id, cause: `ledger away: ${error instanceof Error ? error.message : "unknown"}` });
    ledgerFailedAtMs = clock.monotonicMs();
  }
  function ledgerAnswered(): void {
    if (ledgerFailedAtMs === undefined) return;
    ledgerFailedAtMs = undefined;
    onTrouble({ route: route.id, cause: undefined });
  }

  const start = await resolveStart({ route, log, ledger });
  const subscription = await log.subscribe({ topic: CALLS_TOPIC, group: groupOf(route.id), start });

  async function carry(taken: Taken): Promise<void> {
    try {
      const signal = AbortSignal.any([taken.signal, stopping.signal]);
      await order.run(taken.message.key, () => trips.fromLog(taken, signal));
    } finally {
      room.release();
    }
  }

  async function takeLoop(): Promise<void> {
    while (await room.acquire(stopping.signal)) {
      const batch = await subscription.take({ max: 1 + roomMost - room.held, signal: stopping.signal });
      // The worker stops, or the subscription did.
      if (batch.length === 0) return room.release();
      for (const [index, taken] of batch.entries()) {
        if (index > 0) await room.acquire();
        void carry(taken);
      }
    }
  }

  const dueLoop = startDueLoop({
    route: route.id,
    worker,
    leaseMs,
    ledger,
    room: () => Math.min(inFlightMost - slots.held, breaker.room()),
    carry: (due) => order.run(`${due.source}/${due.callId}`, () => trips.fromLedger(due, stopping.signal)),
    clock,
    signal: stopping.signal,
    onFailure: onLedgerFailure,
  });
  const taking = takeLoop();

  return {
    route,
    failed: subscription.failed,
    status() {
      const { partitions, standby, oldestOpenAt } = subscription.status();
      const cause = ledgerFailedAtMs !== undefined ? "ledger away" : standby ? "standby" : breaker.cause();
      return { route: route.id, partitions, inFlight: slots.held, oldestOpenAt, cause, endedPerSecond: ended.perSecond() };
    },
    idleMs: () => Math.max(0, clock.nowMs() - subscription.status().aliveAt),
    async stop({ graceMs }) {
      stopping.abort();
      const timer = setTimeout(() => deadline.abort(), graceMs);
      await Promise.all([subscription.stop({ graceMs }), dueLoop.done, taking, idle(room, slots, deadline.signal, clock)]);
      clearTimeout(timer);
    },
  };
}

async function idle(room: { held: number }, slots: { held: number }, deadline: AbortSignal, clock: Clock): Promise<void> {
  while ((room.held > 0 || slots.held > 0) && !deadline.aborted) await clock.sleep(10, deadline);
}
