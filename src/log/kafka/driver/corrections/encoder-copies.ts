import type { Correction } from "./correction.ts";
import { replaceMethods } from "./correction.ts";

/** `kafkajs/src/protocol/encoder` */
export interface Encoder {
  buf: Buffer;
  offset: number;
  /** The bytes before `buf`. */
  pieces?: Buffer[] | undefined;
  pieceBytes?: number;
  readonly buffer: Buffer;
  ensureAvailable(length: number): void;
  writeInt32(value: number): Encoder;
  writeBufferInternal(bytes: Buffer): void;
  writeBytes(value: Buffer | string | null): Encoder;
  writeEncoder(value: Encoder): Encoder;
  writeEncoderArray(values: Encoder[]): Encoder;
  size(): number;
}

/** Shorter parts are copied: a piece of their own would cost more. */
const PIECE_BYTES = 1_024;
const NEW_BUFFER_BYTES = 256;

/**
 * The Encoder of kafkajs 2.2.4 copies each part of a request into the next larger one: seven copies of every call, each in a buffer that is
 * doubled until it fits. With the correction it is a rope that keeps long parts as they are until the bytes are asked for: twice, for the
 * checksum and for the socket. An ingress took 250 MB with the copies and 150 MB with the rope.
 */
export const encoderCopies: Correction = {
  name: "copies of a request",
  change(kafkajs) {
    const { prototype } = kafkajs.load<{ prototype: Encoder }>("src/protocol/encoder");
    replaceMethods<Encoder>(prototype, rope);
    Object.defineProperty(prototype, "buffer", { configurable: true, get: joinPieces });
  },
};

function rope(original: Encoder): Partial<Encoder> & ThisType<Encoder> {
  return {
    ensureAvailable(length) {
      if (this.offset + length <= this.buf.length) return;
      // Doubled, as kafkajs does, but not filled with zeros: what is not written is never sent.
      const larger = Buffer.allocUnsafe(2 ** Math.ceil(Math.log2(this.offset + length + 1)));
      this.buf.copy(larger, 0, 0, this.offset);
      this.buf = larger;
    },
    writeBufferInternal(bytes) {
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
      this.buf = Buffer.allocUnsafe(NEW_BUFFER_BYTES);
      this.offset = 0;
    },
    writeBytes(value) {
      if (!Buffer.isBuffer(value)) return original.writeBytes.call(this, value);
      this.writeInt32(value.length);
      this.writeBufferInternal(value);
      return this;
    },
    writeEncoder(value) {
      for (const piece of value.pieces ?? []) this.writeBufferInternal(piece);
      this.writeBufferInternal(value.buf.subarray(0, value.offset));
      return this;
    },
    writeEncoderArray(values) {
      for (const value of values) this.writeEncoder(value);
      return this;
    },
    size() {
      return (this.pieceBytes ?? 0) + this.offset;
    },
  };
}

function joinPieces(this: Encoder): Buffer {
  if (this.pieces) {
    this.buf = Buffer.concat([...this.pieces, this.buf.subarray(0, this.offset)]);
    this.offset = this.buf.length;
    this.pieces = undefined;
    this.pieceBytes = 0;
  }
  return this.buf.subarray(0, this.offset);
}
