import { KafkaJSProtocolError, type RecordMetadata, type TopicMessages } from "kafkajs";
import { describe, expect, test } from "vitest";
import { LogUnavailableError, RecordTooLargeError } from "../../src/errors.ts";
import { createExplain } from "../../src/log/kafka/explain.ts";
import { type Outgoing, sendVerified } from "../../src/log/kafka/send-verified.ts";
import { readSettings } from "../../src/log/kafka/settings.ts";

const explain = createExplain(readSettings("kafka://broker"));
const outgoing = (partition: number, value = "v"): Outgoing => ({ topic: "t", message: { key: "k", value, partition } });

/** A broker that stores what it is sent, and whose answers leave out what `forgets` names. */
function broker(options: { forgets?: (round: number, partition: number) => boolean; refuses?: (round: number) => Error | undefined } = {}) {
  const { forgets = () => false, refuses = () => undefined } = options;
  const stored: string[] = [];
  const ends = new Map<number, number>();
  let round = 0;
  async function send(topicMessages: TopicMessages[]): Promise<RecordMetadata[]> {
    round += 1;
    const error = refuses(round);
    if (error) throw error;
    const answers = new Map<number, RecordMetadata>();
    for (const { partition = 0, value } of topicMessages.flatMap(({ messages }) => messages)) {
      if (forgets(round, partition)) continue;
      const offset = ends.get(partition) ?? 0;
      ends.set(partition, offset + 1);
      stored.push(`${partition}:${value}`);
      if (!answers.has(partition)) answers.set(partition, { topicName: "t", partition, errorCode: 0, baseOffset: String(offset) });
    }
    return [...answers.values()];
  }
  return { send, stored, rounds: () => round };
}

describe("records that are acknowledged are stored", () => {
  test("each one is told its own place", async () => {
    const { send } = broker();
    const records = [outgoing(0), outgoing(1), outgoing(0), outgoing(0), outgoing(1)];
    expect(await sendVerified({ records, send, explain })).toEqual([
      { partition: 0, offset: 0 },
      { partition: 1, offset: 0 },
      { partition: 0, offset: 1 },
      { partition: 0, offset: 2 },
      { partition: 1, offset: 1 },
    ]);
  });

  test("what kafkajs lost over a moved leader is sent again, and nothing else is", async () => {
    const { send, stored } = broker({ forgets: (round, partition) => round === 1 && partition === 1 });
    const records = [outgoing(0, "a"), outgoing(1, "b"), outgoing(1, "c")];
    expect(await sendVerified({ records, send, explain })).toEqual([
      { partition: 0, offset: 0 },
      { partition: 1, offset: 0 },
      { partition: 1, offset: 1 },
    ]);
    expect(stored).toEqual(["0:a", "1:b", "1:c"]);
  });

  test("what is never covered is no success", async () => {
    const { send, rounds } = broker({ forgets: (_, partition) => partition === 1 });
    const [kept, lost] = await sendVerified({ records: [outgoing(0), outgoing(1)], send, explain });
    expect(kept).toEqual({ partition: 0, offset: 0 });
    expect(lost).toBeInstanceOf(LogUnavailableError);
    expect(rounds()).toBe(4);
  });

  test("a failure is told to all that were sent together, without their content", async () => {
    const { send } = broker({ refuses: () => new Error("not enough replicas") });
    const results = await sendVerified({ records: [outgoing(0, "+14155550101"), outgoing(1)], send, explain });
    for (const result of results) {
      expect(result).toBeInstanceOf(LogUnavailableError);
      expect(String(result)).not.toContain("4155550101");
    }
  });

  test("one record that the broker finds too large does not take the others with it", async () => {
    const tooLarge = () => Object.assign(new KafkaJSProtocolError(new Error("too large")), { type: "MESSAGE_TOO_LARGE" });
    const stored: string[] = [];
    async function send(topicMessages: TopicMessages[]): Promise<RecordMetadata[]> {
      const messages = topicMessages.flatMap((one) => one.messages);
      if (messages.some(({ value }) => value === "huge")) throw tooLarge();
      const from = stored.length;
      stored.push(...messages.map(({ value }) => String(value)));
      return [{ topicName: "t", partition: 0, errorCode: 0, baseOffset: String(from) }];
    }
    const records = ["a", "b", "huge", "c", "d"].map((value) => outgoing(0, value));
    const results = await sendVerified({ records, send, explain });
    expect(results[2]).toBeInstanceOf(RecordTooLargeError);
    expect(results.filter((result) => result instanceof Error)).toHaveLength(1);
    expect(stored).toEqual(["a", "b", "c", "d"]);
  });
});
