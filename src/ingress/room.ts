/**
 * Memory for bodies, all requests together. A body takes its room before its first byte is read, and keeps it until it is answered.
 * Where none is left, bodies that somebody has begun and does not finish give way to the next one: without that, sixty-four connections
 * that send nothing would close the door for everybody.
 */

/** Beyond, memory is worth more than one more delivery: it is answered 503, and VoiceInfra sends it again. */
export const MAX_BYTES = 64_000_000;
/** Of these for bodies that are not whole yet: only they can be a stranger's, since a whole one is verified at once. */
export const MAX_UNFINISHED_BYTES = 20_000_000;
/** Of these for small bodies, which most calls are, so that large ones do not crowd them out. */
const KEPT_FOR_SMALL_BYTES = 6_000_000;
const SMALL_BYTES = 64_000;
/** What a request costs beside its body: while it is open, and once it waits for the log. */
const LEAST_BYTES = 32_000;
const LEAST_WHOLE_BYTES = 8_000;
/** An address that holds more than this gives way to others, even before its bodies are slow. */
const FAIR_SHARE_BYTES = MAX_UNFINISHED_BYTES / 4;
/** Where room is short, a body that has come for so long ... */
const SLOW_AFTER_MS = 500;
/** ... is slow below this. A sender on a bad line of 1 Mbit/s is twice as fast. */
const SLOW_BYTES_PER_MS = 64;

/** The room of one body. */
export interface Place {
  /** So many bytes of it have come. */
  received(bytes: number): void;
  /** Takes room for a body of this size; `false` when there is none. */
  grow(bytes: number): boolean;
  /** It is whole: from now on it does not give way. */
  whole(): void;
  /** Gives the room back. */
  leave(): void;
}

export interface Room {
  /**
   * @param options.bytes as declared, or what a body of unknown size begins with.
   * @param options.address who sends it, as far as it is known.
   * @param options.onDisplaced the body gave way to another: answer its sender. Its room is free already.
   */
  take(options: { bytes: number; address: string; onDisplaced: () => void }): Place | undefined;
  /** Makes the slowest unfinished body give way; `false` when none is slow. */
  displaceSlow(): boolean;
  readonly heldBytes: number;
}

interface Held {
  bytes: number;
  received: number;
  address: string;
  sinceMs: number;
  onDisplaced: () => void;
}

export function createRoom(options: { monotonicMs: () => number; onDisplaced?: () => void }): Room {
  const { monotonicMs, onDisplaced: onAnyDisplaced = () => undefined } = options;
  /** Oldest first. */
  const unfinished = new Set<Held>();
  const held = new Set<Held>();
  /** Of unfinished bodies. */
  const bytesOf = new Map<string, number>();
  let heldBytes = 0;
  let unfinishedBytes = 0;

  const add = (one: Held, bytes: number) => {
    one.bytes += bytes;
    heldBytes += bytes;
    unfinishedBytes += bytes;
    addTo(bytesOf, one.address, bytes);
  };
  const finish = (one: Held) => {
    if (!unfinished.delete(one)) return;
    unfinishedBytes -= one.bytes;
    addTo(bytesOf, one.address, -one.bytes);
  };
  const leave = (one: Held) => {
    finish(one);
    if (held.delete(one)) heldBytes -= one.bytes;
  };
  const displace = (one: Held | undefined) => {
    if (!one) return false;
    leave(one);
    onAnyDisplaced();
    one.onDisplaced();
    return true;
  };

  function makeRoom(bytes: number, address: string, size: number): boolean {
    const most = size <= SMALL_BYTES ? MAX_UNFINISHED_BYTES : MAX_UNFINISHED_BYTES - KEPT_FOR_SMALL_BYTES;
    if (heldBytes - unfinishedBytes + bytes > MAX_BYTES) return false;
    while (unfinishedBytes + bytes > most || heldBytes + bytes > MAX_BYTES) {
      if (!displace(greedyOne({ unfinished, bytesOf, address }) ?? slowOne(unfinished, monotonicMs()))) return false;
    }
    return true;
  }

  return {
    take({ bytes, address, onDisplaced }) {
      const size = Math.max(bytes, LEAST_BYTES);
      if (!makeRoom(size, address, size)) return undefined;
      const one: Held = { bytes: 0, received: 0, address, sinceMs: monotonicMs(), onDisplaced };
      unfinished.add(one);
      held.add(one);
      add(one, size);
      return {
        received(count) {
          one.received += count;
        },
        grow(to) {
          const more = to - one.bytes;
          if (more <= 0) return true;
          // It may itself be the one that gives way.
          if (!makeRoom(more, address, to) || !held.has(one)) return false;
          add(one, more);
          return true;
        },
        whole() {
          finish(one);
          const bytes = Math.max(one.received, LEAST_WHOLE_BYTES);
          heldBytes += bytes - one.bytes;
          one.bytes = bytes;
        },
        leave: () => leave(one),
      };
    },
    displaceSlow: () => displace(slowOne(unfinished, monotonicMs())),
    get heldBytes() {
      return heldBytes;
    },
  };
}

/** The oldest unfinished body of an address, another than this, that holds more than its share. */
function greedyOne(options: { unfinished: Set<Held>; bytesOf: Map<string, number>; address: string }): Held | undefined {
  const { unfinished, bytesOf, address } = options;
  const greedy = [...bytesOf].find(([other, bytes]) => other !== address && bytes > FAIR_SHARE_BYTES)?.[0];
  if (greedy === undefined) return undefined;
  for (const one of unfinished) if (one.address === greedy) return one;
  return undefined;
}

function slowOne(unfinished: Set<Held>, nowMs: number): Held | undefined {
  for (const one of unfinished) {
    const tookMs = nowMs - one.sinceMs;
    if (tookMs < SLOW_AFTER_MS) return undefined;
    if (one.received < tookMs * SLOW_BYTES_PER_MS) return one;
  }
  return undefined;
}

function addTo(sums: Map<string, number>, key: string, bytes: number): void {
  const sum = (sums.get(key) ?? 0) + bytes;
  if (sum > 0) sums.set(key, sum);
  else sums.delete(key);
}
