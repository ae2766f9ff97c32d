import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { crc32c } from "../../src/log/kafka/crc32c.ts";
import type { Encoder } from "../../src/log/kafka/driver/corrections/encoder-copies.ts";
import type { EncodedRecord } from "../../src/log/kafka/driver/corrections/produce-encoding.ts";
import { CORRECTIONS, openCorrectedCopy } from "../../src/log/kafka/driver/load.ts";
import type { PrivateCopy } from "../../src/log/kafka/driver/private-copy.ts";
import { type EncodableRecord, encodeRecord } from "../../src/log/kafka/record.ts";

const pristine = openCorrectedCopy([]);
const theirs = {
  crc32c: pristine.load<(bytes: Buffer) => number>("src/protocol/recordBatch/crc32C"),
  encodeRecord: pristine.load<(record: EncodableRecord) => EncodedRecord>("src/protocol/recordBatch/record/v0"),
};

test("the checksum is CRC-32C", () => {
  // RFC 3720, appendix B.4.
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, index) => index)))).toBe(0x46dd794e);
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  for (let length = 0; length < 100; length += 1) {
    const bytes = randomBytes(length);
    expect(crc32c(bytes)).toBe(theirs.crc32c(bytes));
  }
});

test.each<[string, Partial<EncodableRecord>]>([
  [
    "a call",
    { key: Buffer.from("voiceinfra/call_1"), value: randomBytes(2_700), headers: { source: "voiceinfra", traceparent: "00-ab-cd-01" } },
  ],
  ["no key and no value", { key: null, value: null }],
  ["empty bytes", { key: Buffer.alloc(0), value: Buffer.alloc(0), headers: { empty: "" } }],
  ["text beyond ASCII", { key: "größe🙂", value: "значение", headers: { "ключ🙂": "ü" } }],
  ["a header given twice", { value: Buffer.from("v"), headers: { twice: ["a", Buffer.from("b")] } }],
  ["a large value", { value: randomBytes(1_900_000) }],
  ["a place far into its batch, later than its first", { offsetDelta: 999, timestampDelta: 86_400_000 * 365 }],
  ["an earlier time than the batch's first", { timestampDelta: -5 }],
])("%s is written as kafkajs writes it", (_, given) => {
  const record: EncodableRecord = { offsetDelta: 0, timestampDelta: 0, key: Buffer.from("k"), value: Buffer.from("v"), ...given };
  expect(encodeRecord(record).equals(theirs.encodeRecord(record).buffer)).toBe(true);
});

test("lengths around each size of a number are written as kafkajs writes them", () => {
  for (const length of [0, 1, 63, 64, 65, 8_191, 8_192, 8_193, 1_048_575, 1_048_576, 1_048_577]) {
    const record: EncodableRecord = { offsetDelta: length, timestampDelta: length, key: null, value: Buffer.alloc(length, 1) };
    expect(encodeRecord(record).equals(theirs.encodeRecord(record).buffer)).toBe(true);
  }
});

test("a whole produce request has the same bytes as kafkajs' own", async () => {
  const messages = (count: number, size: number) =>
    Array.from({ length: count }, (_, index) => ({
      key: Buffer.from(`k${index}`),
      value: Buffer.alloc(size + index, index),
      headers: { source: "voiceinfra", format: "1" },
      timestamp: 1_700_000_000_000 + index,
    }));
  const topicData = [
    {
      topic: "calls",
      partitions: [
        { partition: 0, messages: messages(40, 2_700) },
        { partition: 7, messages: messages(1, 3) },
      ],
    },
    { topic: "größe", partitions: [{ partition: 3, messages: messages(3, 900_000) }] },
  ];
  const encodedBy = async (kafkajs: PrivateCopy) => {
    const produce = kafkajs.load<(options: object) => object>("src/protocol/requests/produce/v7/request");
    const encode = kafkajs.load<(options: object) => Promise<Encoder>>("src/protocol/request");
    const encoder = await encode({ correlationId: 7, clientId: "c", request: produce({ acks: -1, timeout: 5000, topicData }) });
    return { size: encoder.size(), bytes: encoder.buffer };
  };
  const ours = await encodedBy(openCorrectedCopy(CORRECTIONS));
  const original = await encodedBy(pristine);
  expect(ours.size).toBe(original.size);
  expect(ours.bytes.equals(original.bytes)).toBe(true);
  expect(ours.size).toBeGreaterThan(2_700_000);
});
