/**
 * kafkajs 2.2.4 ends the whole answer of a broker for one batch that it cannot read, of any partition: a codec that it lacks (lz4, snappy,
 * zstd), a byte that a disk has changed, a few kilobytes that unpack to gigabytes. Its consumer then ends, and does so again at every start.
 * Here each batch is read for itself, and one that cannot be read stands among the records as a mark (`batches.ts`).
 */
import { createRequire } from "node:module";
import { readBatches } from "./batches.ts";
import type { KafkaRecord } from "./internals.ts";

interface Decoder {
  readInt32(): number;
  canReadBytes(count: number): boolean;
  readBytes(count: number): Buffer;
}

const require = createRequire(import.meta.url);
const MODULE = "kafkajs/src/protocol/requests/fetch/v4/decodeMessages";
const PATCHED = Symbol.for("patchbay.patched");

async function decodeMessages(decoder: Decoder): Promise<KafkaRecord[]> {
  const size = decoder.readInt32();
  if (size <= 0 || !decoder.canReadBytes(size)) return [];
  return readBatches(decoder.readBytes(size));
}

const path = require.resolve(MODULE);
const loaded = require.cache[path]?.exports as object | undefined;
// kafkajs loads it with its first fetch. Had that been before, calls would be read without any of the above.
if (loaded && !(PATCHED in loaded)) throw new Error("kafkajs has read from Kafka before Patchbay could correct how it reads");
require(MODULE);
const module = require.cache[path];
if (module) module.exports = Object.assign(decodeMessages, { [PATCHED]: true });
