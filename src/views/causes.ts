/** Why a route does not progress: one sentence, the same wherever a route or one of its calls is shown. */

import { isRunning } from "../delivery/process/heartbeat.ts";
import { pauseCause } from "../delivery/route/route-state.ts";
import type { RouteControl } from "../ledger/controls.ts";
import type { Ledger, RouteWorkerState, WorkerRow } from "../ledger/ledger.ts";
import type { Route } from "../route.ts";

/** What the ledger says of processes and of what people decided. */
export interface LedgerState {
  workers: WorkerRow[];
  controls: RouteControl[];
}

export interface Cause {
  /** `paused by ann: weekend`, `destination down: 503`. */
  sentence: string;
  /** Unix ms, where it is known. */
  since: number | undefined;
}

export async function readLedgerState(ledger: Pick<Ledger, "workers" | "controls">): Promise<LedgerState> {
  const [workers, { routes: controls }] = await Promise.all([ledger.workers(), ledger.controls()]);
  return { workers, controls };
}

/** What running processes say of the route. */
export function statesOf(routeId: string, workers: WorkerRow[]): RouteWorkerState[] {
  return workers.filter(isRunning).flatMap(({ routes }) => routes.filter(({ route }) => route === routeId));
}

/** `standing` of undefined: the ledger is away. */
export function causeOf({
  route,
  standing,
}: {
  route: Pick<Route, "id" | "enabled">;
  standing: LedgerState | undefined;
}): Cause | undefined {
  const pause = standing?.controls.find((one) => one.route === route.id)?.pause;
  if (pause) return { sentence: pauseCause(pause, route.id), since: pause.at };
  if (!route.enabled) return { sentence: "paused by routes.yaml (enabled: false)", since: undefined };
  if (!standing) return undefined;
  const running = statesOf(route.id, standing.workers).map(({ cause }) => cause);
  if (running.length === 0) return { sentence: "connector not running", since: undefined };
  // Standing by is a cause only where nobody holds the route.
  if (running.some((cause) => cause === undefined)) return undefined;
  const sentence = running.find((cause) => cause !== "standby") ?? running[0];
  return sentence === undefined ? undefined : { sentence, since: undefined };
}
