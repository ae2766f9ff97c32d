import { setTimeout as delay } from "node:timers/promises";
import type { Admin } from "kafkajs";
import { UsageError } from "../../errors.ts";
import { CALLS_TOPIC, QUARANTINE_TOPIC, type Topic } from "../log.ts";
import type { KafkaClient, KafkaEvent } from "./client.ts";
import { isFault, isPassing } from "./faults.ts";
import type { Metadata } from "./internals.ts";
import type { KafkaSettings } from "./settings.ts";
import { DENIED, type FoundTopic, MAX_MESSAGE_BYTES, refuseConfig, refuseShape, type WantedTopic } from "./topic-checks.ts";

const LEADERS_WITHIN_MS = 15_000;

export interface CheckedTopics {
  partitionsOf(topic: Topic): number;
  /** Copies that must be in sync for a record to be stored. */
  minInsync: number;
  /** How long the calls are kept; undefined for ever, or where Kafka does not tell. */
  retentionMs: number | undefined;
}

/**
 * Makes the two topics where they are missing, and refuses to run on topics that would break a promise: with other partitions calls
 * lose their order, with fewer copies they are lost with a broker, compacted ones forget calls. Several processes may do it at once.
 * @throws {UsageError} naming the topic, what it has, what is wanted and what to do.
 */
export async function ensureTopics(options: {
  client: KafkaClient;
  settings: KafkaSettings;
  metadata(topics: Topic[]): Promise<Metadata>;
  onEvent(event: KafkaEvent): void;
}): Promise<CheckedTopics> {
  const { client, settings, metadata, onEvent } = options;
  const { brokers } = await metadata([]);
  // The controller counts brokers that are up; asking for more copies than that could not be fulfilled.
  const replication = settings.replication ?? (brokers.length >= 3 ? 3 : 1);
  const minInsync = settings.minInsync ?? (replication >= 3 ? 2 : 1);
  const wanted: WantedTopic[] = [
    { topic: CALLS_TOPIC, partitions: settings.partitions, replication, minInsync },
    { topic: QUARANTINE_TOPIC, partitions: 1, replication, minInsync },
  ];
  const admin = client.kafka.admin();
  let retentionMs: number | undefined;
  await admin.connect();
  try {
    for (const one of wanted) {
      const found = (await find(metadata, one.topic)) ?? (await create({ admin, one, settings, metadata }));
      refuseShape({ found, one, settings });
      const keptMs = await refuseConfig({ admin, one, settings, onEvent });
      if (one.topic === CALLS_TOPIC) retentionMs = keptMs;
    }
  } finally {
    await admin.disconnect();
  }
  return { partitionsOf: (topic) => (topic === CALLS_TOPIC ? settings.partitions : 1), minInsync, retentionMs };
}

async function find(metadata: (topics: Topic[]) => Promise<Metadata>, topic: Topic): Promise<FoundTopic | undefined> {
  const deadlineMs = performance.now() + LEADERS_WITHIN_MS;
  for (;;) {
    try {
      const [found] = (await metadata([topic])).topicMetadata;
      return found;
    } catch (error) {
      if (isFault(error, ["UNKNOWN_TOPIC_OR_PARTITION"])) return undefined;
      // A topic that was just made has no leaders yet.
      if (!isPassing(error) || performance.now() > deadlineMs) throw error;
      await delay(100);
    }
  }
}

async function create(options: {
  admin: Admin;
  one: WantedTopic;
  settings: KafkaSettings;
  metadata(topics: Topic[]): Promise<Metadata>;
}): Promise<FoundTopic> {
  const { admin, one, settings, metadata } = options;
  const topic = settings.prefix + one.topic;
  const config = {
    "cleanup.policy": "delete",
    "retention.ms": String(settings.retentionMs),
    "max.message.bytes": String(MAX_MESSAGE_BYTES),
    "min.insync.replicas": String(one.minInsync),
    // The broker's clock: what `appendedAt` promises, in order within a partition, and no ingress with a wrong clock is refused.
    "message.timestamp.type": "LogAppendTime",
  };
  const deadlineMs = performance.now() + LEADERS_WITHIN_MS;
  for (;;) {
    try {
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
      // False: another process made it just now.
      await admin.createTopics({
        waitForLeaders: false,
        topics: [{ topic, numPartitions: one.partitions, replicationFactor: one.replication, configEntries }],
      });
    } catch (error) {
      refuseCreation(error, topic, one);
    }
    // Brokers learn of a new topic one after the other.
    for (let tries = 0; tries < 20; tries += 1) {
      const found = await find(metadata, one.topic);
      if (found) return found;
      await delay(100);
    }
    if (performance.now() > deadlineMs) throw new Error(`the topic ${topic} was created and does not appear`);
  }
}

function refuseCreation(error: unknown, topic: string, { replication, partitions }: WantedTopic): never {
  const errors = [error, ...((error as { errors?: unknown[] }).errors ?? [])];
  if (errors.some((one) => isFault(one, ["INVALID_REPLICATION_FACTOR"]))) {
    throw new UsageError(`the topic ${topic} cannot have ${replication} copies: the cluster has fewer brokers`, {
      hint: `Start the missing brokers, or say replication=1 in the log's URL (a call is then lost with its broker).`,
      cause: error,
    });
  }
  if (errors.some((one) => isFault(one, DENIED))) {
    throw new UsageError(`the topic ${topic} does not exist, and Kafka does not allow this user to create it`, {
      hint: `Allow CREATE and DESCRIBE on it, or have it made with ${partitions} partitions, ${replication} copies and max.message.bytes=${MAX_MESSAGE_BYTES}.`,
      cause: error,
    });
  }
  throw error;
}
