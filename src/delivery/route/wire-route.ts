import type { Controls } from "../../ledger/controls.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { createRateMeter } from "../../lib/async/rate-meter.ts";
import { createSemaphore } from "../../lib/async/semaphore.ts";
import type { Clock } from "../../lib/time/clock.ts";
import { CALLS_TOPIC, type Log, type Message, type Subscription } from "../../log/log.ts";
import type { RateLimiter } from "../limits/rate-limiter.ts";
import type { DeliveryPorts } from "../pipeline/delivery-ports.ts";
import type { AttemptEvent, DeliveryEvent, RouteTrouble } from "../pipeline/events.ts";
import type { Leases } from "../pipeline/leases.ts";
import type { LedgerBatches } from "../pipeline/ledger-batches.ts";
import { isSameOverrides, overridesOf } from "../pipeline/match-route.ts";
import { createDueTimer, type DueTimer } from "./due-loop.ts";
import { createRouteRuntime, type Wiring } from "./route-runtime.ts";
import { createRouteState } from "./route-state.ts";
import { groupOf, resolveStart } from "./start-position.ts";

export interface RouteWorkerOptions extends Wiring {
  log: Log;
  ledger: Ledger;
  batches: LedgerBatches;
  leases: Leases;
  limiter: RateLimiter;
  controls: Controls;
  worker: string;
  leaseMs: number;
  clock: Clock;
  onAttempt(event: AttemptEvent): void;
  onEvent(event: DeliveryEvent): void;
  onTrouble(trouble: RouteTrouble): void;
}

/** What the loops of a worker share. */
export interface WiredRoute {
  subscription: Subscription;
  ports: DeliveryPorts;
  dueTimer: DueTimer;
  /** Aborted when the worker stops. */
  stopping: AbortController;
  /** Aborted when a stop waits no longer. */
  deadline: AbortController;
  /** Deliveries that were settled since the start, and those that ended, per second. */
  settled: { count: number; endedPerSecond(): number };
  reload(next: Wiring): void;
  applyControls(controls: Controls, askedAtMs: number): void;
}

/** Connects a route to its log, its ledger and its destination; nothing is taken yet. @throws what log and ledger throw. */
export async function wireRoute(options: RouteWorkerOptions): Promise<WiredRoute> {
  const { ledger, batches, leases, limiter, controls, worker, clock, onAttempt, onEvent, onTrouble } = options;
  const { id, to } = options.route;
  const [stopping, deadline] = [new AbortController(), new AbortController()];
  const subscription = await subscribe(options);
  const dueTimer = createDueTimer(clock);
  const meter = createRateMeter({ monotonicMs: clock.monotonicMs });
  const settled = { count: 0, endedPerSecond: meter.perSecond };
  const state = createRouteState({
    route: id,
    clock,
    signal: stopping.signal,
    write: ({ kind, reason }) => ledger.pause({ route: id, kind, reason, by: worker }),
    onPaused: () => subscription.pause(),
    onResumed: () => subscription.resume(),
    onTrouble,
  });
  const runtimeOf = (wiring: Wiring) => createRouteRuntime({ wiring, state, limiter, clock });
  const ports: DeliveryPorts = {
    current: { runtime: runtimeOf(options), overrides: overridesOf(id, controls) },
    state,
    ledger: batches,
    leases,
    slots: createSemaphore(to.connector.batch.maxCalls * to.connector.batch.concurrency),
    clock,
    deadline: deadline.signal,
    onAttempt,
    onSettled(event) {
      state.ledgerAnswered();
      settled.count += 1;
      if (event.kind === "waiting") dueTimer.wake(event.dueInMs);
      else meter.count();
      onEvent(event);
    },
    onForgotten: (message) => void eraseForgotten(message, options),
  };

  function applyControls(said: Controls, askedAtMs: number): void {
    const overrides = overridesOf(id, said);
    if (!isSameOverrides(ports.current.overrides, overrides)) ports.current = { ...ports.current, overrides };
    state.applyPause(said.routes.find(({ route }) => route === id)?.pause, askedAtMs);
  }

  applyControls(controls, clock.monotonicMs());
  return {
    subscription,
    ports,
    dueTimer,
    stopping,
    deadline,
    settled,
    reload(next) {
      ports.current = { ...ports.current, runtime: runtimeOf(next) };
    },
    applyControls,
  };
}

async function subscribe({ route, log, ledger }: RouteWorkerOptions): Promise<Subscription> {
  const start = await resolveStart({ route, log, ledger });
  return log.subscribe({
    topic: CALLS_TOPIC,
    group: groupOf(route.id),
    start,
    onLost: (range) => ledger.noteLost({ route: route.id, kind: "retention", reason: "", ...range }),
    onUnreadable: (range) => ledger.noteLost({ route: route.id, kind: "unreadable", ...range }),
  });
}

/** Where the log can (Kafka cannot). Another `forget` of the call finds what is left. */
async function eraseForgotten({ topic, partition, offset, value }: Message, options: RouteWorkerOptions): Promise<void> {
  const { route, log, onTrouble } = options;
  if (value.byteLength === 0) return;
  await log.erase?.({ topic, partition, offset }).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : "unknown";
    onTrouble({ route: route.id, cause: `a later version of a forgotten call is still in the log: ${why}`, continues: true });
  });
}
