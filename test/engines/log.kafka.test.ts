import { randomUUID } from "node:crypto";
import { describe, inject } from "vitest";
import { Kafka, logLevel } from "../../src/log/kafka/driver/load.ts";
import { openKafkaLog } from "../../src/log/kafka/index.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { describeLog, until } from "../contracts/log.contract.ts";

const kafka = inject("kafka");

describe.skipIf("missing" in kafka)("on a real Kafka", () => {
  const prefix = `t${randomUUID().slice(0, 8)}.`;
  const brokers = "missing" in kafka ? "" : kafka.brokers;

  const open = (of: string) => openKafkaLog({ url: `kafka://${brokers}?prefix=${of}&partitions=6`, onEvent: () => undefined });

  describeLog({
    name: "Kafka",
    open: () => open(prefix),
    remove: async () => undefined,
    shares: true,
    async makeAnew() {
      const log = await open(`${prefix}anew.`);
      const lost = await log.identity();
      const admin = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      await admin.deleteTopics({ topics: [`${prefix}anew.${CALLS_TOPIC}`] });
      // Told as gone while it is, never as what it was.
      await until(() =>
        log.identity().then(
          () => false,
          () => true,
        ),
      );
      await admin.disconnect();
      await (await open(`${prefix}anew.`)).close();
      // The one that was open all along notices.
      return { lost, made: log };
    },
  });
});
