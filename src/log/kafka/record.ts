/** A record of Kafka's batch format 2 (https://kafka.apache.org/documentation/#record), written in one pass. */

export interface EncodableRecord {
  offsetDelta: number;
  timestampDelta: number;
  key: Buffer | string | null;
  value: Buffer | string | null;
  headers?: Record<string, Buffer | string | (Buffer | string)[]> | undefined;
}

type Bytes = Buffer | null;

/**
 * Kafkajs makes a buffer for the record, one for each header, and one for every number in them: eighty for one of our calls.
 * Here there is one, of the right size.
 */
export function encodeRecord({ offsetDelta = 0, timestampDelta = 0, key, value, headers = {} }: EncodableRecord): Buffer {
  const keyBytes = toBytes(key);
  const valueBytes = toBytes(value);
  const pairs: [Buffer, Bytes][] = [];
  for (const name of Object.keys(headers)) {
    const given = headers[name];
    for (const one of Array.isArray(given) ? given : [given]) pairs.push([Buffer.from(name), toBytes(one)]);
  }

  let bodySize = 1 + sizeOfVarint(timestampDelta) + sizeOfVarint(offsetDelta) + sizeOfBytes(keyBytes) + sizeOfBytes(valueBytes);
  bodySize += sizeOfVarint(pairs.length);
  for (const [name, bytes] of pairs) bodySize += sizeOfBytes(name) + sizeOfBytes(bytes);

  const target = Buffer.allocUnsafe(sizeOfVarint(bodySize) + bodySize);
  let at = writeVarint(target, 0, bodySize);
  // Attributes: none is defined.
  target[at] = 0;
  at = writeVarint(target, at + 1, timestampDelta);
  at = writeVarint(target, at, offsetDelta);
  at = writeBytes(target, at, keyBytes);
  at = writeBytes(target, at, valueBytes);
  at = writeVarint(target, at, pairs.length);
  for (const [name, bytes] of pairs) at = writeBytes(target, writeBytes(target, at, name), bytes);
  return target;
}

function toBytes(value: Buffer | string | null | undefined): Bytes {
  if (value === null || value === undefined) return null;
  return Buffer.isBuffer(value) ? value : Buffer.from(String(value));
}

/** Zigzag: small negative numbers are short too. Multiplication, since time deltas may need more than 31 bits. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function sizeOfVarint(value: number): number {
  let size = 1;
  for (let rest = zigzag(value); rest >= 128; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

function writeVarint(target: Buffer, at: number, value: number): number {
  let rest = zigzag(value);
  let next = at;
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    target[next] = (rest % 128) + 128;
    next += 1;
  }
  target[next] = rest;
  return next + 1;
}

function sizeOfBytes(bytes: Bytes): number {
  return bytes === null ? sizeOfVarint(-1) : sizeOfVarint(bytes.byteLength) + bytes.byteLength;
}

function writeBytes(target: Buffer, at: number, bytes: Bytes): number {
  if (bytes === null) return writeVarint(target, at, -1);
  const next = writeVarint(target, at, bytes.byteLength);
  target.set(bytes, next);
  return next + bytes.byteLength;
}
