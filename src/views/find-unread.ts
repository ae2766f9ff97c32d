import { groupOf } from "../delivery/route/start-position.ts";
import { isNewer, type RecordPlace } from "../ledger/record-order.ts";
import { CALLS_TOPIC, type Log, type PartitionRange, type Position } from "../log/log.ts";
import { readPages } from "../log/pages.ts";
import { fromMessage, recordKey } from "../model/envelope.ts";
import type { Route } from "../route.ts";

/** What of the log some route has still to read, and the newest record of one call in it. */
export interface Unread {
  ranges: PartitionRange[];
  /** By route: up to where it has read, or where it begins; none of a route that has never run. */
  reached: Map<string, Position[]>;
  /** The newest record in it, by source. */
  newest: Map<string, RecordPlace>;
  /** Records that were looked at. */
  looked: number;
}

/** Reads the log from the hindmost route on that has ever run, or from its beginning where none has; by the key of a record alone, which is what the ingress gave it. */
export async function findUnread(options: {
  callId: string;
  routes: Pick<Route, "id">[];
  log: Log;
  /** Of the ledger: where routes begin. */
  starts: Map<string, Position[]>;
  onProgress?: (records: number) => void;
}): Promise<Unread> {
  const { callId, routes, log, starts, onProgress = () => undefined } = options;
  const reached = new Map<string, Position[]>();
  for (const { id } of routes) {
    const committed = await log.committed({ group: groupOf(id), topic: CALLS_TOPIC });
    const others = (starts.get(id) ?? []).filter((start) => !committed.some(({ partition }) => partition === start.partition));
    reached.set(id, [...committed, ...others]);
  }
  const ranges = await log.ranges(CALLS_TOPIC);
  const newest = new Map<string, RecordPlace>();
  let looked = 0;
  for (const { partition, low, high } of ranges) {
    const positions = [...reached.values()].flat().filter((one) => one.partition === partition);
    const from = positions.length === 0 ? low : Math.max(low, Math.min(high, ...positions.map(({ offset }) => offset)));
    for await (const messages of readPages({ log, topic: CALLS_TOPIC, partition, from, end: high })) {
      for (const message of messages) {
        if (!message.key.endsWith(callId)) continue;
        const { source, acceptedAt } = fromMessage(message);
        const place = { partition, offset: message.offset, acceptedAt };
        const known = newest.get(source);
        if (message.key === recordKey(source, callId) && (!known || isNewer(place, known))) newest.set(source, place);
      }
      looked += messages.length;
      onProgress(looked);
    }
  }
  return { ranges, reached, newest, looked };
}
