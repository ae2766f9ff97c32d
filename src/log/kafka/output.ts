/** Bytes that grow while something is unpacked, up to a limit. */
export interface Output {
  /** @throws {RangeError} beyond the limit, before anything of that size is made. */
  append(bytes: Uint8Array): void;
  /** Repeats `length` bytes that begin `distance` before the end; they may overlap what they make. @throws {RangeError} */
  repeat(distance: number, length: number): void;
  readonly length: number;
  finish(): Buffer;
}

const FIRST_BYTES = 65_536;

export function createOutput(options: { maxBytes: number }): Output {
  const { maxBytes } = options;
  let bytes = Buffer.allocUnsafe(Math.min(FIRST_BYTES, maxBytes));
  let length = 0;

  function room(more: number): void {
    const wanted = length + more;
    if (wanted > maxBytes) throw new RangeError(`it unpacks to more than ${maxBytes} bytes`);
    if (wanted <= bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(wanted, 2 * bytes.length)));
    bytes.copy(larger, 0, 0, length);
    bytes = larger;
  }

  return {
    append(more) {
      room(more.length);
      bytes.set(more, length);
      length += more.length;
    },
    repeat(distance, count) {
      if (distance < 1 || distance > length) throw new RangeError("it repeats bytes that are not there");
      room(count);
      // Piece by piece: where the piece overlaps what it makes, what was just written is read again.
      for (let left = count; left > 0; ) {
        const piece = Math.min(left, distance);
        bytes.copyWithin(length, length - distance, length - distance + piece);
        length += piece;
        left -= piece;
      }
    },
    get length() {
      return length;
    },
    finish: () => bytes.subarray(0, length),
  };
}
