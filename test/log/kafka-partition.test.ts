import { randomBytes } from "node:crypto";
import { Partitioners } from "kafkajs";
import { expect, test } from "vitest";
import { partitionOf } from "../../src/log/kafka/murmur2.ts";

test("a key lies in the partition that Java's and kafkajs' default partitioners choose", () => {
  const choose = Partitioners.DefaultPartitioner();
  const partitionMetadata = Array.from({ length: 12 }, (_, partitionId) => ({
    partitionId,
    leader: 1,
    replicas: [],
    isr: [],
    partitionErrorCode: 0,
  }));
  for (let length = 0; length < 200; length += 1) {
    const key = randomBytes(length);
    expect(partitionOf(key, 12)).toBe(choose({ topic: "t", partitionMetadata, message: { key, value: null } }));
  }
});

test("a key's partition never changes from one release to the next", () => {
  // From Apache Kafka's own test of murmur2 (UtilsTest.testMurmur2), as partitions of 1,000.
  const hash = (text: string) => partitionOf(Buffer.from(text), 2 ** 31);
  expect([hash("21"), hash("foobar"), hash("a-little-bit-long-string"), hash("abc")]).toEqual(
    [-973932308, -790332482, -985981536, 479470107].map((value) => value & 0x7fffffff),
  );
});
