import { groupOf } from "../delivery/route/start-position.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { CALLS_TOPIC, type Log } from "../log/log.ts";
import { partitionLags } from "../views/lag.ts";

/**
 * How many records of the log a route has not done with, also one that is not in the file any more.
 * @param options.beforeMs only records that were accepted before it, Unix ms.
 */
export async function unreadOf(options: { route: string; log: Log; ledger: Ledger; beforeMs?: number | undefined }): Promise<number> {
  const { route, log, ledger, beforeMs } = options;
  const committed = await log.committed({ group: groupOf(route), topic: CALLS_TOPIC });
  const start = [...(await ledger.mirroredPositions(route)), ...((await ledger.routeStarts()).get(route) ?? [])];
  const ends = beforeMs === undefined ? [] : await log.offsetsAt({ topic: CALLS_TOPIC, atMs: beforeMs });
  const ranges = (await log.ranges(CALLS_TOPIC)).map((range) => {
    const end = ends.find(({ partition }) => partition === range.partition)?.offset ?? range.high;
    return { ...range, high: Math.max(range.low, Math.min(range.high, end)) };
  });
  return partitionLags({ ranges, committed, start }).reduce((sum, { lag }) => sum + lag, 0);
}
