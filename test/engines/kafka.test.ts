import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { inspect } from "node:util";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { LogUnavailableError, UnreachableError, UsageError } from "../../src/errors.ts";
import type { KafkaEvent } from "../../src/log/kafka/client.ts";
import { Kafka, logLevel } from "../../src/log/kafka/driver/load.ts";
import { openKafkaLog } from "../../src/log/kafka/index.ts";
import type { Send } from "../../src/log/kafka/send-verified.ts";
import { CALLS_TOPIC, type Log, type Subscription, type Taken } from "../../src/log/log.ts";
import { record, takeAll, text, until, untilHeld } from "../contracts/log.contract.ts";
import { createTopic } from "../support/kafka.ts";
import { closedPort } from "../support/ports.ts";

const kafka = inject("kafka");
const brokers = "missing" in kafka ? "" : kafka.brokers;

describe.skipIf("missing" in kafka)("what only Kafka has", () => {
  const newPrefix = () => `o${randomUUID().slice(0, 8)}.`;

  async function open(
    options: { prefix?: string; query?: string; wrapSend?: (send: Send) => Send; onEvent?(event: KafkaEvent): void } = {},
  ): Promise<Log> {
    const { prefix = newPrefix(), query = "partitions=6", wrapSend, onEvent = () => undefined } = options;
    const log = await openKafkaLog({
      url: `kafka://${brokers}?prefix=${prefix}&${query}`,
      onEvent,
      ...(wrapSend && { wrapSend }),
    });
    onTestFinished(() => log.close());
    return log;
  }

  /** A process of its own, for a death that leaves no word behind. */
  function member({ prefix, group }: { prefix: string; group: string }) {
    const program = resolve(import.meta.dirname, "../support/kafka/member.ts");
    const child = spawn(process.execPath, [program, `kafka://${brokers}?prefix=${prefix}&partitions=6`, group], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
    const said = (line: string) => until(() => lines.includes(line), { withinMs: 60_000 });
    return {
      said,
      async join() {
        await said("opened");
        child.stdin.write("join\n");
      },
      async kill() {
        child.kill("SIGKILL");
        await once(child, "close");
      },
    };
  }

  async function admin() {
    const one = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.NOTHING }).admin();
    await one.connect();
    onTestFinished(() => one.disconnect());
    return one;
  }

  test("a member that joins gets nothing that is being delivered: six in flight are waited for and committed first", async () => {
    const prefix = newPrefix();
    const [first, second] = [await open({ prefix }), await open({ prefix })];
    const group = "patchbay.barrier";
    const one = await first.subscribe({ topic: CALLS_TOPIC, group, start: [] });
    await untilHeld(one);
    await Promise.all(Array.from({ length: 6 }, (_, index) => first.append(record(`${index}`))));
    const inFlight = await takeAll(one, 6);
    const other = await second.subscribe({ topic: CALLS_TOPIC, group, start: [] });
    const seen: string[] = [];
    const collecting = collect(other, seen);
    // The barrier tells the holder; from then on it finishes what it has.
    await until(() => inFlight.every(({ signal }) => signal.aborted));
    expect(other.status().partitions).toEqual([]);
    for (const taken of inFlight) taken.ack();
    await until(() => other.status().partitions.length > 0 && one.status().partitions.length > 0);
    // Whatever the newcomer would get of the six, it would get before this one.
    const [partition] = other.status().partitions;
    while ((await first.append(record("later"))).partition !== partition);
    await until(() => seen.length > 0);
    await other.stop({ graceMs: 1_000 });
    await collecting;
    expect(seen).toEqual(seen.map(() => "later"));
    await one.stop({ graceMs: 0 });
  });

  test("a member that dies without a word is replaced, and what it had taken is taken again", { timeout: 60_000 }, async () => {
    const prefix = newPrefix();
    const living = await open({ prefix });
    const group = "patchbay.dying";
    const dying = member({ prefix, group });
    await dying.join();
    await dying.said("held");
    await Promise.all(Array.from({ length: 4 }, (_, index) => living.append(record(`${index}`, { key: "k" }))));
    await dying.said("taken 4");
    await until(async () => (await living.committed({ group, topic: CALLS_TOPIC })).some(({ offset }) => offset === 1));
    await dying.kill();
    const other = await living.subscribe({ topic: CALLS_TOPIC, group, start: [] });
    expect((await takeAll(other, 3)).map((taken) => text(taken.message.value))).toEqual(["1", "2", "3"]);
    await other.stop({ graceMs: 0 });
  });

  test("members that die while they join hold a group up for a session each, and no living one restarts", {
    timeout: 120_000,
  }, async () => {
    const prefix = newPrefix();
    const group = "patchbay.dead-leader";
    const said: string[] = [];
    const living = await open({ prefix, onEvent: ({ text }) => said.push(text) });
    const first = member({ prefix, group });
    await first.join();
    await first.said("held");
    // Started before the first one dies: they must join while its session lasts, however slow the machine is.
    const joining = [1, 2, 3].map(() => member({ prefix, group }));
    await Promise.all(joining.map((one) => one.said("opened")));
    await first.kill();
    // They wait for the dead one's session to end; then one of them leads, dead as well.
    await Promise.all(joining.map((one) => one.join()));
    await Promise.all(joining.map((one) => one.said("subscribed")));
    const official = await admin();
    await until(async () => (await official.describeGroups([prefix + group])).groups[0]?.members.length === 4);
    await Promise.all(joining.map((one) => one.kill()));
    const other = await living.subscribe({ topic: CALLS_TOPIC, group, start: [] });
    await until(() => other.status().partitions.length === 6, { withinMs: 90_000 });
    expect(said.filter((text) => /consumer restarts|Crash/.test(text))).toEqual([]);
    await other.stop({ graceMs: 0 });
  });

  test("positions and lag are the ones that Kafka's own admin sees", async () => {
    const prefix = newPrefix();
    const log = await open({ prefix });
    const group = "patchbay.lag";
    const subscription = await log.subscribe({ topic: CALLS_TOPIC, group, start: [] });
    await untilHeld(subscription);
    await Promise.all(Array.from({ length: 40 }, (_, index) => log.append(record(`${index}`))));
    const taken = await takeAll(subscription, 40);
    for (const one of taken.slice(0, 25)) one.ack();
    await subscription.stop({ graceMs: 0 });

    const topic = prefix + CALLS_TOPIC;
    const official = await admin();
    const ends = await official.fetchTopicOffsets(topic);
    const [committed] = await official.fetchOffsets({ groupId: prefix + group, topics: [topic] });
    const ours = { ranges: await log.ranges(CALLS_TOPIC), committed: await log.committed({ group, topic: CALLS_TOPIC }) };
    const byPartition = (a: { partition: number }, b: { partition: number }) => a.partition - b.partition;
    expect(ours.ranges).toEqual(
      ends.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) })).sort(byPartition),
    );
    expect(ours.committed.map(({ partition, offset }) => ({ partition, offset }))).toEqual(
      (committed?.partitions ?? []).map(({ partition, offset }) => ({ partition, offset: Number(offset) })).sort(byPartition),
    );
  });

  test("what an answer does not cover is sent again before it counts as stored", async () => {
    let forgotten = 0;
    const log = await open({
      wrapSend: (send) => async (topicMessages) => {
        if (forgotten > 0) return send(topicMessages);
        // As kafkajs does when the leader of one partition moves during a send: it resolves, and says nothing of that partition.
        const [first] = topicMessages[0]?.messages ?? [];
        const kept = topicMessages.map((one) => ({
          ...one,
          messages: one.messages.filter(({ partition }) => partition !== first?.partition),
        }));
        forgotten = (topicMessages[0]?.messages.length ?? 0) - (kept[0]?.messages.length ?? 0);
        return send(kept);
      },
    });
    const values = Array.from({ length: 60 }, () => randomUUID());
    const places = await Promise.all(values.map((value) => log.append(record(value))));
    expect(forgotten).toBeGreaterThan(0);
    for (const [index, { partition, offset }] of places.entries()) {
      const [message] = await log.read({ topic: CALLS_TOPIC, partition, from: offset, limit: 1 });
      expect(message && text(message.value)).toBe(values[index]);
    }
  });

  test("while nothing can be stored, some wait for its return and all others are refused at once; then it goes on", async () => {
    const back = Promise.withResolvers<void>();
    const log = await open({
      wrapSend: (send) => async (topicMessages) => {
        await back.promise;
        return send(topicMessages);
      },
    });
    let answered = 0;
    const waiting = Array.from({ length: 8 }, (_, index) => log.append(record(`${index}`)).finally(() => (answered += 1)));
    await until(() =>
      log.check().then(
        () => false,
        () => true,
      ),
    );
    await expect(log.append(record("refused"))).rejects.toThrow(/records wait for 3 s to be stored/);
    expect(answered).toBe(0);
    back.resolve();
    expect(await Promise.all(waiting)).toHaveLength(8);
    await expect(log.append(record("kept"))).resolves.toBeDefined();
  });

  test("what retention took unread is told before reading goes on behind it, and told again until it is noted", async () => {
    const prefix = newPrefix();
    const log = await open({ prefix, query: "partitions=1" });
    const subscribe = (lost: object[] = [], failures = 0) =>
      log.subscribe({
        topic: CALLS_TOPIC,
        group: "patchbay.overtaken",
        start: [],
        async onLost(range) {
          lost.push(range);
          if (lost.length <= failures) throw new Error("the ledger is away");
        },
      });
    const before = await subscribe();
    await untilHeld(before);
    await log.append(record("0"));
    const [first] = await takeAll(before, 1);
    first?.ack();
    await before.stop({ graceMs: 1_000 });
    for (let index = 1; index < 10; index += 1) await log.append(record(`${index}`));
    const official = await admin();
    const topic = prefix + CALLS_TOPIC;
    // kafkajs deletes only from a topic that it was asked about before.
    await official.fetchTopicOffsets(topic);
    await official.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "6" }] });
    const lost: object[] = [];
    const after = await subscribe(lost, 1);
    expect((await takeAll(after, 4)).map((taken) => text(taken.message.value))).toEqual(["6", "7", "8", "9"]);
    expect(lost).toEqual([1, 2].map(() => ({ partition: 0, from: 1, to: 6 })));
    await after.stop({ graceMs: 0 });
  });

  test("topics are made as asked: partitions, size limit, the broker's clock", async () => {
    const prefix = newPrefix();
    await open({ prefix, query: "partitions=5&retention_ms=3600000" });
    const official = await admin();
    const { topics } = await official.fetchTopicMetadata({ topics: [`${prefix}patchbay.calls`, `${prefix}patchbay.quarantine`] });
    expect(Object.fromEntries(topics.map(({ name, partitions }) => [name.slice(prefix.length), partitions.length]))).toEqual({
      "patchbay.calls": 5,
      "patchbay.quarantine": 1,
    });
    const { resources } = await official.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: `${prefix}patchbay.calls` }],
    });
    const config = Object.fromEntries((resources[0]?.configEntries ?? []).map(({ configName, configValue }) => [configName, configValue]));
    expect(config).toMatchObject({
      "retention.ms": "3600000",
      "max.message.bytes": "2097152",
      "message.timestamp.type": "LogAppendTime",
      "cleanup.policy": "delete",
      "compression.type": "producer",
      "retention.bytes": "-1",
      "min.insync.replicas": "1",
    });
  });

  test("several processes may start at once on a cluster without topics", async () => {
    const prefix = newPrefix();
    const logs = await Promise.all(Array.from({ length: 4 }, () => open({ prefix })));
    await Promise.all(logs.map((log) => log.append(record("x"))));
    expect((await (logs[0] as Log).ranges(CALLS_TOPIC)).length).toBe(6);
  });

  test.each([
    ["another partition count", { numPartitions: 3 }, /partition count of 3, and 6 is wanted/],
    [
      "a smaller size limit",
      { numPartitions: 6, configEntries: [{ name: "max.message.bytes", value: "1000" }] },
      /max\.message\.bytes 1000/,
    ],
    [
      "compaction",
      {
        numPartitions: 6,
        configEntries: [
          { name: "cleanup.policy", value: "compact" },
          { name: "max.message.bytes", value: "2097152" },
        ],
      },
      /cleanup\.policy compact/,
    ],
  ])("a topic with %s is refused, with what to do", async (_, shape, message) => {
    const prefix = newPrefix();
    await createTopic(await admin(), { topic: `${prefix}patchbay.calls`, ...shape });
    const opening = open({ prefix });
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toBeInstanceOf(UsageError);
    await expect(opening).rejects.toMatchObject({ hint: expect.stringMatching(/partitions=3 in the log's URL, or leave|kafka-configs/) });
  });

  test("a topic from which calls go by size, or with a leader that lacks some, is used, and said", async () => {
    const prefix = newPrefix();
    const configEntries = Object.entries({
      "max.message.bytes": "2097152",
      "retention.bytes": "1000000",
      "unclean.leader.election.enable": "true",
    }).map(([name, value]) => ({ name, value }));
    const topic = `${prefix}patchbay.calls`;
    const official = await admin();
    await createTopic(official, { topic, configEntries });
    const said: string[] = [];
    await open({ prefix, query: "retention_ms=604800000", onEvent: ({ text }) => said.push(text) });
    expect(said.filter((text) => text.includes(`${prefix}patchbay.calls`))).toEqual([
      expect.stringContaining("keeps 1000000 bytes of each partition"),
      expect.stringContaining("unclean.leader.election.enable=false"),
    ]);
  });

  test("a command that only looks makes no topics: it says that there are none, and which prefix is near", async () => {
    const prefix = newPrefix();
    await open({ prefix });
    const typo = `${prefix.slice(0, -2)}.`;
    const official = await admin();
    const before = await official.listTopics();
    await expect(
      openKafkaLog({ url: `kafka://${brokers}?prefix=${typo}`, mustExist: true, onEvent: () => undefined }),
    ).rejects.toMatchObject({
      name: "UsageError",
      message: `there is no topic ${typo}patchbay.calls at kafka://${brokers}`,
      hint: expect.stringMatching(new RegExp(`^There is one with prefix=${prefix}`)),
    });
    expect((await official.listTopics()).filter((topic) => topic.startsWith(typo))).toEqual([]);
    expect(before.filter((topic) => topic.startsWith(typo))).toEqual([]);
  });

  test("more copies than there are brokers are refused, with what to do", async () => {
    const opening = open({ query: "replication=3" });
    await expect(opening).rejects.toMatchObject({
      name: "UsageError",
      message: expect.stringContaining("3 copies"),
      hint: expect.stringContaining("replication=1"),
    });
  });
});

describe("Kafka away", () => {
  test("opening says the address and what to check, soon, and never the password", async () => {
    const port = await closedPort();
    const opening = openKafkaLog({ url: `kafka://app:hunter2@127.0.0.1:${port}?sasl=plain`, onEvent: () => undefined });
    const error = await opening.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error).toMatchObject({ address: `127.0.0.1:${port}`, hint: expect.stringContaining("Is it running") });
    expect(inspect(error, { depth: 9 })).not.toContain("hunter2");
  });

  test.skipIf("missing" in kafka)("an append says that it is not stored, and check says why", { timeout: 60_000 }, async () => {
    let away = true;
    const log = await openKafkaLog({
      url: `kafka://${brokers}?prefix=a${randomUUID().slice(0, 8)}.`,
      onEvent: () => undefined,
      wrapSend: (send) => (messages) =>
        away ? Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { retriable: true })) : send(messages),
    });
    onTestFinished(() => log.close());
    await expect(log.append(record("lost?"))).rejects.toBeInstanceOf(LogUnavailableError);
    await expect(log.check()).rejects.toThrow(/ECONNREFUSED/);
    away = false;
    await log.append(record("kept"));
    await expect(log.check()).resolves.toBeUndefined();
  });
});

async function collect(subscription: Subscription, seen: string[]): Promise<void> {
  for (;;) {
    const taken: Taken[] = await subscription.take({ max: 10 });
    if (taken.length === 0) return;
    for (const one of taken) {
      seen.push(text(one.message.value));
      one.ack();
    }
  }
}
