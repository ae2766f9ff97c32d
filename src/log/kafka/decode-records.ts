import type { KafkaRecord } from "./kafka-record.ts";

/** Where things lie in a batch, in bytes from its begin. */
export const ATTRIBUTES_AT = 21;
const FIRST_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
export const COUNT_AT = 57;
const LOG_APPEND_TIME = 0x08;
const CONTROL = 0x20;

/**
 * The records of a batch (format 2) whose `records` are unpacked; their bytes are slices of it.
 * @throws {RangeError} where they are cut off, or more than the batch says.
 */
export function decodeRecords({ batch, records }: { batch: Buffer; records: Buffer }): KafkaRecord[] {
  const attributes = batch.readInt16BE(ATTRIBUTES_AT);
  const firstOffset = Number(batch.readBigInt64BE(0));
  const firstTimestamp = Number(batch.readBigInt64BE(FIRST_TIMESTAMP_AT));
  const maxTimestamp = Number(batch.readBigInt64BE(MAX_TIMESTAMP_AT));
  const count = batch.readInt32BE(COUNT_AT);
  const isControlRecord = (attributes & CONTROL) !== 0;
  const reader = createReader(records);
  const decoded: KafkaRecord[] = [];
  for (let index = 0; index < count; index += 1) {
    const end = reader.varint() + reader.at();
    reader.skip(1);
    const timestampDelta = reader.varint();
    const offsetDelta = reader.varint();
    const record: KafkaRecord = {
      offset: String(firstOffset + offsetDelta),
      timestamp: String(attributes & LOG_APPEND_TIME ? maxTimestamp : firstTimestamp + timestampDelta),
      key: reader.bytes(),
      value: reader.bytes(),
      headers: readHeaders(reader),
      isControlRecord,
    };
    if (reader.at() !== end) throw new RangeError("a record is not as long as it says");
    decoded.push(record);
  }
  if (reader.at() !== records.length) throw new RangeError("more bytes than records");
  return decoded;
}

/** A header that is given several times has a list for its value, as kafkajs gives it. */
function readHeaders(reader: Reader): Record<string, unknown> {
  const headers: Record<string, unknown> = Object.create(null);
  for (let left = reader.varint(); left > 0; left -= 1) {
    const name = reader.bytes()?.toString("utf8") ?? "";
    const value = reader.bytes();
    headers[name] = name in headers ? [headers[name], value].flat() : value;
  }
  return headers;
}

interface Reader {
  at(): number;
  skip(bytes: number): void;
  /** Zigzag, seven bits a byte, the lowest first; by multiplication, since times need more than 31 bits. */
  varint(): number;
  bytes(): Buffer | null;
}

function createReader(source: Buffer): Reader {
  let at = 0;

  function varint(): number {
    let value = 0;
    let factor = 1;
    for (let index = 0; index < 10; index += 1) {
      const byte = source[at];
      if (byte === undefined) break;
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      factor *= 128;
    }
    throw new RangeError("a number is cut off");
  }

  return {
    at: () => at,
    skip(bytes) {
      at += bytes;
    },
    varint,
    bytes() {
      const length = varint();
      if (length < 0) return null;
      if (at + length > source.length) throw new RangeError("a record is cut off");
      at += length;
      return source.subarray(at - length, at);
    },
  };
}
