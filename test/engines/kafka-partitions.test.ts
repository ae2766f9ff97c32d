import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import type { KafkaEvent } from "../../src/log/kafka/client.ts";
import { Kafka, logLevel } from "../../src/log/kafka/driver/load.ts";
import { openKafkaLog } from "../../src/log/kafka/index.ts";
import { CALLS_TOPIC, type Log, QUARANTINE_TOPIC } from "../../src/log/log.ts";
import { record, takeAll, text, until, untilHeld } from "../contracts/log.contract.ts";

const kafka = inject("kafka");
const brokers = "missing" in kafka ? "" : kafka.brokers;

describe.skipIf("missing" in kafka)("how many partitions", () => {
  const admin = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.NOTHING }).admin();
  beforeAll(() => admin.connect());
  afterAll(() => admin.disconnect());

  const newPrefix = () => `n${randomUUID().slice(0, 8)}.`;
  async function open(options: {
    prefix: string;
    partitions?: number;
    mustExist?: boolean;
    onEvent?(event: KafkaEvent): void;
  }): Promise<Log> {
    const { prefix, partitions, mustExist = false, onEvent = () => undefined } = options;
    const asked = partitions === undefined ? "" : `&partitions=${partitions}`;
    const log = await openKafkaLog({ url: `kafka://${brokers}?prefix=${prefix}${asked}`, onEvent, mustExist });
    onTestFinished(() => log.close());
    return log;
  }
  /** Resolves once the broker tells of them all. */
  async function raise(prefix: string, count: number): Promise<void> {
    const topic = prefix + CALLS_TOPIC;
    await admin.createPartitions({ topicPartitions: [{ topic, count }] });
    await until(async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length === count);
  }
  const partitionsOf = async (log: Log) => (await log.ranges(CALLS_TOPIC)).map(({ partition }) => partition);

  test("twelve are made where nothing else is said", async () => {
    expect(await partitionsOf(await open({ prefix: newPrefix() }))).toHaveLength(12);
  });

  test("a topic that is there is used as it is, whatever its count, where nothing else is said", async () => {
    const prefix = newPrefix();
    await open({ prefix, partitions: 3 });
    const log = await open({ prefix });
    expect(await partitionsOf(log)).toEqual([0, 1, 2]);
    const places = await Promise.all(Array.from({ length: 60 }, (_, index) => log.append(record(`${index}`))));
    expect(new Set(places.map(({ partition }) => partition))).toEqual(new Set([0, 1, 2]));
  });

  test.each([
    ["fewer", 2, /Say partitions=4 in the log's URL, or leave the option out/],
    ["more", 8, /kafka-topics\.sh --alter --topic \S+patchbay\.calls --partitions 8 gives it more/],
  ])(
    "a URL that says %s than the topic has is refused, with both ways out; a command that only looks goes on",
    async (_, partitions, hint) => {
      const prefix = newPrefix();
      await open({ prefix, partitions: 4 });
      await expect(open({ prefix, partitions })).rejects.toMatchObject({
        name: "UsageError",
        message: `the topic ${prefix}patchbay.calls has a partition count of 4, and ${partitions} is wanted`,
        hint: expect.stringMatching(hint),
      });
      const events: KafkaEvent[] = [];
      const looking = await open({ prefix, partitions, mustExist: true, onEvent: (event) => events.push(event) });
      expect(await partitionsOf(looking)).toHaveLength(4);
      expect(events).toEqual([{ severity: "warning", text: expect.stringMatching(hint) }]);
    },
  );

  test("a quarantine with more partitions than we make is taken", async () => {
    const prefix = newPrefix();
    await open({ prefix, partitions: 2 });
    await admin.createPartitions({ topicPartitions: [{ topic: prefix + QUARANTINE_TOPIC, count: 3 }] });
    const log = await open({ prefix });
    expect(await log.ranges(QUARANTINE_TOPIC)).toHaveLength(3);
    const places = await Promise.all(Array.from({ length: 40 }, () => log.append({ ...record("q"), topic: QUARANTINE_TOPIC })));
    expect(new Set(places.map(({ partition }) => partition)).size).toBe(3);
  });

  test("a topic that is made anew with fewer takes records again, also of a process that knew more", { timeout: 120_000 }, async () => {
    const prefix = newPrefix();
    const log = await open({ prefix, partitions: 12 });
    await log.append(record("x"));
    await admin.deleteTopics({ topics: [prefix + CALLS_TOPIC] });
    await open({ prefix, partitions: 2 });
    const values = Array.from({ length: 30 }, (_, index) => `${index}`);
    for (const value of values)
      await until(
        () =>
          log.append(record(value)).then(
            () => true,
            () => false,
          ),
        { withinMs: 60_000 },
      );
    expect(new Set((await log.ranges(CALLS_TOPIC)).map(({ partition }) => partition)).size).toBe(2);
  });

  test("raised while everything runs: every record of the new partitions is read by the groups that were there, the first ones too", {
    timeout: 180_000,
  }, async () => {
    const prefix = newPrefix();
    const ingress = await open({ prefix, partitions: 2 });
    await Promise.all(Array.from({ length: 10 }, (_, index) => ingress.append(record(`before the groups ${index}`))));
    const start = (await ingress.ranges(CALLS_TOPIC)).map(({ partition, high }) => ({ partition, offset: high }));
    const connectors = await open({ prefix, partitions: 2 });
    const running = await connectors.subscribe({ topic: CALLS_TOPIC, group: "patchbay.running", start });
    const away = await connectors.subscribe({ topic: CALLS_TOPIC, group: "patchbay.away", start });
    await untilHeld(running);
    await untilHeld(away);
    const values = Array.from({ length: 20 }, (_, index) => `before ${index}`);
    await Promise.all(values.map((value) => ingress.append(record(value))));
    for (const one of [running, away]) await takeAll(one, 20, { ack: true });
    await away.stop({ graceMs: 1_000 });

    await raise(prefix, 6);
    // The old ingress goes on over two; a new one, told what the hint says, uses all.
    const later = await open({ prefix });
    const more = Array.from({ length: 120 }, (_, index) => `later ${index}`);
    const places = await Promise.all(more.map((value, index) => (index % 2 === 0 ? ingress : later).append(record(value))));
    expect(new Set(places.filter((_, index) => index % 2 === 0).map(({ partition }) => partition))).toEqual(new Set([0, 1]));
    expect(new Set(places.map(({ partition }) => partition)).size).toBe(6);

    // A process that was started before reads what lies in a partition that it has not heard of.
    const place = places.find(({ partition }) => partition > 1);
    const index = places.indexOf(place ?? { partition: -1, offset: -1 });
    const [message] = await connectors.read({ topic: CALLS_TOPIC, partition: place?.partition ?? -1, from: place?.offset ?? -1, limit: 1 });
    expect(message && text(message.value)).toBe(more[index]);

    const again = await later.subscribe({ topic: CALLS_TOPIC, group: "patchbay.away", start });
    for (const subscription of [again, running]) {
      const taken: string[] = [];
      const signal = AbortSignal.timeout(120_000);
      while (taken.length < more.length && !signal.aborted)
        for (const one of await subscription.take({ max: 50, signal })) {
          taken.push(text(one.message.value));
          one.ack();
        }
      expect(taken.sort()).toEqual([...more].sort());
    }
    for (const group of ["patchbay.away", "patchbay.running"])
      await until(
        async () => {
          const committed = await later.committed({ group, topic: CALLS_TOPIC });
          return (await later.ranges(CALLS_TOPIC)).every(
            ({ partition, high }) => committed.find((one) => one.partition === partition)?.offset === high,
          );
        },
        { withinMs: 60_000 },
      );
    await Promise.all([running, again].map((one) => one.stop({ graceMs: 0 })));
  });
});
