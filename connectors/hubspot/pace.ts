import { setTimeout as delay } from "node:timers/promises";

/** At most `starts` starts in any `perMs`. */
export interface Pace {
  /** Resolves when it is this one's turn: 0, or at once with the time (ms) it would have had to wait, if that is longer than `maxWaitMs`. */
  turn(options: { maxWaitMs: number; signal: AbortSignal }): Promise<number>;
}

export function createPace(options: { starts: number; perMs: number }): Pace {
  const { starts, perMs } = options;
  /** The last starts, the oldest first; those in the future are promised. */
  const taken: number[] = [];
  return {
    async turn({ maxWaitMs, signal }) {
      const nowMs = performance.now();
      const oldest = taken.length < starts ? undefined : taken[0];
      const atMs = oldest === undefined ? nowMs : Math.max(nowMs, oldest + perMs);
      const waitMs = atMs - nowMs;
      if (waitMs > maxWaitMs) return waitMs;
      taken.push(atMs);
      if (taken.length > starts) taken.shift();
      if (waitMs > 0) await delay(waitMs, undefined, { signal });
      return 0;
    },
  };
}
