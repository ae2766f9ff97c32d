import { withTimeout } from "../../lib/async/timeout.ts";
import { type Bound, CALLS_TOPIC, type CommittedPosition, type PartitionRange, type Position, type Topic } from "../log.ts";
import { askAnyBroker } from "./any-broker.ts";
import { createAsk } from "./ask.ts";
import type { KafkaClient, KafkaEvent } from "./client.ts";
import type { Metadata } from "./driver/types.ts";
import type { Explain } from "./explain.ts";
import { placeGroup, readCommitted } from "./group-positions.ts";
import { readOffsetsAt, readPartitions, readRanges } from "./offsets.ts";
import { createRecords, type Records } from "./records.ts";
import { createRights } from "./rights.ts";
import type { Deed } from "./sentences.ts";
import { askTopic } from "./topic-id.ts";

/** Questions to Kafka that need no membership. Each is asked again after a moved leader or a lost connection, for 10 s. @throws {LogUnavailableError} */
export interface Reader extends Records {
  ranges(topic: Topic, bound?: Bound): Promise<PartitionRange[]>;
  committed(options: Bound & { group: string; topic: Topic }): Promise<CommittedPosition[]>;
  placeGroup(options: { group: string; topic: Topic; positions: Position[] }): Promise<void>;
  offsetsAt(options: { topic: Topic; atMs: number }): Promise<Position[]>;
  /** Of the topic with the calls as it is now, in one request. */
  identity(): Promise<string>;
  earlierIdentities(): Promise<string[]>;
  /** @throws {UnreachableError} where this user may not join the group, as far as the brokers say now. */
  refuseGroup(group: string): Promise<void>;
  /** @throws {UnreachableError} where this user may not do it. */
  refuseTopic(topic: Topic, operation: "Read" | "Write"): Promise<void>;
  /** What the cluster says now, not what is cached; asked once, of any broker that answers. */
  metadata(topics: Topic[]): Promise<Metadata>;
  close(options: { graceMs: number }): Promise<void>;
}

export function createReader(options: { client: KafkaClient; prefix: string; explain: Explain; onEvent(event: KafkaEvent): void }): Reader {
  const { client, prefix, explain, onEvent } = options;
  const cluster = client.createCluster();
  const ask = createAsk({ cluster, explain });
  const topicNamed = (topic: Topic, operation?: "Read"): Deed => ({ topic: prefix + topic, ...(operation && { operation }) });
  const topicInfo = (topic: string) => askAnyBroker(cluster, (broker) => askTopic({ broker, topic }));
  const rights = createRights({ cluster, address: client.address, explain, topicInfo });

  const records = createRecords({
    cluster,
    prefix,
    partitionsOf: (topic) => readPartitions(cluster, topic),
    ranges: (topic) => ask(topicNamed(topic), () => readRanges(cluster, prefix + topic)),
    ask: (topic, question) => ask(topicNamed(topic, "Read"), question),
    onEvent,
  });

  async function identity(): Promise<string> {
    const { topicId, clusterId } = await topicInfo(prefix + CALLS_TOPIC);
    return topicId === undefined ? clusterId : `kafka-topic-${topicId}`;
  }

  async function earlierIdentities(): Promise<string[]> {
    const { topicId, clusterId } = await topicInfo(prefix + CALLS_TOPIC);
    return topicId === undefined ? [] : [clusterId];
  }

  return {
    ...records,
    ranges: (topic, bound = {}) => ask({ ...topicNamed(topic), ...bound }, () => readRanges(cluster, prefix + topic)),
    committed: ({ group, topic, withinMs }) =>
      ask({ ...topicNamed(topic), group: prefix + group, withinMs }, () => readCommitted(cluster, prefix + group, prefix + topic)),
    placeGroup: ({ group, topic, positions }) =>
      ask({ ...topicNamed(topic, "Read"), group: prefix + group }, () => placeGroup(cluster, prefix + group, prefix + topic, positions)),
    offsetsAt: ({ topic, atMs }) => ask(topicNamed(topic), () => readOffsetsAt(cluster, prefix + topic, atMs)),
    identity: () => ask(topicNamed(CALLS_TOPIC), identity),
    earlierIdentities: () => ask(topicNamed(CALLS_TOPIC), earlierIdentities),
    refuseGroup: (group) => rights.refuseGroup(prefix + group),
    refuseTopic: (topic, operation) => rights.refuseTopic(prefix + topic, operation),
    metadata: (topics) => askAnyBroker(cluster, (broker) => broker.metadata(topics.map((topic) => prefix + topic))),
    async close({ graceMs }) {
      await withTimeout(graceMs, cluster.disconnect()).catch(() => undefined);
    },
  };
}
