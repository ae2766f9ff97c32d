/**
 * Unpacks the LZ4 frame format (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), in which Kafka's records lie. Checksums are
 * passed over: Kafka's own covers the same bytes.
 *
 * Of our own, since the packages for it are either native code for some platforms (lz4-napi) or years old without a bound on what they
 * unpack to (lz4js, lz4).
 */
import { createOutput, type Output } from "./output.ts";

const FRAME = 0x184d2204;
const SKIPPABLE_FIRST = 0x184d2a50;
const SKIPPABLE_LAST = 0x184d2a5f;
const UNCOMPRESSED = 0x8000_0000;

/** @throws {RangeError} for bytes that are not LZ4, and for more than `maxBytes`. */
export function unpackLz4(packed: Buffer, { maxBytes }: { maxBytes: number }): Buffer {
  const output = createOutput({ maxBytes });
  for (let at = 0; at < packed.length; ) {
    const magic = packed.readUInt32LE(at);
    if (magic === FRAME) at = unpackFrame(packed, at + 4, output);
    else if (magic >= SKIPPABLE_FIRST && magic <= SKIPPABLE_LAST) at += 8 + packed.readUInt32LE(at + 4);
    else throw new RangeError("it is no LZ4 frame");
  }
  return output.finish();
}

/** The offset behind the frame. */
function unpackFrame(packed: Buffer, start: number, output: Output): number {
  const flags = packed.readUInt8(start);
  if (flags >> 6 !== 1) throw new RangeError(`it is of LZ4's frame version ${flags >> 6}`);
  if (flags & 0x01) throw new RangeError("it needs a dictionary");
  const blockChecksum = flags & 0x10 ? 4 : 0;
  const contentChecksum = flags & 0x04 ? 4 : 0;
  // Flags, block size and the header's checksum; between the last two perhaps the size of the content.
  let at = start + 3 + (flags & 0x08 ? 8 : 0);
  for (;;) {
    const size = packed.readUInt32LE(at);
    at += 4;
    if (size === 0) return at + contentChecksum;
    const length = size & ~UNCOMPRESSED;
    if (at + length > packed.length) throw new RangeError("it ends within a block");
    const block = packed.subarray(at, at + length);
    if (size >= UNCOMPRESSED) output.append(block);
    else unpackBlock(block, output);
    at += length + blockChecksum;
  }
}

/** Sequences of literals and a repetition; the last one has literals only. */
function unpackBlock(block: Buffer, output: Output): void {
  let at = 0;

  function lengthOf(first: number): number {
    let length = first;
    if (first === 15) {
      let more: number;
      do {
        more = block.readUInt8(at);
        at += 1;
        length += more;
      } while (more === 255);
    }
    return length;
  }

  while (at < block.length) {
    const token = block.readUInt8(at);
    at += 1;
    const literals = lengthOf(token >> 4);
    if (at + literals > block.length) throw new RangeError("it ends within its literals");
    output.append(block.subarray(at, at + literals));
    at += literals;
    if (at === block.length) return;
    const distance = block.readUInt16LE(at);
    at += 2;
    output.repeat(distance, lengthOf(token & 15) + 4);
  }
}
