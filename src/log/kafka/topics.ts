import { setTimeout as delay } from "node:timers/promises";
import type { Admin } from "kafkajs";
import { UsageError } from "../../errors.ts";
import { CALLS_TOPIC, QUARANTINE_TOPIC, type Topic } from "../log.ts";
import type { KafkaClient, KafkaEvent } from "./client.ts";
import { isFault, isPassing } from "./faults.ts";
import type { Metadata } from "./internals.ts";
import type { KafkaSettings } from "./settings.ts";

/** What a topic has to be like; numbers are the least, but for partitions and what the URL asks for. */
interface Wanted {
  topic: Topic;
  partitions: number;
  replication: number;
  minInsync: number;
}

/** Room for a record of the largest size we take, with the batch's frame around it. */
const MAX_MESSAGE_BYTES = 2_097_152;
/** kafkajs has a name for it (`ConfigResourceTypes`) that Node does not find in its CommonJS. */
const TOPIC_RESOURCE = 2;
const LEADERS_WITHIN_MS = 15_000;
const DENIED = ["TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED"];

export interface CheckedTopics {
  partitionsOf(topic: Topic): number;
  /** Copies that must be in sync for a record to be stored. */
  minInsync: number;
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
  const wanted: Wanted[] = [
    { topic: CALLS_TOPIC, partitions: settings.partitions, replication, minInsync },
    { topic: QUARANTINE_TOPIC, partitions: 1, replication, minInsync },
  ];
  const admin = client.kafka.admin();
  await admin.connect();
  try {
    for (const one of wanted) {
      const found = (await find(metadata, one.topic)) ?? (await create({ admin, one, settings, metadata }));
      refuseShape({ found, one, settings });
      await refuseConfig({ admin, one, settings, onEvent });
    }
  } finally {
    await admin.disconnect();
  }
  return { partitionsOf: (topic) => (topic === CALLS_TOPIC ? settings.partitions : 1), minInsync };
}

type Found = Metadata["topicMetadata"][number];

async function find(metadata: (topics: Topic[]) => Promise<Metadata>, topic: Topic): Promise<Found | undefined> {
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
  one: Wanted;
  settings: KafkaSettings;
  metadata(topics: Topic[]): Promise<Metadata>;
}): Promise<Found> {
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

function refuseCreation(error: unknown, topic: string, { replication, partitions }: Wanted): never {
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

function refuse(topic: string, what: string, has: string | number, wanted: string | number, hint: string): never {
  throw new UsageError(`the topic ${topic} has ${what} ${has}, and ${wanted} is wanted`, { hint });
}

function refuseShape({ found, one, settings }: { found: Found; one: Wanted; settings: KafkaSettings }): void {
  const topic = settings.prefix + one.topic;
  const partitions = found.partitionMetadata.length;
  if (partitions !== one.partitions) {
    const own = one.topic === CALLS_TOPIC ? `If the topic is right, say partitions=${partitions} in the log's URL; otherwise` : "Otherwise";
    refuse(
      topic,
      "a partition count of",
      partitions,
      one.partitions,
      `${own} use another prefix (prefix=…): changing the count of a topic with calls breaks their order.`,
    );
  }
  const copies = Math.min(...found.partitionMetadata.map(({ replicas }) => replicas.length));
  if (copies < one.replication || (settings.replication !== undefined && copies !== settings.replication)) {
    const hint = `Change it with kafka-reassign-partitions.sh, or say replication=${copies} in the log's URL${copies === 1 ? " (a call is then lost with its broker)" : ""}.`;
    refuse(topic, "a replication factor of", copies, one.replication, hint);
  }
}

async function refuseConfig(options: {
  admin: Admin;
  one: Wanted;
  settings: KafkaSettings;
  onEvent(event: KafkaEvent): void;
}): Promise<void> {
  const { admin, one, settings, onEvent } = options;
  const topic = settings.prefix + one.topic;
  const config = await describe(admin, topic);
  if (!config) {
    onEvent({ severity: "warning", text: `Kafka does not let this user read the settings of the topic ${topic}: they are not checked` });
    return;
  }
  const alter = (setting: string) =>
    `Change it: kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${setting}`;
  const maxBytes = Number(config.get("max.message.bytes"));
  if (maxBytes < MAX_MESSAGE_BYTES)
    refuse(topic, "max.message.bytes", maxBytes, MAX_MESSAGE_BYTES, alter(`max.message.bytes=${MAX_MESSAGE_BYTES}`));
  const minInsync = Number(config.get("min.insync.replicas"));
  if (minInsync < one.minInsync || (settings.minInsync !== undefined && minInsync !== settings.minInsync)) {
    refuse(
      topic,
      "min.insync.replicas",
      minInsync,
      one.minInsync,
      `${alter(`min.insync.replicas=${one.minInsync}`)}, or say min_insync=${minInsync} in the log's URL.`,
    );
  }
  const cleanup = config.get("cleanup.policy") ?? "delete";
  if (cleanup.includes("compact"))
    refuse(topic, "cleanup.policy", cleanup, "delete", `A compacted topic forgets calls. ${alter("cleanup.policy=delete")}`);
  const retentionMs = Number(config.get("retention.ms"));
  if (retentionMs >= 0 && retentionMs < settings.retentionMs) {
    onEvent({
      severity: "warning",
      text: `the topic ${topic} keeps its records for ${retentionMs} ms, less than the ${settings.retentionMs} ms asked for`,
    });
  }
}

async function describe(admin: Admin, topic: string): Promise<Map<string, string> | undefined> {
  const deadlineMs = performance.now() + LEADERS_WITHIN_MS;
  for (;;) {
    try {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: TOPIC_RESOURCE, name: topic }],
      });
      return new Map(
        resources.flatMap(({ configEntries }) => configEntries.map(({ configName, configValue }) => [configName, configValue])),
      );
    } catch (error) {
      if (isFault(error, DENIED)) return undefined;
      // The broker that is asked may not have heard of a new topic yet.
      if (!isFault(error, ["UNKNOWN_TOPIC_OR_PARTITION"]) || performance.now() > deadlineMs) throw error;
      await delay(100);
    }
  }
}
