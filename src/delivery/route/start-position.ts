import type { Ledger, LogPosition } from "../../ledger/ledger.ts";
import { CALLS_TOPIC, type Log } from "../../log/log.ts";
import type { Route, RouteStart } from "../../route.ts";

/** Each route is one consumer group. */
export function groupOf(routeId: string): string {
  return `patchbay.${routeId}`;
}

/**
 * Where a route begins if its group has no committed position: its start, resolved once and kept in the ledger, or, when the
 * group's offsets have expired, the ledger's copy of its positions.
 */
export async function resolveStart(options: { route: Route; log: Log; ledger: Ledger }): Promise<LogPosition[]> {
  const { route, log, ledger } = options;
  const start = await ledger.routeStart({ route: route.id, resolve: () => startPositions(route.start, log) });
  const reached = await ledger.mirroredPositions(route.id);
  const begun = start.map((position) => {
    const mirrored = reached.find(({ partition }) => partition === position.partition);
    return mirrored && mirrored.offset > position.offset ? mirrored : position;
  });
  // Partitions that were added later have no start: they begin at their oldest call, or at the ledger's copy of their position.
  return [...begun, ...reached.filter(({ partition }) => !start.some((one) => one.partition === partition))];
}

async function startPositions(start: RouteStart, log: Log): Promise<LogPosition[]> {
  if (start.kind === "time") return log.offsetsAt({ topic: CALLS_TOPIC, atMs: start.atMs });
  const ranges = await log.ranges(CALLS_TOPIC);
  return ranges.map(({ partition, low, high }) => ({ partition, offset: start.kind === "beginning" ? low : high }));
}
