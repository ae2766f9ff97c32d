import { randomUUID } from "node:crypto";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { Kafka, logLevel } from "../../src/log/kafka/driver/load.ts";
import type { Broker } from "../../src/log/kafka/driver/types.ts";
import { openKafkaLog } from "../../src/log/kafka/index.ts";
import { askTopic } from "../../src/log/kafka/topic-id.ts";
import { CALLS_TOPIC, type Log } from "../../src/log/log.ts";
import { record, takeAll, untilHeld } from "../contracts/log.contract.ts";
import { newClusterId } from "../support/kafka/java-broker.ts";
import { startOwnKafka } from "../support/kafka.ts";

const kafka = inject("kafka");
const brokers = "missing" in kafka ? "" : kafka.brokers;

describe.skipIf("missing" in kafka)("which log it is", () => {
  async function open(address: string): Promise<Log> {
    const log = await openKafkaLog({ url: `kafka://${address}?prefix=i${randomUUID().slice(0, 8)}.`, onEvent: () => undefined });
    onTestFinished(() => log.close());
    return log;
  }

  test("two clusters that were formatted with one id, as an image's default has it, are two logs", { timeout: 120_000 }, async () => {
    const clusterId = newClusterId();
    const twins = await Promise.all([startOwnKafka({ clusterId }), startOwnKafka({ clusterId })]);
    const logs: Log[] = [];
    for (const broker of twins) {
      if ("missing" in broker) return;
      onTestFinished(() => broker.kill());
      logs.push(await open(broker.address));
    }
    const identities = await Promise.all(logs.map((log) => log.identity()));
    expect(new Set(identities).size).toBe(2);
    for (const identity of identities) expect(identity).toMatch(/^kafka-topic-[A-Za-z0-9_-]{22}$/);
    // What ledgers of earlier programs were bound to.
    expect(await Promise.all(logs.map((log) => log.earlierIdentities?.()))).toEqual([[clusterId], [clusterId]]);
  });

  test("a topic that is deleted and created again while a group reads it ends the group, so that nobody takes its records for the old ones", {
    timeout: 120_000,
  }, async () => {
    const prefix = `i${randomUUID().slice(0, 8)}.`;
    const url = `kafka://${brokers}?prefix=${prefix}&partitions=2`;
    const log = await openKafkaLog({ url, onEvent: () => undefined });
    onTestFinished(() => log.close());
    const subscription = await log.subscribe({ topic: CALLS_TOPIC, group: "patchbay.anew", start: [] });
    await untilHeld(subscription);
    for (let index = 0; index < 5; index += 1) await log.append(record(`${index}`));
    await takeAll(subscription, 5, { ack: true });
    const admin = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    onTestFinished(() => admin.disconnect());
    await admin.deleteTopics({ topics: [prefix + CALLS_TOPIC] });
    const made = await openKafkaLog({ url, onEvent: () => undefined });
    onTestFinished(() => made.close());
    expect((await subscription.failed).message).toBe(`the topic ${prefix}patchbay.calls was deleted and created again while it was read`);
  });

  test("a broker from before topics had ids is told by its cluster's id, as ever", async () => {
    const asked: string[][] = [];
    const broker = {
      versions: { 3: { minVersion: 0, maxVersion: 9 } },
      metadata: async (topics: string[]) => {
        asked.push(topics);
        return { clusterId: "c", brokers: [], topicMetadata: [] };
      },
    } as unknown as Broker;
    expect(await askTopic({ broker, topic: CALLS_TOPIC })).toEqual({ clusterId: "c", topicId: undefined, operations: undefined });
    expect(asked).toEqual([[CALLS_TOPIC]]);
  });
});
