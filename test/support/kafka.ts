import { setTimeout as delay } from "node:timers/promises";
import { Kafka, logLevel } from "../../src/log/kafka/driver/load.ts";
import type { Admin } from "../../src/log/kafka/driver/types.ts";
import { startDockerBroker } from "./kafka/docker-broker.ts";
import { kafkaJars } from "./kafka/jars.ts";
import { type BrokerOptions, type JavaBroker, startJavaBroker } from "./kafka/java-broker.ts";
import { type KafkaCluster, startJavaCluster } from "./kafka/java-cluster.ts";

export type TestKafka = { brokers: string; stop(): Promise<void> } | { missing: string };

const READY_WITHIN_MS = 180_000;

/**
 * A real Apache Kafka of one broker: the one that `KAFKA_BROKERS` names, else one in Docker, else one from its official jars.
 * For killing a leader there is {@link startKafkaCluster}.
 * @throws {Error} where Kafka could be started and does not answer, with the file of its log; in CI also where it cannot be had.
 */
export async function startKafka(): Promise<TestKafka> {
  const given = process.env.KAFKA_BROKERS;
  if (given) return { brokers: given, stop: async () => undefined };

  const container = await startDockerBroker();
  if (container) {
    await untilReady({ address: container.address, orEnded: new Promise(() => undefined) });
    return { brokers: container.address, stop: container.kill };
  }

  const broker = await startOwnKafka();
  return "missing" in broker ? broker : { brokers: broker.address, stop: broker.kill };
}

/**
 * A broker from the official jars, for a test that crashes it or wants it otherwise.
 * @throws {Error} as {@link startKafka}.
 */
export async function startOwnKafka(options: BrokerOptions = {}): Promise<JavaBroker | { missing: string }> {
  const jars = await kafkaJars();
  if ("missing" in jars) {
    if (process.env.CI) throw new Error(`no Kafka for the tests: ${jars.missing}`);
    return jars;
  }
  const broker = await startJavaBroker({ ...options, jars: jars.folder });
  try {
    await untilKafkaAnswers(broker);
  } catch (cause) {
    throw new Error(`Kafka did not start; its log is ${broker.logFile}`, { cause });
  }
  return broker;
}

/**
 * Three brokers from the official jars, each a JVM of its own, with three copies of everything.
 * @throws {Error} as {@link startKafka}.
 */
export async function startKafkaCluster(): Promise<KafkaCluster | { missing: string }> {
  const jars = await kafkaJars();
  if ("missing" in jars) {
    if (process.env.CI) throw new Error(`no Kafka for the tests: ${jars.missing}`);
    return jars;
  }
  const cluster = await startJavaCluster({ jars: jars.folder });
  await Promise.all(cluster.brokers.map(({ address, ended }) => untilReady({ address, orEnded: ended() })));
  return cluster;
}

/** Resolves once the broker answers for the topic: a busy one has not heard of it at first, where kafkajs' own `waitForLeaders` fails. */
export async function createTopic(admin: Admin, topic: Parameters<Admin["createTopics"]>[0]["topics"][number]): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics: [topic] });
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      await admin.fetchTopicMetadata({ topics: [topic.topic] });
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await delay(100);
    }
  }
}

/** After `startAgain`, say. */
export async function untilKafkaAnswers(broker: Pick<JavaBroker, "address" | "ended">): Promise<void> {
  await untilReady({ address: broker.address, orEnded: broker.ended() });
}

/** The port opens before Kafka can serve: only an answered Metadata request counts. */
async function untilReady(options: { address: string; orEnded: Promise<void> }): Promise<void> {
  const { address, orEnded } = options;
  let ended = false;
  void orEnded.then(() => {
    ended = true;
  });
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  const kafka = new Kafka({ clientId: "ready", brokers: [address], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
  for (;;) {
    const admin = kafka.admin();
    try {
      await admin.connect();
      const { brokers } = await admin.describeCluster();
      if (brokers.length > 0) return;
    } catch (error) {
      if (ended) throw new Error("its process ended", { cause: error });
      if (performance.now() > deadlineMs) throw error;
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
    await delay(200);
  }
}
