/**
 * The worker of one route: takes calls from the log and waiting deliveries from the ledger, and sees each to its end.
 * It knows contracts only: which engines and which connector stand behind them is decided in `src/app.ts`.
 */
import type { Controls, Pause } from "../../ledger/controls.ts";
import type { Ledger, LogPosition, RouteWorkerState } from "../../ledger/ledger.ts";
import { createKeyedQueue } from "../../lib/async/keyed-queue.ts";
import { createRateMeter } from "../../lib/async/rate-meter.ts";
import { createSemaphore } from "../../lib/async/semaphore.ts";
import type { Clock } from "../../lib/time/clock.ts";
import { CALLS_TOPIC, type Log, type Message, type Taken } from "../../log/log.ts";
import type { Route, Routes } from "../../route.ts";
import { createAdmission, createRoutePause, pauseCause } from "../limits/admission.ts";
import type { CircuitBreaker } from "../limits/circuit-breaker.ts";
import type { RateLimiter } from "../limits/rate-limiter.ts";
import { createRejectionGuard } from "../limits/rejection-guard.ts";
import { createBatchSender } from "../pipeline/batch-sender.ts";
import type { DeliveryEvent, RouteTrouble } from "../pipeline/events.ts";
import { startLateUpdates } from "../pipeline/late-updates.ts";
import type { Leases } from "../pipeline/leases.ts";
import type { LedgerBatches } from "../pipeline/ledger-batches.ts";
import { overridesOf, type RouteOverrides } from "../pipeline/match-route.ts";
import { createDeliveryProcessor } from "../pipeline/process-delivery.ts";
import type { RouteRuntime } from "../pipeline/send-with-retries.ts";
import { startDueLoop } from "./due-loop.ts";
import type { DestinationHandle } from "./open-destination.ts";
import { groupOf, resolveStart } from "./start-position.ts";

export interface RouteWorker {
  /** As the file in use says. */
  readonly route: Route;
  status(): RouteWorkerState;
  /** For how long nothing has moved in the engine that feeds it: no fetch, no heartbeat, no commit. */
  idleMs(): number;
  /** How often a delivery came to an end, or was put to wait, since the start. */
  settledCount(): number;
  /** By partition, the end that the log had at least: behind the furthest message taken. */
  seen(): LogPosition[];
  /** An edit of routes.yaml: from now on calls go this way. The route's id and connector stay. */
  reload(next: Wiring): void;
  /** What people decided, as the ledger says now. */
  applyControls(controls: Controls): void;
  /** Takes nothing more, lets attempts end (up to `graceMs`), commits, leaves the group. */
  stop(options: { graceMs: number }): Promise<void>;
  /** Resolves when the log's engine gave up for good: the process should end and be started again. */
  readonly failed: Promise<Error>;
}

/** A route of a file, with the destination that its process has open. */
export interface Wiring {
  route: Route;
  routes: Pick<Routes, "describe" | "version">;
  handle: DestinationHandle;
  /** Of the destination, shared by its routes in this process. */
  breaker: CircuitBreaker;
}

export interface RouteWorkerOptions extends Wiring {
  log: Log;
  ledger: Ledger;
  batches: LedgerBatches;
  leases: Leases;
  pacer: RateLimiter;
  controls: Controls;
  worker: string;
  leaseMs: number;
  clock: Clock;
  onEvent(event: DeliveryEvent): void;
  onTrouble(trouble: RouteTrouble): void;
}

export async function startRouteWorker(options: RouteWorkerOptions): Promise<RouteWorker> {
  const { log, ledger, batches, leases, pacer, worker, leaseMs, clock, onEvent, onTrouble } = options;
  const { id } = options.route;
  const { batch } = options.route.to.connector;
  const maxInFlight = batch.maxCalls * batch.concurrency;
  /** Calls on their way at once: those being sent, and as many again that are being matched, claimed or settled. */
  const maxInProgress = maxInFlight + Math.max(64, maxInFlight);

  const stopping = new AbortController();
  const deadline = new AbortController();
  const slots = createSemaphore(maxInFlight);
  const room = createSemaphore(maxInProgress);
  const meter = createRateMeter({ monotonicMs: clock.monotonicMs });
  const order = createKeyedQueue();
  const flood = createRejectionGuard();
  const seen = new Map<number, number>();
  let moves = 0;
  let ledgerFailedAtMs: number | undefined;
  /** A pause that the route made by itself, until the ledger has it. */
  let telling = false;
  /** What was read of the ledger while it was told may be of the time before. */
  let toldSince = false;
  let decisions: RouteOverrides = overridesOf(id, options.controls);

  const pause = createRoutePause({
    clock,
    onChange(cause) {
      if (cause === undefined) subscription.resume();
      else subscription.pause();
      onTrouble({ route: id, cause });
    },
  });

  const wayOf = ({ route, routes, handle, breaker }: Wiring): RouteRuntime & Pick<Routes, "describe"> => ({
    route,
    routesVersion: routes.version,
    describe: routes.describe,
    gate: createAdmission({ pause, pacer, breaker, destination: route.to.name }),
    sender: createBatchSender({
      connector: route.to.connector,
      handle,
      timeoutMs: route.to.timeoutMs,
      lingerMs: route.to.lingerMs,
      limiter:
        route.to.intervalMs === undefined || route.to.connector.target
          ? undefined
          : { key: route.to.name, intervalMs: route.to.intervalMs },
      pacer,
      clock,
    }),
  });
  let way = wayOf(options);

  const trips = createDeliveryProcessor({
    currentRoute: () => way,
    decisions: () => decisions,
    ledger: batches,
    leases,
    slots,
    pacer,
    clock,
    deadline: deadline.signal,
    mayReject,
    onGone: (reason) => void stopRoute({ kind: "gone", reason }),
    onForgotten: (message) => void eraseForgotten(message),
    onEvent(event) {
      ledgerAnswered();
      moves += 1;
      if (event.kind === "waiting") dueLoop.wake(event.dueInMs);
      else meter.count();
      onEvent(event);
    },
    onLedgerFailure,
  });

  function mayReject(code: string | undefined): boolean {
    if (pause.cause() !== undefined) return code === undefined;
    const reason = flood.count(code);
    if (reason !== undefined) void stopRoute({ kind: "flood", reason });
    return true;
  }

  /** Kept in the ledger: a restart must not turn the rest of the topic into dead letters, nor ask anew what has said that it is gone. */
  async function stopRoute({ kind, reason }: Pick<Pause, "kind" | "reason">): Promise<void> {
    if (telling || pause.cause() !== undefined) return;
    telling = true;
    pause.set(pauseCause({ kind, reason }, id));
    while (!stopping.signal.aborted) {
      try {
        await ledger.pause({ route: id, kind, reason, by: worker });
        break;
      } catch (error) {
        onLedgerFailure(error);
        await clock.sleep(1_000, stopping.signal);
      }
    }
    telling = false;
    toldSince = true;
  }

  /** Where the log can (Kafka cannot). Who forgets the call once more finds what is left. */
  async function eraseForgotten({ topic, partition, offset, value }: Message): Promise<void> {
    if (value.byteLength === 0) return;
    await log.erase?.({ topic, partition, offset }).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : "unknown";
      onTrouble({ route: id, cause: `a later version of a forgotten call is still in the log: ${why}`, goesOn: true });
    });
  }

  function onLedgerFailure(error: unknown): void {
    if (ledgerFailedAtMs === undefined)
      onTrouble({ route: id, cause: `ledger away: ${error instanceof Error ? error.message : "unknown"}` });
    ledgerFailedAtMs = clock.monotonicMs();
  }
  function ledgerAnswered(): void {
    if (ledgerFailedAtMs === undefined) return;
    ledgerFailedAtMs = undefined;
    onTrouble({ route: id, cause: undefined });
  }

  const start = await resolveStart({ route: options.route, log, ledger });
  const subscription = await log.subscribe({
    topic: CALLS_TOPIC,
    group: groupOf(id),
    start,
    onLost: (range) => ledger.noteLost({ route: id, kind: "retention", reason: "", ...range }),
    onUnreadable: (range) => ledger.noteLost({ route: id, kind: "unreadable", ...range }),
  });
  applyControls(options.controls);

  function applyControls(controls: Controls): void {
    const next = overridesOf(id, controls);
    if (!sameDecisions(decisions, next)) decisions = next;
    if (telling) return;
    // Controls are read one after the other: the next ones were asked for after the ledger had it.
    if (toldSince) {
      toldSince = false;
      return;
    }
    const told = controls.routes.find((one) => one.route === id)?.pause;
    if (told === undefined && pause.cause() !== undefined) flood.reset();
    pause.set(told && pauseCause(told, id));
  }

  /** One for each holding of a partition: a signal of its own for every call is what the old generation would fill up with. */
  const combined = new WeakMap<AbortSignal, AbortSignal>();
  function untilStopOr(leaving: AbortSignal): AbortSignal {
    const known = combined.get(leaving) ?? AbortSignal.any([leaving, stopping.signal]);
    combined.set(leaving, known);
    return known;
  }

  async function carry(taken: Taken): Promise<void> {
    const { partition, offset } = taken.message;
    seen.set(partition, Math.max(offset + 1, seen.get(partition) ?? 0));
    try {
      const signal = untilStopOr(taken.signal);
      await order.run(taken.message.key, () => trips.processMessage(taken, signal));
    } finally {
      room.release();
    }
  }

  async function takeLoop(): Promise<void> {
    while (await room.acquire(stopping.signal)) {
      const taken = await subscription.take({ max: 1 + maxInProgress - room.held, signal: stopping.signal });
      // The worker stops, or the subscription did.
      if (taken.length === 0) return room.release();
      for (const [index, one] of taken.entries()) {
        if (index > 0) await room.acquire();
        void carry(one);
      }
    }
  }

  const dueLoop = startDueLoop({
    route: id,
    worker,
    leaseMs,
    ledger,
    room: () => Math.min(maxInFlight - slots.held, way.gate.room()),
    // Not behind a record of the same call from the log: that one waits for this very claim.
    carry: (due, claimedAtMs) => trips.processDue(due, { claimedAtMs, signal: stopping.signal }),
    clock,
    signal: stopping.signal,
    deadline: deadline.signal,
    onFailure: onLedgerFailure,
  });
  const followUps = startLateUpdates({
    way: () => way,
    decisions: () => decisions,
    log,
    ledger,
    clock,
    signal: stopping.signal,
    onQueued: () => dueLoop.wake(0),
    onLooked: ledgerAnswered,
    onUnread(error) {
      const why = error instanceof Error ? error.message : "unknown";
      onTrouble({
        route: id,
        cause: `messages that went without another route's receipt are not edited: the log cannot be read: ${why}`,
        goesOn: true,
      });
    },
    onFailure: onLedgerFailure,
  });
  const taking = takeLoop();

  return {
    get route() {
      return way.route;
    },
    failed: subscription.failed,
    settledCount: () => moves,
    seen: () => [...seen].map(([partition, offset]) => ({ partition, offset })),
    applyControls,
    reload(next) {
      way = wayOf(next);
    },
    status() {
      const { partitions, standby, away, trouble, oldestOpenAt } = subscription.status();
      const cause =
        ledgerFailedAtMs !== undefined ? "ledger away" : away ? "log away" : standby ? "standby" : (way.gate.cause() ?? trouble);
      return { route: id, partitions, inFlight: slots.held, oldestOpenAt, cause, endedPerSecond: meter.perSecond() };
    },
    idleMs: () => Math.max(0, clock.nowMs() - subscription.status().aliveAt),
    async stop({ graceMs }) {
      stopping.abort();
      const over = new AbortController();
      void clock.sleep(graceMs, over.signal).then(() => deadline.abort());
      await Promise.all([subscription.stop({ graceMs }), dueLoop.done, followUps, taking, idle(room, slots, deadline.signal, clock)]);
      over.abort();
    },
  };
}

function sameDecisions(a: RouteOverrides, b: RouteOverrides): boolean {
  return a.skipBefore?.before === b.skipBefore?.before && a.forgotten.size === b.forgotten.size;
}

async function idle(room: { held: number }, slots: { held: number }, deadline: AbortSignal, clock: Clock): Promise<void> {
  while ((room.held > 0 || slots.held > 0) && !deadline.aborted) await clock.sleep(10, deadline);
}
