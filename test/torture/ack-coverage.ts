import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { openKafkaLog } from "../../src/log/kafka/index.ts";
import type { Send } from "../../src/log/kafka/send-verified.ts";
import { CALLS_TOPIC, type Log } from "../../src/log/log.ts";
import { readTopic } from "../../src/log/pages.ts";
import type { KafkaCluster } from "../support/kafka/java-cluster.ts";
import type { TortureRow } from "./table.ts";

const PARTITIONS = 12;
const IN_FLIGHT = 600;
const VALUE_BYTES = 600;

/** What kafkajs resolves counts as stored, whatever its answers cover: the check finds nothing missing. */
const trusting =
  (send: Send): Send =>
  async (topicMessages) => {
    const answers = await send(topicMessages);
    const covered = new Set(answers.map(({ topicName, partition }) => `${topicName}/${partition}`));
    const claimed = topicMessages.flatMap(({ topic, messages }) =>
      messages
        .filter(({ partition }) => !covered.has(`${topic}/${partition}`))
        .map(({ partition = 0 }) => ({ topicName: topic, partition, errorCode: 0, baseOffset: "0" })),
    );
    return [...answers, ...claimed];
  };

/** Case 2, its reason: the same appender with and without the check of what the answers cover, as fast as it goes, while leaders are killed. */
export async function ackCoverage(options: { cluster: KafkaCluster; kills: number; checked: boolean }): Promise<TortureRow> {
  const { cluster, kills, checked } = options;
  const prefix = `ack${randomUUID().slice(0, 8)}.`;
  const topic = prefix + CALLS_TOPIC;
  const startedAtMs = performance.now();
  const log = await openKafkaLog({
    url: `kafka://${cluster.addresses}?prefix=${prefix}&partitions=${PARTITIONS}`,
    onEvent: () => undefined,
    ...(checked ? {} : { wrapSend: trusting }),
  });
  const acknowledged = new Set<string>();
  const stopping = new AbortController();
  let refused = 0;

  async function sendOneAfterAnother(): Promise<void> {
    while (!stopping.signal.aborted) {
      const id = randomUUID();
      const value = Buffer.from(id.padEnd(VALUE_BYTES, "."));
      try {
        await log.append({ topic: CALLS_TOPIC, key: id, value, headers: {} });
        acknowledged.add(id);
      } catch {
        refused += 1;
        await delay(100);
      }
    }
  }
  try {
    const sending = Array.from({ length: IN_FLIGHT }, sendOneAfterAnother);
    for (let n = 0; n < kills; n += 1) {
      await cluster.inSync({ topic, withinMs: 90_000 });
      await delay(500 + Math.random() * 500);
      const leader = await cluster.leaderOf({ topic, partition: n % PARTITIONS });
      const before = acknowledged.size;
      await leader.crash();
      const untilMs = performance.now() + 40_000;
      while (acknowledged.size < before + 2 * IN_FLIGHT && performance.now() < untilMs) await delay(50);
      leader.startAgain();
    }
    stopping.abort();
    await Promise.all(sending);
    await cluster.inSync({ topic, withinMs: 90_000 });
    const lost = await missing(log, acknowledged);
    return {
      name: `${kills} leaders killed -9, appending directly, ${checked ? "as it is" : "WITHOUT the check of kafkajs' answers"}`,
      engine: "Kafka",
      load: `${IN_FLIGHT} appends under way`,
      faults: `${kills} leader kills`,
      accepted: acknowledged.size,
      delivered: "",
      doubled: 0,
      doubledWithoutKey: 0,
      lost,
      whole: lost === 0,
      dead: 0,
      seconds: (performance.now() - startedAtMs) / 1000,
      note: `${refused} refused`,
    };
  } finally {
    stopping.abort();
    await log.close();
  }
}

async function missing(log: Log, acknowledged: ReadonlySet<string>): Promise<number> {
  const left = new Set(acknowledged);
  for await (const messages of readTopic({ log, topic: CALLS_TOPIC })) {
    for (const { value } of messages) left.delete(Buffer.from(value.buffer, value.byteOffset, 36).toString());
  }
  return left.size;
}
