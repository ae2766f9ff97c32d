import { readBatches } from "../../batches.ts";
import type { KafkaRecord } from "../../kafka-record.ts";
import type { Correction } from "./correction.ts";

interface Decoder {
  readInt32(): number;
  canReadBytes(count: number): boolean;
  readBytes(count: number): Buffer;
}

async function decodeMessages(decoder: Decoder): Promise<KafkaRecord[]> {
  const size = decoder.readInt32();
  if (size <= 0 || !decoder.canReadBytes(size)) return [];
  return readBatches(decoder.readBytes(size));
}

/**
 * kafkajs 2.2.4 rejects the whole answer of a broker for one batch that it cannot read, of any partition: a codec that it lacks (lz4, snappy,
 * zstd), or a few kilobytes that unpack to gigabytes. A byte that a disk has changed it takes as it is, since it checks no checksum. With the
 * correction each batch is read for itself, and one that cannot be read is a marker among the records (`batches.ts`).
 */
export const unreadableBatches: Correction = {
  name: "batches that cannot be read",
  replaces: { "src/protocol/requests/fetch/v4/decodeMessages": decodeMessages },
};
