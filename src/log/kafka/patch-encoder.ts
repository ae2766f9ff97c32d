/**
 * kafkajs' Encoder copies each part of a request into the next larger one: seven copies of every call, each in a buffer that is doubled
 * until it fits. As a rope, long parts are kept as they are until somebody asks for the bytes: twice, for the checksum and for the
 * socket. It took an ingress from 250 to 150 MB.
 */
import { createRequire } from "node:module";

interface Encoder {
  buf: Buffer;
  offset: number;
  /** What stands before `buf`. */
  pieces?: Buffer[] | undefined;
  pieceBytes?: number;
  ensureAvailable(length: number): void;
  writeInt32(value: number): Encoder;
  writeBufferInternal(bytes: Buffer): void;
  writeBytes(value: Buffer | string | null): Encoder;
  writeEncoder(value: Encoder): Encoder;
  writeEncoderArray(values: Encoder[]): Encoder;
  size(): number;
}

const require = createRequire(import.meta.url);
const { prototype } = require("kafkajs/src/protocol/encoder") as { prototype: Encoder };
/** Shorter parts are copied: a piece of their own would cost more. */
const PIECE_BYTES = 1_024;
const FRESH_BYTES = 256;
const original = { writeBytes: prototype.writeBytes };

prototype.ensureAvailable = function ensureAvailable(length) {
  if (this.offset + length <= this.buf.length) return;
  // Doubled, as kafkajs does, but not filled with zeros: what is not written is never sent.
  const larger = Buffer.allocUnsafe(2 ** Math.ceil(Math.log2(this.offset + length + 1)));
  this.buf.copy(larger, 0, 0, this.offset);
  this.buf = larger;
};

prototype.writeBufferInternal = function writeBufferInternal(bytes) {
  if (bytes.length < PIECE_BYTES) {
    this.ensureAvailable(bytes.length);
    bytes.copy(this.buf, this.offset);
    this.offset += bytes.length;
    return;
  }
  this.pieces ??= [];
  if (this.offset > 0) this.pieces.push(this.buf.subarray(0, this.offset));
  this.pieces.push(bytes);
  this.pieceBytes = (this.pieceBytes ?? 0) + this.offset + bytes.length;
  this.buf = Buffer.allocUnsafe(FRESH_BYTES);
  this.offset = 0;
};

prototype.writeBytes = function writeBytes(value) {
  if (!Buffer.isBuffer(value)) return original.writeBytes.call(this, value);
  this.writeInt32(value.length);
  this.writeBufferInternal(value);
  return this;
};

prototype.writeEncoder = function writeEncoder(value) {
  for (const piece of value.pieces ?? []) this.writeBufferInternal(piece);
  this.writeBufferInternal(value.buf.subarray(0, value.offset));
  return this;
};

prototype.writeEncoderArray = function writeEncoderArray(values) {
  for (const value of values) this.writeEncoder(value);
  return this;
};

prototype.size = function size() {
  return (this.pieceBytes ?? 0) + this.offset;
};

Object.defineProperty(prototype, "buffer", {
  configurable: true,
  get(this: Encoder) {
    if (this.pieces) {
      this.buf = Buffer.concat([...this.pieces, this.buf.subarray(0, this.offset)]);
      this.offset = this.buf.length;
      this.pieces = undefined;
      this.pieceBytes = 0;
    }
    return this.buf.subarray(0, this.offset);
  },
});
