import { setImmediate as nextTurn } from "node:timers/promises";
import { type Clock, systemClock } from "../lib/time/clock.ts";

export interface SkippingClock extends Clock {
  /** Runs work at the destination; no wait is skipped before it ends. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

/** Shorter skips would run every loop of a process thousands of times before a delivery is due in an hour. */
const LEAST_SKIP_MS = 6_000;
/** What was deferred or written to a socket runs within these turns of the event loop. */
const QUIET_TURNS = 4;

/**
 * The system's clock, which skips ahead to the next wait's end when nothing but waits is left, as long as `maySkip` allows it. `beforeSkip` is
 * awaited first, so that a request which is in progress at the destination ends before the time that it would have had.
 */
export function createSkippingClock(options: { maySkip(): boolean; beforeSkip(): Promise<void> }): SkippingClock {
  const { maySkip, beforeSkip } = options;
  const waits = new Set<{ endsAtMs: number; end(): void }>();
  let skippedMs = 0;
  let working = 0;
  let activity = 0;
  let isWatching = false;
  const monotonicMs = () => systemClock.monotonicMs() + skippedMs;
  const onlyWaits = () => working === 0 && waits.size > 0 && maySkip();

  async function skipWhileOnlyWaits(): Promise<void> {
    if (isWatching) return;
    isWatching = true;
    try {
      while (onlyWaits()) {
        const before = activity;
        for (let turn = 0; turn < QUIET_TURNS; turn += 1) await nextTurn();
        if (activity !== before) continue;
        await beforeSkip();
        if (activity === before && onlyWaits()) skip();
      }
    } finally {
      isWatching = false;
    }
  }

  function skip(): void {
    const nextEndMs = Math.min(...[...waits].map(({ endsAtMs }) => endsAtMs));
    skippedMs += Math.max(LEAST_SKIP_MS, nextEndMs - monotonicMs());
    for (const wait of [...waits]) if (wait.endsAtMs <= monotonicMs()) wait.end();
  }

  return {
    nowMs: () => systemClock.nowMs() + skippedMs,
    monotonicMs,
    random: systemClock.random,
    defer(task) {
      activity += 1;
      systemClock.defer(task);
    },
    async sleep(ms, signal) {
      if (signal?.aborted) return;
      activity += 1;
      const skipped = new AbortController();
      const wait = { endsAtMs: monotonicMs() + ms, end: () => skipped.abort() };
      waits.add(wait);
      void skipWhileOnlyWaits();
      await systemClock.sleep(ms, signal ? AbortSignal.any([signal, skipped.signal]) : skipped.signal);
      // On a busy machine the wait itself may end before nothing but waits is left.
      if (maySkip() && !signal?.aborted) await beforeSkip();
      waits.delete(wait);
      activity += 1;
    },
    async during(work) {
      working += 1;
      activity += 1;
      try {
        return await work();
      } finally {
        working -= 1;
        activity += 1;
        void skipWhileOnlyWaits();
      }
    },
  };
}
