import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32c } from "../../../src/log/kafka/crc32c.ts";

/** A record batch of a broker's disk (https://kafka.apache.org/documentation/#recordbatch). */
export interface DiskBatch {
  baseOffset: number;
  records: number;
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  codec: number;
}

const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const RECORDS_AT = 61;

export function batchesOnDisk(options: { dataFolder: string; topic: string; partition: number }): DiskBatch[] {
  return batchesOf(readFileSync(segmentOf(options))).map(({ bytes }) => ({
    baseOffset: Number(bytes.readBigInt64BE(0)),
    records: bytes.readInt32BE(57),
    codec: bytes.readInt16BE(ATTRIBUTES_AT) & 7,
  }));
}

/** Changes the batch that holds an offset, as a disk or another program might. Only while the broker is stopped (in order). */
export function alterBatch(options: {
  dataFolder: string;
  topic: string;
  partition: number;
  offset: number;
  /** Gets the whole batch. */
  alter(batch: Buffer): void;
  /** Whether its checksum is made to fit what was altered. */
  signed: boolean;
}): void {
  const { offset, alter, signed } = options;
  const file = segmentOf(options);
  const segment = readFileSync(file);
  const batch = batchesOf(segment).findLast(({ bytes }) => Number(bytes.readBigInt64BE(0)) <= offset)?.bytes;
  if (!batch) throw new Error(`there is no batch with the offset ${offset}`);
  alter(batch);
  if (signed) batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES_AT)), CRC_AT);
  writeFileSync(file, segment);
}

/** What a batch may be altered to. */
export const ALTER = {
  codec: (codec: number) => (batch: Buffer) => {
    batch.writeInt16BE((batch.readInt16BE(ATTRIBUTES_AT) & ~7) | codec, ATTRIBUTES_AT);
  },
  format: (format: number) => (batch: Buffer) => {
    batch.writeInt8(format, 16);
  },
  oneByte: (batch: Buffer) => {
    const at = RECORDS_AT + Math.floor((batch.length - RECORDS_AT) / 2);
    batch[at] = (batch[at] ?? 0) ^ 0x10;
  },
};

function segmentOf({ dataFolder, topic, partition }: { dataFolder: string; topic: string; partition: number }): string {
  const folder = join(dataFolder, `${topic}-${partition}`);
  const [name, another] = readdirSync(folder).filter((file) => file.endsWith(".log"));
  if (name === undefined || another !== undefined) throw new Error(`${folder} has not exactly one segment`);
  return join(folder, name);
}

function batchesOf(segment: Buffer): { bytes: Buffer }[] {
  const batches: { bytes: Buffer }[] = [];
  for (let at = 0; at + RECORDS_AT <= segment.length; ) {
    const size = 12 + segment.readInt32BE(at + 8);
    batches.push({ bytes: segment.subarray(at, at + size) });
    at += size;
  }
  return batches;
}
