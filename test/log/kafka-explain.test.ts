import { createRequire } from "node:module";
import { KafkaJSConnectionError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError } from "kafkajs";
import { describe, expect, test } from "vitest";
import { createExplain } from "../../src/log/kafka/explain.ts";
import { readSettings } from "../../src/log/kafka/settings.ts";

const require = createRequire(import.meta.url);
const { errorCodes } = require("kafkajs/src/protocol/error") as {
  errorCodes: { type: string; code: number; message: string; retriable: boolean }[];
};

const explain = createExplain(readSettings("kafka://app:hunter2@kafka-1:9093,kafka-2:9093?sasl=scram-sha-512"));
const deed = { topic: "patchbay.calls", group: "patchbay.to-slack", operation: "Read" } as const;

describe("what Kafka answers, as a person reads it", () => {
  test.each(errorCodes.map((one) => [one.type, one] as const))("%s is a sentence with a step", (type, code) => {
    const { message, hint } = explain(new KafkaJSProtocolError(code as never), deed);
    expect(message).toMatch(new RegExp(`^Kafka at kafka-1:9093,kafka-2:9093 [a-z].+ \\(${type}\\)$`));
    expect(message).not.toContain("cannot be asked");
    expect(hint).toMatch(/^.{10,}[.?]$/);
    expect(message + hint).not.toContain("hunter2");
  });

  test("a right that is missing is named: who, what, of what, and how to grant it", () => {
    const of = (code: number) => explain(new KafkaJSProtocolError(errorCodes.find((one) => one.code === code) as never), deed);
    expect(of(29)).toEqual({
      message: "Kafka at kafka-1:9093,kafka-2:9093 does not let User:app read the topic patchbay.calls (TOPIC_AUTHORIZATION_FAILED)",
      hint: expect.stringContaining("kafka-acls.sh --add --allow-principal 'User:app' --operation Read --topic patchbay.calls"),
    });
    expect(of(30)).toEqual({
      message: "Kafka at kafka-1:9093,kafka-2:9093 does not let User:app read the group patchbay.to-slack (GROUP_AUTHORIZATION_FAILED)",
      hint: expect.stringContaining("kafka-acls.sh --add --allow-principal 'User:app' --operation Read --group patchbay.to-slack"),
    });
  });

  test("a broker's own name for itself that leads nowhere is what is named, not the address that answered", () => {
    const lost = Object.assign(
      new KafkaJSConnectionError("Connection error: getaddrinfo ENOTFOUND kafka", { broker: "kafka:9092", code: "ENOTFOUND" }),
    );
    const { message } = explain(new KafkaJSNumberOfRetriesExceeded(lost, { retryCount: 3, retryTime: 100 }), deed);
    expect(message).toBe(
      "Kafka at kafka-1:9093,kafka-2:9093 names a broker kafka:9092 (its advertised.listeners), which cannot be found: no name service knows this host (ENOTFOUND)",
    );
  });

  test("what nobody knows is said as it came, without a stack", () => {
    expect(explain(new Error("something new"), deed).message).toBe("Kafka at kafka-1:9093,kafka-2:9093 cannot be asked: something new");
  });
});
