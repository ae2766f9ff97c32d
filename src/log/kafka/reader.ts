import { setTimeout as delay } from "node:timers/promises";
import { LogUnavailableError, UnreachableError } from "../../errors.ts";
import { TimeoutError, withTimeout } from "../../lib/async/timeout.ts";
import { type Bound, CALLS_TOPIC, type CommittedPosition, type PartitionRange, type Position, type Topic } from "../log.ts";
import type { KafkaClient, KafkaEvent } from "./client.ts";
import { createErrorFromCode } from "./driver/load.ts";
import type { Broker, Metadata, OffsetQuery } from "./driver/types.ts";
import type { Explain } from "./explain.ts";
import { DENIED, isFault, isPassing } from "./faults.ts";
import { createRecords, type Records } from "./records.ts";
import type { Deed } from "./sentences.ts";
import { askTopic } from "./topic-id.ts";
import { readCommitMetadata, toOffset } from "./wire.ts";

const ANSWER_WITHIN_MS = 10_000;
const ASK_AGAIN_MS = 100;
const GROUP_COORDINATOR = 0;
const RIGHTS_WITHIN_MS = 3_000;
const TOPIC_AUTHORIZATION_FAILED = 29;
/** Kafka's numbers of what a user may do (`AclOperation`). */
const OPERATION = { Read: 3, Write: 4 };

/** Questions to Kafka that need no group. Each is asked again over a moved leader or a lost connection, for 10 s. @throws {LogUnavailableError} */
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
  /** What the cluster says now, not what is remembered; asked once, of any broker that answers. */
  metadata(topics: Topic[]): Promise<Metadata>;
  close(options: { graceMs: number }): Promise<void>;
}

export function createReader(options: { client: KafkaClient; prefix: string; explain: Explain; onEvent(event: KafkaEvent): void }): Reader {
  const { client, prefix, explain, onEvent } = options;
  const cluster = client.createCluster();
  const topicNamed = (topic: Topic, operation?: "Read"): Deed => ({ topic: prefix + topic, ...(operation && { operation }) });

  async function ask<T>({ withinMs = ANSWER_WITHIN_MS, ...deed }: Deed & Bound, question: () => Promise<T>): Promise<T> {
    const deadlineMs = performance.now() + withinMs;
    let before: unknown;
    for (;;) {
      const leftMs = Math.max(0, deadlineMs - performance.now());
      try {
        return await withTimeout(leftMs, connected(question));
      } catch (error) {
        // Time ran out while it was asked again: why it was asked again says more.
        const failure = error instanceof TimeoutError && before !== undefined ? before : error;
        if (!isPassing(error) || leftMs < ASK_AGAIN_MS) {
          const { message, hint } = explain(failure, deed);
          throw new LogUnavailableError(message, { hint, cause: failure });
        }
        before = failure;
        await delay(ASK_AGAIN_MS);
        await withTimeout(leftMs, cluster.refreshMetadata()).catch(() => undefined);
      }
    }
  }

  async function connected<T>(question: () => Promise<T>): Promise<T> {
    await cluster.connect();
    return question();
  }

  async function partitionsOf(topic: string): Promise<{ partition: number }[]> {
    await cluster.addMultipleTargetTopics([topic]);
    await cluster.refreshMetadataIfNecessary();
    return cluster
      .findTopicPartitionMetadata(topic)
      .map(({ partitionId }) => ({ partition: partitionId }))
      .sort((a, b) => a.partition - b.partition);
  }

  /** Offsets by partition; those without an answer (none at or after a time) are absent. */
  async function offsets(topic: string, where: { fromBeginning: boolean } | { fromTimestamp: number }): Promise<Map<number, number>> {
    const query: OffsetQuery = { topic, partitions: await partitionsOf(topic), ...where };
    const [answer] = await cluster.fetchTopicsOffset([query]);
    const found = (answer?.partitions ?? []).map(({ partition, offset }): [number, number] => [partition, toOffset(offset)]);
    return new Map(found.filter(([, offset]) => offset >= 0));
  }

  async function ranges(topic: string): Promise<PartitionRange[]> {
    const low = await offsets(topic, { fromBeginning: true });
    const high = await offsets(topic, { fromBeginning: false });
    return [...high].map(([partition, end]) => ({ partition, low: low.get(partition) ?? end, high: end })).sort(byPartition);
  }

  const records = createRecords({
    cluster,
    prefix,
    partitionsOf,
    ranges: (topic) => ask(topicNamed(topic), () => ranges(prefix + topic)),
    ask: (topic, question) => ask(topicNamed(topic, "Read"), question),
    onEvent,
  });

  /** kafkajs' own look-up says "not found" whatever the brokers answered: also where this user may not ask. */
  async function coordinatorOf(groupId: string): Promise<Broker> {
    const { coordinator } = await anyBroker((broker) => broker.findGroupCoordinator({ groupId, coordinatorType: GROUP_COORDINATOR }));
    return cluster.findBroker({ nodeId: coordinator.nodeId });
  }

  async function refuseGroup(groupId: string): Promise<void> {
    try {
      const coordinator = await withTimeout(RIGHTS_WITHIN_MS, coordinatorOf(groupId));
      // It asks for the right to read the group before it finds that there is no such member.
      await withTimeout(RIGHTS_WITHIN_MS, coordinator.heartbeat({ groupId, groupGenerationId: -1, memberId: "" }));
    } catch (error) {
      if (!isFault(error, DENIED)) return;
      throw new UnreachableError(...denied(error, { group: groupId, operation: "Read" }));
    }
  }

  async function refuseTopic(topic: Topic, operation: "Read" | "Write"): Promise<void> {
    const info = await withTimeout(RIGHTS_WITHIN_MS, topicInfo(topic)).catch(() => undefined);
    if (info?.operations === undefined || info.operations.has(OPERATION[operation])) return;
    throw new UnreachableError(...denied(createErrorFromCode(TOPIC_AUTHORIZATION_FAILED), { topic: prefix + topic, operation }));
  }

  function denied(error: unknown, deed: Deed): [message: string, options: { address: string; hint: string; cause: unknown }] {
    const { message, hint } = explain(error, deed);
    return [message, { address: client.address, hint, cause: error }];
  }

  async function committed(groupId: string, topic: string): Promise<CommittedPosition[]> {
    const partitions = await partitionsOf(topic);
    const coordinator = await coordinatorOf(groupId);
    const { responses } = await coordinator.offsetFetch({ groupId, topics: [{ topic, partitions }] });
    return responses
      .flatMap((response) => response.partitions)
      .map(({ partition, offset, metadata }) => {
        const oldestOpenAt = readCommitMetadata(metadata);
        return { partition, offset: toOffset(offset), ...(oldestOpenAt === undefined ? {} : { oldestOpenAt }) };
      })
      .filter(({ offset }) => offset >= 0)
      .sort(byPartition);
  }

  async function placeGroup(groupId: string, topic: string, positions: Position[]): Promise<void> {
    const coordinator = await coordinatorOf(groupId);
    const partitions = positions.map(({ partition, offset }) => ({ partition, offset: String(offset), metadata: "" }));
    // Without a generation Kafka takes a commit for a group that has no member, and refuses it for any other.
    await coordinator.offsetCommit({ groupId, groupGenerationId: -1, memberId: "", topics: [{ topic, partitions }] });
  }

  async function offsetsAt(topic: string, atMs: number): Promise<Position[]> {
    // The ends first: a record that comes between the two questions must not be passed over.
    const ends = await offsets(topic, { fromBeginning: false });
    const found = await offsets(topic, { fromTimestamp: atMs });
    return [...ends].map(([partition, end]) => ({ partition, offset: found.get(partition) ?? end })).sort(byPartition);
  }

  async function anyBroker<T>(question: (broker: Broker) => Promise<T>): Promise<T> {
    await cluster.connect();
    await cluster.refreshMetadataIfNecessary();
    let failure: unknown = new Error("no broker is known");
    for (const nodeId of cluster.getNodeIds()) {
      try {
        return await question(await cluster.findBroker({ nodeId }));
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  const topicInfo = (topic: Topic) => anyBroker((broker) => askTopic({ broker, topic: prefix + topic }));

  async function identity(): Promise<string> {
    const { topicId, clusterId } = await topicInfo(CALLS_TOPIC);
    return topicId === undefined ? clusterId : `kafka-topic-${topicId}`;
  }

  async function earlierIdentities(): Promise<string[]> {
    const { topicId, clusterId } = await topicInfo(CALLS_TOPIC);
    return topicId === undefined ? [] : [clusterId];
  }

  return {
    ...records,
    ranges: (topic, bound = {}) => ask({ ...topicNamed(topic), ...bound }, () => ranges(prefix + topic)),
    committed: ({ group, topic, withinMs }) =>
      ask({ ...topicNamed(topic), group: prefix + group, withinMs }, () => committed(prefix + group, prefix + topic)),
    placeGroup: ({ group, topic, positions }) =>
      ask({ ...topicNamed(topic, "Read"), group: prefix + group }, () => placeGroup(prefix + group, prefix + topic, positions)),
    offsetsAt: ({ topic, atMs }) => ask(topicNamed(topic), () => offsetsAt(prefix + topic, atMs)),
    identity: () => ask(topicNamed(CALLS_TOPIC), identity),
    earlierIdentities: () => ask(topicNamed(CALLS_TOPIC), earlierIdentities),
    refuseGroup: (group) => refuseGroup(prefix + group),
    refuseTopic,
    metadata: (topics) => anyBroker((broker) => broker.metadata(topics.map((topic) => prefix + topic))),
    async close({ graceMs }) {
      await withTimeout(graceMs, cluster.disconnect()).catch(() => undefined);
    },
  };
}

function byPartition(a: { partition: number }, b: { partition: number }): number {
  return a.partition - b.partition;
}
