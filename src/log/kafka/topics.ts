import { setTimeout as delay } from "node:timers/promises";
import { CALLS_TOPIC, QUARANTINE_TOPIC, type Topic } from "../log.ts";
import type { KafkaClient, KafkaEvent } from "./client.ts";
import type { Admin, Metadata } from "./driver/types.ts";
import { hasErrorCode, isTransient } from "./errors.ts";
import { makeTopic } from "./make-topic.ts";
import type { KafkaSettings } from "./settings.ts";
import {
  configProblems,
  configWarnings,
  describeTopic,
  type FoundTopic,
  refuseMissing,
  shapeProblems,
  type WantedTopic,
} from "./topic-checks.ts";

const LEADERS_WITHIN_MS = 15_000;
/** Of a topic that we make: the most replicas that can share a route. */
const PARTITIONS = 12;

export interface CheckedTopics {
  /** As many as the topic had when it was checked: calls of one id stay in one partition for as long as this process lives. */
  partitionsOf(topic: Topic): number;
  /** Counts again, and uses fewer from now on where a topic was created again with fewer partitions. */
  recount(): Promise<void>;
  /** Copies that must be in sync for a record to be stored. */
  minInsync: number;
  /** How long the calls are kept; undefined for ever, or where Kafka does not say. */
  retentionMs: number | undefined;
}

interface EnsureOptions {
  client: KafkaClient;
  settings: KafkaSettings;
  /** Of the log, for people. */
  name: string;
  /** For commands that only look: no topic is created, and what is wrong with one becomes an event. */
  mustExist: boolean;
  metadata(topics: Topic[]): Promise<Metadata>;
  onEvent(event: KafkaEvent): void;
}

/**
 * Creates the two topics where they are missing, and refuses topics that would break a promise: with fewer copies calls are lost with a
 * broker, compacted ones forget calls. Several processes may do it at once.
 * @throws {UsageError} naming the topic, what it has, what is wanted and what to do.
 */
export async function ensureTopics(options: EnsureOptions): Promise<CheckedTopics> {
  const { client, settings, metadata } = options;
  const { brokers, topicMetadata } = await metadata([]);
  // The controller counts brokers that are up; asking for more copies than that could not be fulfilled.
  const replication = settings.replication ?? (brokers.length >= 3 ? 3 : 1);
  const minInsync = settings.minInsync ?? (replication >= 3 ? 2 : 1);
  const wanted: WantedTopic[] = [
    { topic: CALLS_TOPIC, partitions: settings.partitions, replication, minInsync },
    { topic: QUARANTINE_TOPIC, partitions: undefined, replication, minInsync },
  ];
  const admin = client.kafka.admin();
  const counts = new Map<Topic, number>();
  let retentionMs: number | undefined;
  let recounting: Promise<void> | undefined;
  await admin.connect();
  try {
    for (const one of wanted) {
      let found = await find(metadata, one.topic);
      if (!found && options.mustExist) {
        if (one.topic === QUARANTINE_TOPIC) continue;
        refuseMissing({ topics: topicMetadata.map(({ topic }) => topic), settings, name: options.name });
      }
      found ??= await create({ admin, one, settings, metadata });
      counts.set(one.topic, found.partitionMetadata.length);
      const keptMs = await check({ ...options, admin, found, one });
      if (one.topic === CALLS_TOPIC) retentionMs = keptMs;
    }
  } finally {
    await admin.disconnect();
  }

  async function recount(): Promise<void> {
    for (const [topic, count] of counts) {
      const now = (await find(metadata, topic))?.partitionMetadata.length ?? count;
      counts.set(topic, Math.min(count, now));
    }
  }

  return {
    partitionsOf: (topic) => counts.get(topic) ?? 1,
    recount() {
      recounting ??= recount().finally(() => {
        recounting = undefined;
      });
      return recounting;
    },
    minInsync,
    retentionMs,
  };
}

/** The topic's retention, ms; undefined for ever or unknown. */
async function check(options: EnsureOptions & { admin: Admin; found: FoundTopic; one: WantedTopic }): Promise<number | undefined> {
  const { admin, found, one, settings, mustExist, onEvent } = options;
  const topic = settings.prefix + one.topic;
  const config = await describeTopic({ admin, topic });
  const problems = [...shapeProblems({ found, one, settings }), ...(config ? configProblems({ config, one, settings }) : [])];
  const [first] = problems;
  if (first && !mustExist) throw first;
  for (const { message, hint } of problems) onEvent({ severity: "warning", text: `${message}. ${hint}` });
  if (!config) {
    onEvent({ severity: "warning", text: `Kafka does not let this user read the settings of the topic ${topic}: they are not checked` });
    return undefined;
  }
  for (const text of configWarnings({ topic, config })) onEvent({ severity: "warning", text });
  const retentionMs = Number(config.get("retention.ms"));
  if (retentionMs >= 0 && retentionMs < settings.retentionMs) {
    onEvent({
      severity: "warning",
      text: `the topic ${topic} keeps its records for ${retentionMs} ms, less than the ${settings.retentionMs} ms asked for`,
    });
  }
  return retentionMs >= 0 ? retentionMs : undefined;
}

async function find(metadata: (topics: Topic[]) => Promise<Metadata>, topic: Topic): Promise<FoundTopic | undefined> {
  const deadlineMs = performance.now() + LEADERS_WITHIN_MS;
  for (;;) {
    try {
      const [found] = (await metadata([topic])).topicMetadata;
      return found;
    } catch (error) {
      if (hasErrorCode(error, ["UNKNOWN_TOPIC_OR_PARTITION"])) return undefined;
      // A topic that was just made has no leaders yet.
      if (!isTransient(error) || performance.now() > deadlineMs) throw error;
      await delay(100);
    }
  }
}

/** Brokers learn of a new topic one after the other. */
async function create(options: {
  admin: Admin;
  one: WantedTopic;
  settings: KafkaSettings;
  metadata(topics: Topic[]): Promise<Metadata>;
}): Promise<FoundTopic> {
  const { admin, one, settings, metadata } = options;
  const partitions = one.topic === CALLS_TOPIC ? (one.partitions ?? PARTITIONS) : 1;
  const deadlineMs = performance.now() + LEADERS_WITHIN_MS;
  for (;;) {
    await makeTopic({ admin, one: { ...one, partitions }, settings });
    for (let tries = 0; tries < 20; tries += 1) {
      const found = await find(metadata, one.topic);
      if (found) return found;
      await delay(100);
    }
    if (performance.now() > deadlineMs) throw new Error(`the topic ${settings.prefix + one.topic} was created and does not appear`);
  }
}
