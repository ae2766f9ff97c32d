import { setTimeout as delay } from "node:timers/promises";
import type { Admin } from "kafkajs";
import { UsageError } from "../../errors.ts";
import { CALLS_TOPIC, type Topic } from "../log.ts";
import type { KafkaEvent } from "./client.ts";
import { isFault } from "./faults.ts";
import type { Metadata } from "./internals.ts";
import type { KafkaSettings } from "./settings.ts";

/** What a topic has to be like; numbers are the least, but for partitions and what the URL asks for. */
export interface WantedTopic {
  topic: Topic;
  partitions: number;
  replication: number;
  minInsync: number;
}

/** Room for a record of the largest size we take, with the batch's frame around it. */
export const MAX_MESSAGE_BYTES = 2_097_152;
/** kafkajs has a name for it (`ConfigResourceTypes`) that Node does not find in its CommonJS. */
const TOPIC_RESOURCE = 2;
/** The broker that is asked may not have heard of a new topic yet. */
const KNOWN_WITHIN_MS = 15_000;
/** What Kafka says when this user has no right to do it. */
export const DENIED = ["TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED"];

export type FoundTopic = Metadata["topicMetadata"][number];

function refuse(topic: string, what: string, has: string | number, wanted: string | number, hint: string): never {
  throw new UsageError(`the topic ${topic} has ${what} ${has}, and ${wanted} is wanted`, { hint });
}

/** @throws {UsageError} for another partition count, or fewer copies. */
export function refuseShape({ found, one, settings }: { found: FoundTopic; one: WantedTopic; settings: KafkaSettings }): void {
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

/** The topic's retention, ms; undefined for ever or unknown. @throws {UsageError} for settings under which calls would be lost or refused. */
export async function refuseConfig(options: {
  admin: Admin;
  one: WantedTopic;
  settings: KafkaSettings;
  onEvent(event: KafkaEvent): void;
}): Promise<number | undefined> {
  const { admin, one, settings, onEvent } = options;
  const topic = settings.prefix + one.topic;
  const config = await describe(admin, topic);
  if (!config) {
    onEvent({ severity: "warning", text: `Kafka does not let this user read the settings of the topic ${topic}: they are not checked` });
    return undefined;
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
  return retentionMs >= 0 ? retentionMs : undefined;
}

async function describe(admin: Admin, topic: string): Promise<Map<string, string> | undefined> {
  const deadlineMs = performance.now() + KNOWN_WITHIN_MS;
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
      if (!isFault(error, ["UNKNOWN_TOPIC_OR_PARTITION"]) || performance.now() > deadlineMs) throw error;
      await delay(100);
    }
  }
}
