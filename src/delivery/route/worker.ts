/**
 * The worker of one route: it takes calls from the log and due deliveries from the ledger, and processes each to its end.
 * It knows contracts only; `src/app.ts` chooses the engines and connectors behind them.
 */
import type { Controls } from "../../ledger/controls.ts";
import type { LogPosition, RouteWorkerState } from "../../ledger/ledger.ts";
import { createKeyedQueue } from "../../lib/async/keyed-queue.ts";
import type { Route } from "../../route.ts";
import { dueTask, messageTask } from "../pipeline/delivery-task.ts";
import { runLateUpdates } from "../pipeline/late-updates.ts";
import { processDelivery } from "../pipeline/process-delivery.ts";
import { runDueLoop } from "./due-loop.ts";
import { startMessageLoop } from "./message-loop.ts";
import type { Wiring } from "./route-runtime.ts";
import { type RouteWorkerOptions, wireRoute } from "./wire-route.ts";

export interface RouteWorker {
  /** As the file in use says. */
  readonly route: Route;
  status(): RouteWorkerState;
  /** Milliseconds for which nothing has moved in the engine that feeds it: no fetch, no heartbeat, no commit. */
  idleMs(): number;
  /** How often a delivery was settled since the start; one that waits counts too. */
  settledCount(): number;
  /** By partition, the end that the log had at least: behind the furthest message taken. */
  seen(): LogPosition[];
  /** An edit of routes.yaml: later calls go this way. The route's id and connector stay. */
  reload(next: Wiring): void;
  /** What people decided, as the ledger says. `askedAtMs`: monotonic, before it was asked. */
  applyControls(controls: Controls, askedAtMs: number): void;
  /** Takes nothing more, lets attempts end (up to `graceMs`), commits, leaves the group. */
  stop(options: { graceMs: number }): Promise<void>;
  /** Resolves when the log's engine gave up for good: the process should end and be restarted. */
  readonly failed: Promise<Error>;
}

/** Joins the route's group and delivers until it is stopped. @throws what log and ledger throw. */
export async function startRouteWorker(options: RouteWorkerOptions): Promise<RouteWorker> {
  const { log, ledger, worker, leaseMs, clock, onTrouble } = options;
  const { id, to } = options.route;
  const { subscription, ports, dueTimer, stopping, deadline, settled, reload, applyControls } = await wireRoute(options);
  const { state, slots } = ports;
  const { signal } = stopping;
  const maxInFlight = to.connector.batch.maxCalls * to.connector.batch.concurrency;

  /** Records of one call are delivered one after the other. */
  const order = createKeyedQueue();
  const messages = startMessageLoop({
    subscription,
    /** Calls being sent, and as many again that are being matched, claimed or settled. */
    maxInProgress: maxInFlight + Math.max(64, maxInFlight),
    process: (taken, leaving) => order.run(taken.message.key, () => processDelivery(messageTask(taken, leaving), ports)),
    signal,
  });
  const due = runDueLoop({
    route: id,
    worker,
    leaseMs,
    ledger,
    room: () => Math.min(maxInFlight - slots.held, ports.current.runtime.admission.room()),
    // Not behind a record of the same call from the log, which waits for this very claim.
    process: (row, claimedAtMs) => processDelivery(dueTask(row, { claimedAtMs, signal }), ports),
    timer: dueTimer,
    clock,
    signal,
    deadline: deadline.signal,
    onFailure: state.ledgerFailed,
  });
  const lateUpdates = runLateUpdates({ ports, log, ledger, clock, signal, onQueued: () => dueTimer.wake(0), onTrouble });

  async function whenIdle(): Promise<void> {
    while ((messages.inProgress() > 0 || slots.held > 0) && !deadline.signal.aborted) await clock.sleep(10, deadline.signal);
  }

  return {
    get route() {
      return ports.current.runtime.route;
    },
    failed: subscription.failed,
    settledCount: () => settled.count,
    seen: messages.seen,
    reload,
    applyControls,
    status() {
      const from = subscription.status();
      const { partitions, oldestOpenAt } = from;
      const cause = state.cause(from, ports.current.runtime.admission.cause());
      return { route: id, partitions, inFlight: slots.held, oldestOpenAt, cause, endedPerSecond: settled.endedPerSecond() };
    },
    idleMs: () => Math.max(0, clock.nowMs() - subscription.status().aliveAt),
    async stop({ graceMs }) {
      stopping.abort();
      const isOver = new AbortController();
      void clock.sleep(graceMs, isOver.signal).then(() => deadline.abort());
      await Promise.all([subscription.stop({ graceMs }), due, lateUpdates, messages.done, whenIdle()]);
      isOver.abort();
    },
  };
}
