import { setTimeout as delay } from "node:timers/promises";
import { Kafka, logLevel } from "../../../src/log/kafka/driver/load.ts";
import { freePorts } from "../ports.ts";
import { type JavaBroker, newClusterId, startJavaBroker } from "./java-broker.ts";

export interface KafkaCluster {
  brokers: JavaBroker[];
  /** `host:port,host:port,host:port` */
  addresses: string;
  /** The broker that leads the partition now. */
  leaderOf(options: { topic: string; partition: number }): Promise<JavaBroker>;
  /** Resolves when every partition of the topic has all its copies in sync. */
  inSync(options: { topic: string; withinMs: number }): Promise<void>;
  kill(): Promise<void>;
}

/** A dead broker is noticed within seconds, as a cluster for tests wants it; Kafka's defaults take longer. */
const PROPERTIES = [
  "offsets.topic.replication.factor=3",
  "transaction.state.log.replication.factor=3",
  "default.replication.factor=3",
  "min.insync.replicas=2",
  "broker.session.timeout.ms=3000",
  "broker.heartbeat.interval.ms=500",
  "replica.lag.time.max.ms=3000",
];

export async function startJavaCluster(options: { jars: string }): Promise<KafkaCluster> {
  const { jars } = options;
  const ports = await freePorts(6);
  const clusterId = newClusterId();
  const members = [1, 2, 3].map((nodeId) => ({ nodeId, port: ports[2 * nodeId - 2] ?? 0, controllerPort: ports[2 * nodeId - 1] ?? 0 }));
  const voters = members.map(({ nodeId, controllerPort }) => `${nodeId}@127.0.0.1:${controllerPort}`).join();
  const brokers = await Promise.all(
    members.map((member) => startJavaBroker({ jars, member: { ...member, clusterId, voters, properties: PROPERTIES } })),
  );
  const addresses = brokers.map(({ address }) => address).join();

  async function partitions(topic: string) {
    const admin = new Kafka({ clientId: "cluster", brokers: addresses.split(","), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions ?? [];
    } finally {
      await admin.disconnect();
    }
  }

  return {
    brokers,
    addresses,
    async leaderOf({ topic, partition }) {
      const leader = (await partitions(topic)).find(({ partitionId }) => partitionId === partition)?.leader ?? -1;
      const broker = brokers[leader - 1];
      if (!broker) throw new Error(`partition ${partition} of ${topic} has no leader now`);
      return broker;
    },
    async inSync({ topic, withinMs }) {
      const untilMs = performance.now() + withinMs;
      for (;;) {
        const found = await partitions(topic).catch(() => []);
        if (found.length > 0 && found.every(({ isr }) => isr.length === 3)) return;
        if (performance.now() > untilMs) throw new Error(`not all copies of ${topic} are in sync after ${withinMs} ms`);
        await delay(300);
      }
    },
    async kill() {
      await Promise.all(brokers.map((broker) => broker.kill()));
    },
  };
}
