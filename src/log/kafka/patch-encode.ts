/**
 * Half of an ingress' processor time went into how kafkajs 2.2.4 writes a produce request: a checksum byte by byte, some eighty buffers
 * a record, seven copies of it. Here those functions are replaced by ours, which give the same bytes (`test/log/kafka-encode.test.ts`
 * compares whole requests).
 *
 * To be loaded before kafkajs: where it was loaded first, it keeps its own functions, and all is well but slower.
 */
import "./patch-encoder.ts";
import { createRequire } from "node:module";
import { crc32c } from "./crc32c.ts";
import { type EncodableRecord, encodeRecord } from "./record.ts";

const require = createRequire(import.meta.url);

/** What kafkajs reads of a record: it takes it for an `Encoder`. */
interface EncodedRecord {
  buf: Buffer;
  offset: number;
  readonly buffer: Buffer;
}

function replace<Exports>(path: string, ours: Exports): Exports {
  const theirs = require(path) as Exports;
  const module = require.cache[require.resolve(path)];
  if (module) module.exports = ours;
  return theirs;
}

/** What kafkajs had, for comparison. */
export const theirs = {
  crc32c: replace<(bytes: Buffer) => number>("kafkajs/src/protocol/recordBatch/crc32C", crc32c),
  encodeRecord: replace<(record: EncodableRecord) => EncodedRecord>("kafkajs/src/protocol/recordBatch/record/v0", (record) => {
    const buf = encodeRecord(record);
    return { buf, offset: buf.length, buffer: buf };
  }),
};
