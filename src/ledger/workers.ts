/** How processes know of each other: heartbeats. */
import type { UnknownSeen } from "../model/unknown-calls.ts";

export interface RouteWorkerState {
  route: string;
  partitions: number[];
  inFlight: number;
  oldestOpenAt: number | undefined;
  /** Why it does not progress, if it does not: `standby`, `ledger away`, … */
  cause: string | undefined;
  /** Deliveries that reached an end (delivered, skipped, dead) per second, over the last ten seconds. */
  endedPerSecond: number;
}

export interface WorkerHeartbeat {
  /** Unique per process start: `<host>-<pid>-<random>`. */
  worker: string;
  host: string;
  pid: number;
  startedAt: number;
  routesVersion: string;
  /** What is wrong with the routes file as it is now, if this process still uses an earlier one. */
  routesProblem?: string | undefined;
  /** Calls that the routes file says too little of. */
  unknown?: UnknownSeen | undefined;
  routes: RouteWorkerState[];
}

export interface WorkerRow extends WorkerHeartbeat {
  /** Of the last heartbeat, by the database's clock. */
  ageMs: number;
}

export interface WorkerLedger {
  heartbeat(state: WorkerHeartbeat): Promise<void>;
  /** Removes a worker that ends, so that it is not taken for one that died. */
  goodbye(worker: string): Promise<void>;
  workers(): Promise<WorkerRow[]>;
}
