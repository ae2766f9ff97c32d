import { setTimeout as delay } from "node:timers/promises";
import { UsageError } from "../../errors.ts";
import { closest } from "../../lib/text/did-you-mean.ts";
import { CALLS_TOPIC, type Topic } from "../log.ts";
import type { Admin, Metadata } from "./driver/types.ts";
import { DENIED, hasErrorCode } from "./errors.ts";
import type { KafkaSettings } from "./settings.ts";

/** What a topic has to be like; numbers are the least, but for partitions and what the URL asks for. */
export interface WantedTopic {
  topic: Topic;
  /** Undefined: as many as it has. */
  partitions: number | undefined;
  replication: number;
  minInsync: number;
}

/** Room for a record of the largest size we take, with the batch's frame around it. */
export const MAX_MESSAGE_BYTES = 2_097_152;
/** kafkajs has a name for it (`ConfigResourceTypes`) that Node does not find in its CommonJS. */
const TOPIC_RESOURCE = 2;
/** The broker that is asked may not have heard of a new topic yet. */
const KNOWN_WITHIN_MS = 15_000;
const PREFIXES_SHOWN = 5;
/**
 * `producer` keeps calls as they were written. With gzip the broker packs each of them, needlessly, and every client can read it; of lz4,
 * snappy and zstd kafkajs reads none, so that an earlier Patchbay, or any other program that uses it, ends at the first one for good.
 */
const READABLE_COMPRESSION = ["producer", "uncompressed", "gzip"];

export type FoundTopic = Metadata["topicMetadata"][number];

interface Checked {
  one: WantedTopic;
  settings: KafkaSettings;
}

function wrong(topic: string, what: string, has: string | number, wanted: string | number, hint: string): UsageError {
  return new UsageError(`the topic ${topic} has ${what} ${has}, and ${wanted} is wanted`, { hint });
}

/** Another partition count than the URL says, and fewer copies. */
export function shapeProblems({ found, one, settings }: Checked & { found: FoundTopic }): UsageError[] {
  const topic = settings.prefix + one.topic;
  const problems: UsageError[] = [];
  const has = found.partitionMetadata.length;
  if (one.partitions !== undefined && has !== one.partitions) {
    const meant = `Say partitions=${has} in the log's URL, or leave the option out: then it is as many as the topic has.`;
    const more = `kafka-topics.sh --alter --topic ${topic} --partitions ${one.partitions} gives it more; calls keep their order.`;
    const other = "Where it is another topic than the one you mean, its prefix differs (prefix=…).";
    const hint = [meant, ...(has < one.partitions ? [more] : []), other].join(" ");
    problems.push(wrong(topic, "a partition count of", has, one.partitions, hint));
  }
  const copies = Math.min(...found.partitionMetadata.map(({ replicas }) => replicas.length));
  if (copies < one.replication || (settings.replication !== undefined && copies !== settings.replication)) {
    const hint = `Change it with kafka-reassign-partitions.sh, or say replication=${copies} in the log's URL${copies === 1 ? " (a call is then lost with its broker)" : ""}.`;
    problems.push(wrong(topic, "a replication factor of", copies, one.replication, hint));
  }
  return problems;
}

/** Settings under which calls would be lost, refused, or packed in a way that not every reader knows. */
export function configProblems({ config, one, settings }: Checked & { config: Map<string, string> }): UsageError[] {
  const topic = settings.prefix + one.topic;
  const problems: UsageError[] = [];
  const alter = (setting: string) =>
    `Change it: kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${setting}`;
  const maxBytes = Number(config.get("max.message.bytes"));
  if (maxBytes < MAX_MESSAGE_BYTES)
    problems.push(wrong(topic, "max.message.bytes", maxBytes, MAX_MESSAGE_BYTES, alter(`max.message.bytes=${MAX_MESSAGE_BYTES}`)));
  const minInsync = Number(config.get("min.insync.replicas"));
  if (minInsync < one.minInsync || (settings.minInsync !== undefined && minInsync !== settings.minInsync)) {
    const hint = `${alter(`min.insync.replicas=${one.minInsync}`)}, or say min_insync=${minInsync} in the log's URL.`;
    problems.push(wrong(topic, "min.insync.replicas", minInsync, one.minInsync, hint));
  }
  const cleanup = config.get("cleanup.policy") ?? "delete";
  if (cleanup.includes("compact"))
    problems.push(wrong(topic, "cleanup.policy", cleanup, "delete", `A compacted topic forgets calls. ${alter("cleanup.policy=delete")}`));
  const compression = config.get("compression.type") ?? "producer";
  if (!READABLE_COMPRESSION.includes(compression)) {
    const hint = `${alter("compression.type=producer")} (what lies there already is read). It comes from the topic or from the cluster's default.`;
    problems.push(wrong(topic, "compression.type", compression, "producer", hint));
  }
  return problems;
}

/** Settings that somebody may want, and should know the price of. */
export function configWarnings({ topic, config }: { topic: string; config: Map<string, string> }): string[] {
  const bytes = Number(config.get("retention.bytes") ?? -1);
  return [
    ...(bytes >= 0
      ? [
          `the topic ${topic} keeps ${bytes} bytes of each partition: calls beyond that go before their time (retention.bytes=-1 keeps them)`,
        ]
      : []),
    ...(config.get("unclean.leader.election.enable") === "true"
      ? [`the topic ${topic} may lose accepted calls when all brokers in sync are away (unclean.leader.election.enable=false prevents it)`]
      : []),
  ];
}

/** The topic's settings as they are in force, the cluster's defaults among them; undefined where Kafka does not tell them to this user. */
export async function describeTopic({ admin, topic }: { admin: Admin; topic: string }): Promise<Map<string, string> | undefined> {
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
      if (hasErrorCode(error, DENIED)) return undefined;
      if (!hasErrorCode(error, ["UNKNOWN_TOPIC_OR_PARTITION"]) || performance.now() > deadlineMs) throw error;
      await delay(100);
    }
  }
}

/** @throws {UsageError} for a topic that a command which only looks would have to make; `topics` are all that the cluster shows. */
export function refuseMissing({ topics, settings, name }: { topics: string[]; settings: KafkaSettings; name: string }): never {
  const { prefix } = settings;
  const others = topics.filter((topic) => topic.endsWith(CALLS_TOPIC)).map((topic) => topic.slice(0, -CALLS_TOPIC.length));
  const near = closest(prefix, others);
  const listed = [...new Set([...(near === undefined ? [] : [near]), ...others.sort()])].slice(0, PREFIXES_SHOWN);
  const options = listed.map((one) => (one === "" ? "no prefix" : `prefix=${one}`));
  throw new UsageError(`there is no topic ${prefix}${CALLS_TOPIC} at ${name}`, {
    hint:
      options.length === 0
        ? "`patchbay up` or `patchbay ingress` makes it. Another cluster is named with --log (PATCHBAY_LOG)."
        : `There is one with ${options.join(", ")}: say so in the log's URL (--log or PATCHBAY_LOG).`,
  });
}
