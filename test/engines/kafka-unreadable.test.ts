import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import type { KafkaEvent } from "../../src/log/kafka/client.ts";
import { Kafka, logLevel } from "../../src/log/kafka/driver/load.ts";
import { openKafkaLog } from "../../src/log/kafka/index.ts";
import { CALLS_TOPIC, type Log, type Message, type UnreadableRange } from "../../src/log/log.ts";
import { record, takeAll, text, until } from "../contracts/log.contract.ts";
import { ALTER, alterBatch, batchesOnDisk } from "../support/kafka/segment.ts";
import { createTopic, startOwnKafka, untilKafkaAnswers } from "../support/kafka.ts";

/** As a company sets it for all its topics. */
const broker = await startOwnKafka({ properties: ["compression.type=zstd"] });
const reason = "missing" in broker ? ` (SKIPPED: ${broker.missing})` : "";

const CODECS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 };

const address = "missing" in broker ? "" : broker.address;

describe.skipIf("missing" in broker)(`batches that Kafka packs, and those that cannot be read${reason}`, () => {
  if ("missing" in broker) return;
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const { dataFolder } = broker;

  const opened: Log[] = [];
  afterAll(async () => {
    await Promise.all(opened.map((log) => log.close()));
    await admin.disconnect();
    await broker.kill();
  });

  const urlOf = (prefix: string, partitions = 1) => `kafka://${address}?prefix=${prefix}&partitions=${partitions}`;

  async function open(options: { prefix: string; partitions?: number; onEvent?(event: KafkaEvent): void }): Promise<Log> {
    const { prefix, partitions = 1, onEvent = () => undefined } = options;
    const log = await openKafkaLog({ url: urlOf(prefix, partitions), onEvent });
    opened.push(log);
    return log;
  }

  const newPrefix = () => `u${randomUUID().slice(0, 8)}.`;

  async function setCompression(prefix: string, value: string): Promise<void> {
    const topic = prefix + CALLS_TOPIC;
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: topic }] });
    // The old AlterConfigs replaces all overrides.
    const kept = (resources[0]?.configEntries ?? []).filter(({ configName, isDefault }) => !isDefault && configName !== "compression.type");
    const entries = kept.map(({ configName, configValue }) => ({ name: configName, value: configValue }));
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: 2, name: topic, configEntries: [...entries, { name: "compression.type", value }] }],
    });
  }

  const readAll = (log: Log, onUnreadable?: (range: UnreadableRange) => void): Promise<Message[]> =>
    log.read({ topic: CALLS_TOPIC, partition: 0, from: 0, limit: 10_000, onUnreadable });

  test("calls that the broker packed in every way it knows are read by groups and without one, also after the setting was put back", async () => {
    const prefix = newPrefix();
    const topic = prefix + CALLS_TOPIC;
    const log = await open({ prefix });
    const values: string[] = [];
    for (const codec of Object.keys(CODECS)) {
      await setCompression(prefix, codec === "none" ? "uncompressed" : codec);
      // A producer's batch of its own for each record: the setting comes into force between two of them.
      await until(async () => {
        const value = `${codec} ${randomUUID().repeat(Math.ceil(Math.random() * 300))}`;
        values.push(value);
        await log.append(record(value));
        return batchesOnDisk({ dataFolder, topic, partition: 0 }).at(-1)?.codec === CODECS[codec as keyof typeof CODECS];
      });
      const more = Array.from({ length: 30 }, (_, index) => `${codec} ${index} ${randomUUID().repeat(50)}`);
      await Promise.all(more.map((value) => log.append(record(value))));
      values.push(...more);
    }
    await setCompression(prefix, "producer");
    const again = await open({ prefix });
    expect(new Set(batchesOnDisk({ dataFolder, topic, partition: 0 }).map(({ codec }) => codec))).toEqual(new Set(Object.values(CODECS)));
    for (const one of [log, again]) {
      expect((await readAll(one)).map(({ value }) => text(value)).sort()).toEqual([...values].sort());
      const subscription = await one.subscribe({ topic: CALLS_TOPIC, group: `patchbay.${randomUUID()}`, start: [] });
      const taken = await takeAll(subscription, values.length, { ack: true });
      expect(taken.map(({ message }) => text(message.value)).sort()).toEqual([...values].sort());
      await subscription.stop({ graceMs: 0 });
    }
  });

  test.each(["lz4", "snappy", "zstd"])(
    "a topic with compression.type=%s is refused, with the command that changes it; a command that only looks goes on",
    async (value) => {
      const prefix = newPrefix();
      await open({ prefix });
      await setCompression(prefix, value);
      await expect(open({ prefix })).rejects.toMatchObject({
        name: "UsageError",
        message: `the topic ${prefix}patchbay.calls has compression.type ${value}, and producer is wanted`,
        hint: expect.stringContaining(`--entity-name ${prefix}patchbay.calls --add-config compression.type=producer`),
      });
      const events: KafkaEvent[] = [];
      const looking = await openKafkaLog({ url: urlOf(prefix), mustExist: true, onEvent: (event) => events.push(event) });
      opened.push(looking);
      expect(await looking.ranges(CALLS_TOPIC)).toEqual([{ partition: 0, low: 0, high: 0 }]);
      expect(events).toEqual([{ severity: "warning", text: expect.stringContaining(`compression.type ${value}`) }]);
      await setCompression(prefix, "producer");
      await open({ prefix });
    },
  );

  test("where the cluster packs by default, topics that we make do not; one that somebody else made is refused", async () => {
    const ours = newPrefix();
    await open({ prefix: ours });
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: ["calls", "quarantine"].map((name) => ({ type: 2, name: `${ours}patchbay.${name}`, configNames: ["compression.type"] })),
    });
    expect(resources.flatMap(({ configEntries }) => configEntries.map(({ configValue }) => configValue))).toEqual(["producer", "producer"]);

    const theirs = newPrefix();
    const configEntries = [{ name: "max.message.bytes", value: "2097152" }];
    await createTopic(admin, { topic: theirs + CALLS_TOPIC, numPartitions: 1, configEntries });
    await expect(open({ prefix: theirs })).rejects.toThrow(
      `the topic ${theirs}patchbay.calls has compression.type zstd, and producer is wanted`,
    );
  });

  test.each(["gzip", "uncompressed"])("a topic with compression.type=%s is taken: every reader knows it", async (value) => {
    const prefix = newPrefix();
    await open({ prefix });
    await setCompression(prefix, value);
    await open({ prefix });
  });

  test("a batch that unpacks to more than memory should hold is passed over, and told", async () => {
    const prefix = newPrefix();
    const log = await open({ prefix });
    await log.append(record("before"));
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({
      topic: prefix + CALLS_TOPIC,
      compression: 1,
      messages: [{ key: "bomb", value: Buffer.alloc(40_000_000), partition: 0 }],
    });
    await producer.disconnect();
    await log.append(record("behind"));
    const told: UnreadableRange[] = [];
    expect((await readAll(log, (range) => void told.push(range))).map(({ value }) => text(value))).toEqual(["before", "behind"]);
    expect(told).toEqual([{ partition: 0, from: 1, to: 2, reason: expect.stringContaining("unpacks to more than 33554432 bytes") }]);
  });

  test("batches that cannot be read do not end a group: it goes on in the other partitions at once, and behind them once they are noted", {
    timeout: 120_000,
  }, async () => {
    const prefix = newPrefix();
    const topic = prefix + CALLS_TOPIC;
    const before = await open({ prefix, partitions: 2 });
    // One record a batch, in both partitions.
    const places: { partition: number; offset: number; value: string }[] = [];
    for (let index = 0; index < 40 || places.filter(({ partition }) => partition === 0).length < 12; index += 1) {
      const value = `call ${index} ${"x".repeat(40)}`;
      places.push({ ...(await before.append(record(value))), value });
    }
    await before.close();
    await broker.stop();
    const altered = [
      { offset: 2, alter: ALTER.oneByte, signed: false, reason: /checksum/ },
      { offset: 5, alter: ALTER.codec(6), signed: true, reason: /codec 6/ },
      { offset: 6, alter: ALTER.codec(4), signed: true, reason: /zstd cannot be unpacked/ },
      { offset: 9, alter: ALTER.format(3), signed: true, reason: /record format 3/ },
    ];
    for (const one of altered) alterBatch({ dataFolder, topic, partition: 0, ...one });
    broker.startAgain();
    await untilKafkaAnswers(broker);

    const events: KafkaEvent[] = [];
    const log = await open({ prefix, partitions: 2, onEvent: (event) => events.push(event) });
    const bad = new Set(altered.map(({ offset }) => `0/${offset}`));
    const readable = places.filter(({ partition, offset }) => !bad.has(`${partition}/${offset}`));
    const told: UnreadableRange[] = [];
    const ledgerIsBack = Promise.withResolvers<void>();
    const group = `patchbay.${randomUUID()}`;
    const noted: UnreadableRange[] = [];
    const subscription = await log.subscribe({
      topic: CALLS_TOPIC,
      group,
      start: [],
      async onUnreadable(range) {
        told.push(range);
        if (told.length === 1) throw new Error("the ledger is away");
        if (told.length === 2) await ledgerIsBack.promise;
        noted.push(range);
      },
    });
    // What lies before the first one, and all of the other partition.
    const first = readable.filter(({ partition, offset }) => partition === 1 || offset < 2);
    const taken = await takeAll(subscription, first.length, { ack: true });
    expect(taken.map(({ message }) => text(message.value)).sort()).toEqual(first.map(({ value }) => value).sort());
    await until(() => told.length === 2);
    expect((await log.committed({ group, topic: CALLS_TOPIC })).find(({ partition }) => partition === 0)?.offset ?? 0).toBeLessThanOrEqual(
      2,
    );
    ledgerIsBack.resolve();
    const rest = await takeAll(subscription, readable.length - first.length, { ack: true });
    expect(rest.map(({ message }) => message.offset)).toEqual(
      readable.filter(({ partition, offset }) => partition === 0 && offset > 2).map(({ offset }) => offset),
    );
    expect(noted).toEqual(
      altered.map(({ offset, reason: why }) => ({ partition: 0, from: offset, to: offset + 1, reason: expect.stringMatching(why) })),
    );
    await until(async () => {
      const ends = await log.ranges(CALLS_TOPIC);
      const committed = await log.committed({ group, topic: CALLS_TOPIC });
      return ends.every(({ partition, high }) => committed.find((one) => one.partition === partition)?.offset === high);
    });
    await subscription.stop({ graceMs: 0 });

    const passed: UnreadableRange[] = [];
    const found = await readAll(log, (range) => void passed.push(range));
    expect(found.map(({ offset }) => offset)).toEqual(readable.filter(({ partition }) => partition === 0).map(({ offset }) => offset));
    expect(passed).toEqual(noted);
    events.length = 0;
    await readAll(log);
    expect(events.map(({ text: said }) => said)).toEqual(altered.map(({ reason: why }) => expect.stringMatching(why)));
    expect(JSON.stringify(events)).not.toContain("xxx");
  });

  // The last three wait for twenty seconds twice, each for itself.
  test.concurrent.each<[string, (batch: Buffer) => void]>([
    ["that the broker itself cannot read on from", (batch) => batch.writeInt32BE(-9, 8)],
    ["whose length leads the broker past everything behind it", (batch) => batch.writeInt32BE(2_000_000_000, 8)],
  ])(
    "a batch %s holds up its own partition for a minute, and no other; what lies behind it is read",
    { timeout: 240_000 },
    async (_, alter) => {
      const prefix = newPrefix();
      const topic = prefix + CALLS_TOPIC;
      const log = await open({ prefix, partitions: 2 });
      // Larger than what lies between two entries of the broker's index: it finds what lies behind.
      const places: { partition: number; offset: number }[] = [];
      while (places.filter(({ partition }) => partition === 0).length < 10) places.push(await log.append(record("x".repeat(6_000))));
      alterBatch({ dataFolder, topic, partition: 0, offset: 4, alter, signed: false });
      const told: UnreadableRange[] = [];
      const subscription = await log.subscribe({
        topic: CALLS_TOPIC,
        group: `patchbay.${randomUUID()}`,
        start: [],
        async onUnreadable(range) {
          told.push(range);
        },
      });
      const taken: { partition: number; offset: number }[] = [];
      const take = async (count: number) => {
        const signal = AbortSignal.timeout(200_000);
        while (taken.length < count && !signal.aborted)
          for (const one of await subscription.take({ max: 50, signal })) {
            taken.push({ partition: one.message.partition, offset: one.message.offset });
            one.ack();
          }
      };
      const before = places.filter(({ partition, offset }) => partition === 1 || offset < 4);
      await take(before.length);
      expect(taken).toHaveLength(before.length);
      expect(taken).toEqual(expect.arrayContaining(before));
      await take(places.length - 1);
      expect(taken.filter(({ partition }) => partition === 0).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9]);
      expect(told).toEqual([
        { partition: 0, from: 4, to: 5, reason: expect.stringMatching(/^the broker (cannot read it|has nothing where)/) },
      ]);
      await subscription.stop({ graceMs: 0 });

      const passed: UnreadableRange[] = [];
      expect((await readAll(log, (range) => void passed.push(range))).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9]);
      expect(passed.map(({ from, to }) => ({ from, to }))).toEqual([{ from: 4, to: 5 }]);
    },
  );

  test.concurrent("a partition that the broker cannot read to its end is not passed over, since that may pass: it says why it stands", {
    timeout: 240_000,
  }, async () => {
    const prefix = newPrefix();
    const topic = prefix + CALLS_TOPIC;
    const log = await open({ prefix });
    for (let index = 0; index < 6; index += 1) await log.append(record("small"));
    alterBatch({ dataFolder, topic, partition: 0, offset: 3, alter: (batch) => batch.writeInt32BE(-9, 8), signed: false });
    const told: UnreadableRange[] = [];
    const subscription = await log.subscribe({
      topic: CALLS_TOPIC,
      group: "patchbay.stands",
      start: [],
      onUnreadable: async (range) => void told.push(range),
    });
    await until(() => subscription.status().trouble !== undefined, { withinMs: 120_000 });
    expect(subscription.status().trouble).toMatch(/^partition 0 cannot be read from 3 on: the broker cannot read it \(CORRUPT_MESSAGE\)$/);
    expect(told).toEqual([]);
    await subscription.stop({ graceMs: 0 });
    // Whoever reads it now is told what is not to be had now.
    const passed: UnreadableRange[] = [];
    expect((await readAll(log, (range) => void passed.push(range))).map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect(passed).toMatchObject([{ from: 3, to: 6 }]);
  });
});
