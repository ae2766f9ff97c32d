/** Reads records without a group, and finds where a partition can be read again behind damage. */
import type { Message, PartitionRange, ReadOptions, Topic } from "../log.ts";
import type { KafkaEvent } from "./client.ts";
import { toMessage, toOffset } from "./convert.ts";
import { createErrorFromCode } from "./driver/load.ts";
import type { Cluster } from "./driver/types.ts";
import { hasErrorCode } from "./errors.ts";
import { createDamageFinder, type Fetched, type FindDamage, type Place, SLOW_FETCH_MS } from "./find-damage.ts";
import type { Unreadable } from "./kafka-record.ts";

const FETCH_BYTES_LEAST = 65_536;
const FETCH_BYTES_MOST = 4_194_304;
const READ_UNCOMMITTED = 0;
const NO_REPLICA = -1;
const KAFKA_STORAGE_ERROR = 56;

export interface Records {
  read(options: ReadOptions): Promise<Message[]>;
  damageAt: FindDamage;
}

export function createRecords(options: {
  cluster: Cluster;
  prefix: string;
  partitionsOf(topic: string): Promise<{ partition: number }[]>;
  ranges(topic: Topic): Promise<PartitionRange[]>;
  /** Asks again what may pass. */
  ask<T>(topic: Topic, question: () => Promise<T>): Promise<T>;
  onEvent(event: KafkaEvent): void;
}): Records {
  const { cluster, prefix, partitionsOf, ranges, ask, onEvent } = options;
  let said = "";

  const fetch = ({ topic, partition }: Place, from: number, wanted: { limit: number; waitMs: number }) =>
    fetchRecords({ cluster, partitionsOf, topic: prefix + topic, partition, from, ...wanted });
  const damageAt = createDamageFinder({ ranges, fetch: (place, from, wanted) => ask(place.topic, () => fetch(place, from, wanted)) });

  function passOver({ topic, partition, onUnreadable }: ReadOptions, { from, to, reason }: Unreadable): void {
    if (onUnreadable) {
      onUnreadable({ partition, from, to, reason });
      return;
    }
    const text = `${prefix}${topic} has records that cannot be read, ${from} to ${to - 1}: ${reason}`;
    // A page that ends before them meets them again.
    if (said !== `${partition} ${text}`) onEvent({ severity: "warning", text, partition });
    said = `${partition} ${text}`;
  }

  /** Where reading continues when an answer held nothing; undefined at the end. */
  async function behindNothing(options: ReadOptions, next: number): Promise<number | undefined> {
    const { topic, partition } = options;
    const damage = await damageAt({ topic, partition }, next);
    if (!damage) {
      const range = (await ranges(topic)).find((one) => one.partition === partition);
      return range && next < range.high ? next : undefined;
    }
    passOver(options, damage);
    return damage.to;
  }

  /** The answer from `next` on; `low` where retention has taken what lay there. */
  async function page(
    options: ReadOptions,
    next: number,
    wanted: { limit: number; waitMs: number },
  ): Promise<Fetched | { low: number | undefined }> {
    const { topic, partition } = options;
    try {
      return await ask(topic, () => fetch({ topic, partition }, next, wanted));
    } catch (error) {
      if (!hasErrorCode(error, ["OFFSET_OUT_OF_RANGE"])) throw error;
      const range = (await ranges(topic)).find((one) => one.partition === partition);
      return { low: range && next < range.low ? range.low : undefined };
    }
  }

  return {
    damageAt,
    async read(options) {
      const { topic, partition, limit } = options;
      const messages: Message[] = [];
      let waitMs = 0;
      for (let next: number | undefined = options.from; next !== undefined && messages.length < limit; ) {
        const fetched = await page(options, next, { limit: limit - messages.length, waitMs });
        if ("low" in fetched) {
          next = fetched.low;
          continue;
        }
        const { records, high, damage } = fetched;
        if (records.length === 0 && damage === undefined && next >= high) break;
        if (records.length === 0) {
          next = await behindNothing(options, next);
          waitMs = SLOW_FETCH_MS;
          continue;
        }
        for (const record of records) {
          if (messages.length === limit) break;
          if (record.unreadable) passOver(options, { ...record.unreadable, from: Math.max(next, record.unreadable.from) });
          else if (!record.isControlRecord) messages.push(toMessage(record, { topic, partition }));
          next = toOffset(record.offset) + 1;
        }
        if (next >= high) break;
      }
      return messages;
    },
  };
}

interface FetchOptions {
  cluster: Cluster;
  partitionsOf(topic: string): Promise<{ partition: number }[]>;
  /** As Kafka knows it, with the prefix. */
  topic: string;
  partition: number;
  from: number;
  limit: number;
  waitMs: number;
}

/** One fetch from the partition's leader. @throws kafkajs' error */
async function fetchRecords(options: FetchOptions): Promise<Fetched> {
  const { cluster, partitionsOf, topic, partition, from, limit, waitMs } = options;
  // One that was added since the cluster was asked last is no partition without records.
  if (!(await partitionsOf(topic)).some((one) => one.partition === partition)) await cluster.refreshMetadata();
  const [leader] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
  if (leader === undefined) return { records: [], high: 0, damage: undefined };
  const broker = await cluster.findBroker({ nodeId: leader });
  const maxBytes = Math.min(FETCH_BYTES_MOST, Math.max(FETCH_BYTES_LEAST, limit * 4_096));
  const { responses } = await broker.fetch({
    replicaId: NO_REPLICA,
    isolationLevel: READ_UNCOMMITTED,
    maxWaitTime: waitMs,
    minBytes: waitMs === 0 ? 0 : 1,
    maxBytes,
    topics: [{ topic, partitions: [{ partition, fetchOffset: String(from), maxBytes }] }],
  });
  const answer = responses.flatMap(({ partitions }) => partitions).find((one) => one.partition === partition);
  if (!answer) return { records: [], high: 0, damage: undefined };
  // The disk is gone, not a record: what lies there may come back with it.
  if (answer.damage === "KAFKA_STORAGE_ERROR") throw createErrorFromCode(KAFKA_STORAGE_ERROR);
  // A batch is sent whole: its first records may lie before the offset that was asked for.
  const records = answer.messages.filter((record) => toOffset(record.offset) >= from);
  return { records, high: toOffset(answer.highWatermark), damage: answer.damage };
}
