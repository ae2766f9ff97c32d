import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { crc32c } from "../../src/log/kafka/crc32c.ts";
import { theirs } from "../../src/log/kafka/patch-encode.ts";
import { type EncodableRecord, encodeRecord } from "../../src/log/kafka/record.ts";

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

test("a whole produce request has the same bytes as kafkajs' own", () => {
  const program = `
    const request = require("kafkajs/src/protocol/request");
    const produce = require("kafkajs/src/protocol/requests/produce/v7/request");
    const messages = (count, size) => Array.from({ length: count }, (_, i) => ({
      key: Buffer.from("k" + i), value: Buffer.alloc(size + i, i), headers: { source: "voiceinfra", format: "1" }, timestamp: 1_700_000_000_000 + i,
    }));
    const topicData = [
      { topic: "calls", partitions: [{ partition: 0, messages: messages(40, 2700) }, { partition: 7, messages: messages(1, 3) }] },
      { topic: "größe", partitions: [{ partition: 3, messages: messages(3, 900_000) }] },
    ];
    request({ correlationId: 7, clientId: "c", request: produce({ acks: -1, timeout: 5000, topicData }) })
      .then((encoder) => console.log(encoder.size(), require("crypto").createHash("sha256").update(encoder.buffer).digest("hex")));`;
  const patch = new URL("../../src/log/kafka/patch-encode.ts", import.meta.url).href;
  const run = (...flags: string[]) => execFileSync(process.execPath, [...flags, "-e", program], { encoding: "utf8" });
  const ours = run("--import", patch);
  expect(ours).toBe(run());
  expect(Number(ours.split(" ")[0])).toBeGreaterThan(2_700_000);
});
