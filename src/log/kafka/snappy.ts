/**
 * Unpacks snappy (https://github.com/google/snappy/blob/main/format_description.txt), plain or in the frame of xerial's snappy-java, which
 * Java's clients and brokers write: a header, then blocks with their length before each.
 *
 * Of our own, since the packages for it are native code for some platforms (snappy) or have no bound on what they unpack to (snappyjs).
 */
import { createOutput, type Output } from "./output.ts";

const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
/** The eight bytes above and two version numbers. */
const XERIAL_HEADER_BYTES = 16;

/** @throws {RangeError} for bytes that are not snappy, and for more than `maxBytes`. */
export function unpackSnappy(packed: Buffer, { maxBytes }: { maxBytes: number }): Buffer {
  const output = createOutput({ maxBytes });
  if (!packed.subarray(0, XERIAL.length).equals(XERIAL)) unpackBlock(packed, output);
  else {
    for (let at = XERIAL_HEADER_BYTES; at < packed.length; ) {
      const length = packed.readInt32BE(at);
      at += 4;
      if (length < 0 || at + length > packed.length) throw new RangeError("it ends within a block");
      unpackBlock(packed.subarray(at, at + length), output);
      at += length;
    }
  }
  return output.finish();
}

function unpackBlock(block: Buffer, output: Output): void {
  const { value: size, next } = readSize(block);
  const end = output.length + size;
  for (let at = next; at < block.length; ) {
    const tag = block.readUInt8(at);
    at += 1;
    const high = tag >> 2;
    switch (tag & 3) {
      case 0: {
        // From 60 on the length stands behind the tag, in one byte to four.
        const extra = high < 60 ? 0 : high - 59;
        const length = 1 + (extra === 0 ? high : block.readUIntLE(at, extra));
        at += extra;
        if (at + length > block.length) throw new RangeError("it ends within its literals");
        output.append(block.subarray(at, at + length));
        at += length;
        break;
      }
      case 1:
        output.repeat(((tag >> 5) << 8) | block.readUInt8(at), 4 + (high & 7));
        at += 1;
        break;
      case 2:
        output.repeat(block.readUInt16LE(at), 1 + high);
        at += 2;
        break;
      default:
        output.repeat(block.readUInt32LE(at), 1 + high);
        at += 4;
    }
    if (output.length > end) break;
  }
  if (output.length !== end) throw new RangeError("it does not unpack to the size that it says");
}

/** The size of what was packed: seven bits a byte, the lowest first. */
function readSize(block: Buffer): { value: number; next: number } {
  let value = 0;
  for (let index = 0; index < 5; index += 1) {
    const byte = block.readUInt8(index);
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, next: index + 1 };
  }
  throw new RangeError("its size cannot be read");
}
