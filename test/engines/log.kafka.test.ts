import { randomUUID } from "node:crypto";
import { describe, inject } from "vitest";
import { openKafkaLog } from "../../src/log/kafka/index.ts";
import { describeLog } from "../log.contract.ts";

const kafka = inject("kafka");

describe.skipIf("missing" in kafka)("on a real Kafka", () => {
  const prefix = `t${randomUUID().slice(0, 8)}.`;
  const brokers = "missing" in kafka ? "" : kafka.brokers;

  describeLog({
    name: "Kafka",
    open: () => openKafkaLog({ url: `kafka://${brokers}?prefix=${prefix}&partitions=6`, onEvent: () => undefined }),
    remove: async () => undefined,
    shares: true,
  });
});
