import { createRequire } from "node:module";
import { expect, test, vi } from "vitest";
import { crc32c } from "../../src/log/kafka/crc32c.ts";
import type { Encoder } from "../../src/log/kafka/driver/corrections/encoder-copies.ts";
import type { RequestQueue } from "../../src/log/kafka/driver/corrections/idle-timer.ts";
import { HOOKS } from "../../src/log/kafka/driver/corrections/member-hooks.ts";
import type { FetchProtocol } from "../../src/log/kafka/driver/corrections/partition-errors.ts";
import type { SyncGroupProtocol } from "../../src/log/kafka/driver/corrections/sync-timeout.ts";
import type { MetadataProtocol } from "../../src/log/kafka/driver/corrections/topic-errors.ts";
import { CORRECTIONS, createErrorFromCode, openCorrectedCopy } from "../../src/log/kafka/driver/load.ts";
import type { PrivateCopy } from "../../src/log/kafka/driver/private-copy.ts";
import type { ConsumerGroup } from "../../src/log/kafka/driver/types.ts";
import type { KafkaRecord } from "../../src/log/kafka/kafka-record.ts";

/** What of kafkajs shows each fault: true while the fault is there. */
const FAULTS: Record<string, (kafkajs: PrivateCopy) => boolean | Promise<boolean>> = {
  "idle timer"(kafkajs) {
    const queue = new (kafkajs.load<new (options: object) => RequestQueue & { destroy(): void }>("src/network/requestQueue"))({});
    // As after an answer, when nothing else waits to be sent.
    queue.checkPendingRequests();
    const isArmed = queue.throttleCheckTimeoutId !== null;
    queue.destroy();
    return isArmed;
  },
  async "errors of one partition"(kafkajs) {
    const partition = (index: number, errorCode: number) => ({ partition: index, errorCode, highWatermark: "9", messages: [] });
    const { response } = kafkajs.load<FetchProtocol>("src/protocol/requests/fetch").protocol({ version: 11 })({ maxWaitTime: 0 });
    return rejects(response.parse({ responses: [{ partitions: [partition(0, 0), partition(1, 2)] }] }));
  },
  async "errors of topics that nobody named"(kafkajs) {
    const { response } = kafkajs.load<MetadataProtocol>("src/protocol/requests/metadata").protocol({ version: 6 })({ topics: [] });
    return rejects(response.parse({ topicMetadata: [{ topicErrorCode: 0, partitionMetadata: [{ partitionErrorCode: 5 }] }] }));
  },
  async "batches that cannot be read"(kafkajs) {
    const batch = await produced(kafkajs, Buffer.from("v"));
    batch.writeUInt8(0x77, batch.length - 2);
    const Decoder = kafkajs.load<new (bytes: Buffer) => object>("src/protocol/decoder");
    const decode = kafkajs.load<(decoder: object) => Promise<KafkaRecord[]>>("src/protocol/requests/fetch/v4/decodeMessages");
    const size = Buffer.alloc(4);
    size.writeInt32BE(batch.length);
    const [record] = await decode(new Decoder(Buffer.concat([size, batch])));
    return record?.unreadable === undefined;
  },
  // A matter of speed alone (three times), which a test on a busy machine cannot tell.
  checksum: (kafkajs) => kafkajs.load("src/protocol/recordBatch/crc32C") !== crc32c,
  "encoding of records"(kafkajs) {
    const encode = kafkajs.load<(record: object) => object>("src/protocol/recordBatch/record/v0");
    const headers = { source: "voiceinfra", format: "1" };
    return allocated(() => encode({ offsetDelta: 0, timestampDelta: 0, key: Buffer.from("k"), value: Buffer.from("v"), headers })) > 0;
  },
  "time-out of SyncGroup"(kafkajs) {
    const request = kafkajs.load<SyncGroupProtocol>("src/protocol/requests/syncGroup").protocol({ version: 3 });
    return request({ groupAssignment: [] }).requestTimeout === undefined;
  },
  async "a coordinator that moved"(kafkajs) {
    const { prototype } = kafkajs.load<{ prototype: ConsumerGroup }>("src/consumer/consumerGroup");
    const commitOffsets = vi.fn().mockRejectedValueOnce(createErrorFromCode(16)).mockResolvedValue(undefined);
    const cluster = { findGroupCoordinator: async () => ({}) };
    return rejects(prototype.commitOffsets.call({ cluster, offsetManager: { commitOffsets } } as unknown as ConsumerGroup, { topics: [] }));
  },
  async "hooks of a member"(kafkajs) {
    const { prototype } = kafkajs.load<{ prototype: ConsumerGroup }>("src/consumer/consumerGroup");
    const outOfRange = vi.fn();
    const group = { assigners: [{ [HOOKS]: { outOfRange } }], preferredReadReplicasPerTopicPartition: {} } as unknown as ConsumerGroup;
    await rejects((async () => prototype.recoverFromOffsetOutOfRange.call(group, { topic: "t", partition: 0 }))());
    return outOfRange.mock.calls.length === 0;
  },
  "copies of a request"(kafkajs) {
    const encoder = new (kafkajs.load<new () => Encoder>("src/protocol/encoder"))();
    const value = Buffer.alloc(100_000, 1);
    encoder.writeBytes(value);
    value.fill(2);
    return encoder.buffer.at(-1) === 1;
  },
};

async function rejects(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => false,
    () => true,
  );
}

/** A batch of one record, as a producer writes it. */
async function produced(kafkajs: PrivateCopy, value: Buffer): Promise<Buffer> {
  const { RecordBatch } = kafkajs.load<{ RecordBatch(options: object): Promise<Encoder> }>("src/protocol/recordBatch/v0");
  const records = [kafkajs.load<(record: object) => object>("src/protocol/recordBatch/record/v0")({ offsetDelta: 0, key: null, value })];
  return Buffer.from((await RecordBatch({ compression: 0, firstTimestamp: 0, records })).buffer);
}

/** How many buffers a call makes. */
function allocated(call: () => unknown): number {
  const spy = vi.spyOn(Buffer, "alloc");
  call();
  const count = spy.mock.calls.length;
  spy.mockRestore();
  return count;
}

test("there is a test for each correction", () => {
  expect(CORRECTIONS.map(({ name }) => name).sort()).toEqual(Object.keys(FAULTS).sort());
});

test.each(CORRECTIONS)("kafkajs has the fault without its correction, and only then: $name", async ({ name }) => {
  const hasFault = FAULTS[name] as (kafkajs: PrivateCopy) => Promise<boolean>;
  expect(await hasFault(openCorrectedCopy([]))).toBe(true);
  expect(await hasFault(openCorrectedCopy(CORRECTIONS.filter((one) => one.name !== name)))).toBe(true);
  expect(await hasFault(openCorrectedCopy(CORRECTIONS))).toBe(false);
  expect(await hasFault(openCorrectedCopy(CORRECTIONS.toReversed()))).toBe(false);
});

test("another user of kafkajs in this process has it as it was published", async () => {
  const require = createRequire(import.meta.url);
  const published: PrivateCopy = { load: (path) => require(`kafkajs/${path}`), replace: () => undefined };
  for (const [name, hasFault] of Object.entries(FAULTS)) expect(await hasFault(published), name).toBe(true);
});
