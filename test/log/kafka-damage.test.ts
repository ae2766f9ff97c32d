import { describe, expect, test } from "vitest";
import { endOfDamage } from "../../src/log/kafka/damage.ts";
import { type FetchProtocol, partitionErrors } from "../../src/log/kafka/driver/corrections/partition-errors.ts";
import { type MetadataProtocol, topicErrors } from "../../src/log/kafka/driver/corrections/topic-errors.ts";
import { createErrorFromCode, openCorrectedCopy } from "../../src/log/kafka/driver/load.ts";

const kafkajs = openCorrectedCopy([partitionErrors, topicErrors]);
const Fetch = kafkajs.load<FetchProtocol>("src/protocol/requests/fetch");
const MetadataRequest = kafkajs.load<MetadataProtocol>("src/protocol/requests/metadata");

describe("where a broker can read on", () => {
  test.each([
    [3, 4, 100],
    [3, 5, 100],
    [3, 50, 100],
    [3, 99, 100],
    [3, 100, 100],
    [0, 1, 1],
    [7, 1_000_003, 1_000_004],
  ])("from %i on it cannot, from %i on it can, of %i", async (from, first, high) => {
    let asked = 0;
    const isReadable = async (offset: number) => {
      asked += 1;
      expect(offset).toBeGreaterThan(from);
      expect(offset).toBeLessThan(high);
      return offset >= first;
    };
    expect(await endOfDamage({ from, high, isReadable })).toBe(first);
    expect(asked).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(high - from + 1)) + 1);
  });
});

describe("an error of one partition", () => {
  const parse = async (errorCode: number) => {
    const partition = (index: number, code: number) => ({ partition: index, errorCode: code, highWatermark: "9", messages: [] });
    const { response } = Fetch.protocol({ version: 11 })({ maxWaitTime: 0 });
    const answer = { responses: [{ topicName: "t", partitions: [partition(0, 0), partition(1, errorCode)] }] };
    return (await response.parse(answer)) as typeof answer;
  };

  test.each([
    [-1, "UNKNOWN"],
    [2, "CORRUPT_MESSAGE"],
    [56, "KAFKA_STORAGE_ERROR"],
    [87, "INVALID_RECORD"],
  ])("%i, which another broker does not have, leaves the others their records", async (code, damage) => {
    const { responses } = await parse(code);
    expect(responses[0]?.partitions).toMatchObject([{ partition: 0 }, { partition: 1, errorCode: 0, messages: [], damage }]);
  });

  test.each([1, 3, 6, 29, 74])("%i, which is dealt with by whoever fetches, is told as ever", async (code) => {
    await expect(parse(code)).rejects.toMatchObject({ type: (createErrorFromCode(code) as Error & { type: string }).type });
  });
});

describe("an error of a topic", () => {
  const answer = {
    topicMetadata: [
      { topicErrorCode: 0, topic: "patchbay.calls", partitionMetadata: [{ partitionErrorCode: 0 }] },
      { topicErrorCode: 0, topic: "theirs", partitionMetadata: [{ partitionErrorCode: 5 }] },
      { topicErrorCode: 3, topic: "gone", partitionMetadata: [] },
    ],
  };
  const parse = (topics: string[]) => MetadataRequest.protocol({ version: 6 })({ topics }).response.parse(answer);

  test("that nobody asked about does not keep us from starting in a cluster that is shared", async () => {
    expect(await parse([])).toMatchObject({ topicMetadata: [{ topic: "patchbay.calls" }] });
  });

  test("that was asked about is told", async () => {
    await expect(parse(["patchbay.calls", "theirs", "gone"])).rejects.toMatchObject({ type: "UNKNOWN_TOPIC_OR_PARTITION" });
  });
});
