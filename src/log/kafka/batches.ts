/** The record batches of a partition, as a broker sends them (https://kafka.apache.org/documentation/#recordbatch). */
import { crc32c } from "./crc32c.ts";
import { ATTRIBUTES_AT, COUNT_AT, decodeRecords } from "./decode-records.ts";
import { decompress } from "./decompress.ts";
import type { KafkaRecord } from "./kafka-record.ts";

/** Where the rest lies in a batch, in bytes from its begin. */
const LENGTH_AT = 8;
/** What the length counts begins here. */
const COUNTED_FROM = 12;
const MAGIC_AT = 16;
const CRC_AT = 17;
const LAST_OFFSET_DELTA_AT = 23;
const RECORDS_AT = 61;
const FORMAT = 2;
const CODEC_MASK = 7;

/**
 * What one batch may unpack to: ours hold half a megabyte, or one record of two. A few kilobytes that unpack to gigabytes would otherwise
 * end the process, at every start.
 */
const MAX_BATCH_BYTES = 33_554_432;
/** Once so much was unpacked of one answer, the rest of it is fetched again: many batches at that limit come in a single answer. */
const ENOUGH_BYTES = 4_194_304;

/**
 * Every record of `bytes`, in order; the last batch may be cut off, and comes again. A batch that cannot be read stands there as one
 * record with `unreadable`, at its last offset: what lies behind it is read all the same.
 */
export async function readBatches(bytes: Buffer): Promise<KafkaRecord[]> {
  const records: KafkaRecord[] = [];
  const batches = split(bytes);
  for (let index = 0, unpackedBytes = 0; index < batches.length && unpackedBytes < ENOUGH_BYTES; index += 1) {
    const batch = batches[index] as Buffer;
    try {
      const unpacked = await unpack(batch);
      unpackedBytes += unpacked.length;
      for (const record of decodeRecords({ batch, records: unpacked })) records.push(record);
    } catch (error) {
      records.push(markerOf({ batch, next: batches[index + 1], error }));
    }
  }
  return records;
}

function split(bytes: Buffer): Buffer[] {
  const batches: Buffer[] = [];
  for (let at = 0; at + RECORDS_AT <= bytes.length; ) {
    const size = COUNTED_FROM + bytes.readInt32BE(at + LENGTH_AT);
    const whole = size >= RECORDS_AT && at + size <= bytes.length;
    // A broker sends the first batch whole, however large: where it seems not to, its length is wrong.
    if (!whole && batches.length > 0) break;
    batches.push(bytes.subarray(at, whole ? at + size : bytes.length));
    at += whole ? size : bytes.length;
  }
  return batches;
}

async function unpack(batch: Buffer): Promise<Buffer> {
  if (COUNTED_FROM + batch.readInt32BE(LENGTH_AT) !== batch.length) throw new Error("its length is wrong");
  const format = batch.readInt8(MAGIC_AT);
  if (format !== FORMAT) throw new Error(`it is written in Kafka's record format ${format}, and ${FORMAT} is the one that can be read`);
  // kafkajs does not look, so that a byte that a disk has changed becomes part of a call.
  if (crc32c(batch.subarray(ATTRIBUTES_AT)) !== batch.readUInt32BE(CRC_AT)) throw new Error("its checksum (CRC-32C) is wrong");
  const codec = batch.readInt16BE(ATTRIBUTES_AT) & CODEC_MASK;
  return decompress({ codec, packed: batch.subarray(RECORDS_AT), maxBytes: MAX_BATCH_BYTES });
}

function markerOf({ batch, next, error }: { batch: Buffer; next: Buffer | undefined; error: unknown }): KafkaRecord {
  const from = offsetOf(batch);
  const to = Math.max(from + 1, next ? offsetOf(next) : from + lengthOf(batch));
  const reason = error instanceof Error ? error.message : "unknown";
  return { offset: String(to - 1), timestamp: "0", key: null, value: null, unreadable: { from, to, reason } };
}

function offsetOf(batch: Buffer): number {
  return Number(batch.readBigInt64BE(0));
}

/** How many offsets a batch says to have, twice, where nothing behind it tells: one of the two may be what is wrong with it. */
function lengthOf(batch: Buffer): number {
  if (batch.readInt8(MAGIC_AT) !== FORMAT) return 1;
  return Math.min(batch.readInt32BE(LAST_OFFSET_DELTA_AT) + 1, batch.readInt32BE(COUNT_AT));
}
