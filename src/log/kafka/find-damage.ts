import type { PartitionRange, Topic } from "../log.ts";
import { endOfDamage } from "./damage.ts";
import type { KafkaRecord, Unreadable } from "./kafka-record.ts";

/** A cluster that keeps old records elsewhere (tiered storage) fetches them first; a fetch that does not wait for that gets nothing. */
export const SLOW_FETCH_MS = 2_000;

export interface Place {
  topic: Topic;
  partition: number;
}

export interface Fetched {
  /** From the offset on that was asked for. */
  records: KafkaRecord[];
  high: number;
  /** Kafka's name of the error that kept the broker from reading. */
  damage: string | undefined;
}

/** Where the broker cannot read from this offset on, though it says that it has records there; `behind`: it can, further on. */
export type FindDamage = (place: Place, from: number) => Promise<(Unreadable & { behind: boolean }) | undefined>;

export function createDamageFinder(options: {
  ranges(topic: Topic): Promise<PartitionRange[]>;
  fetch(place: Place, from: number, wanted: { limit: number; waitMs: number }): Promise<Fetched>;
}): FindDamage {
  const { ranges, fetch } = options;
  return async (place, from) => {
    let reason = "the broker has nothing where it should lie";
    async function isReadable(offset: number): Promise<boolean> {
      for (const waitMs of [0, SLOW_FETCH_MS]) {
        const { records, damage } = await fetch(place, offset, { limit: 1, waitMs });
        if (records.length > 0) return true;
        if (damage !== undefined) {
          reason = `the broker cannot read it (${damage})`;
          return false;
        }
      }
      return false;
    }
    const high = (await ranges(place.topic)).find(({ partition }) => partition === place.partition)?.high ?? 0;
    if (from >= high || (await isReadable(from))) return undefined;
    const to = await endOfDamage({ from, high, isReadable });
    return { from, to, reason, behind: to < high };
  };
}
