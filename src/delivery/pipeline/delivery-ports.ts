import type { Semaphore } from "../../lib/async/semaphore.ts";
import type { Clock } from "../../lib/time/clock.ts";
import type { Message } from "../../log/log.ts";
import type { RouteRuntime } from "../route/route-runtime.ts";
import type { RouteState } from "../route/route-state.ts";
import type { AttemptEvent, DeliveryEvent } from "./events.ts";
import type { Leases } from "./leases.ts";
import type { LedgerBatches } from "./ledger-batches.ts";
import type { RouteOverrides } from "./match-route.ts";

/** What the worker of a route lends to its deliveries. */
export interface DeliveryPorts {
  /** Another object after each edit of routes.yaml and each decision of a person. */
  current: { runtime: RouteRuntime; overrides: RouteOverrides };
  state: RouteState;
  ledger: LedgerBatches;
  leases: Leases;
  /** Attempts that may be in progress at once. */
  slots: Semaphore;
  clock: Clock;
  onAttempt(event: AttemptEvent): void;
  onSettled(event: DeliveryEvent): void;
  /** A version of a forgotten call came: it is skipped, and its record is erased from the log. */
  onForgotten(message: Message): void;
  /** Aborted when a stop waits no longer. */
  deadline: AbortSignal;
}

/** `again`: the delivery was released or its claim was lost, so its message is still to be delivered. */
export type Progress = "done" | "again" | "stopped";
