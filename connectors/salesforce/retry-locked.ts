import { setTimeout as delay } from "node:timers/promises";

/** A lock is held for as long as another transaction runs; two that waited alike would meet again. */
const AFTER_MS = { least: 100, spread: 300 };
/** So many requests at most for the locked ones of a batch: each counts against the org's limit and the attempt's time. */
const MAX_GROUPS = 10;

/** Aborts with `signal`, or at `untilMs` of `performance.now()`. */
export function signalUntil(options: { untilMs: number; signal: AbortSignal }): AbortSignal {
  const { untilMs, signal } = options;
  return AbortSignal.any([signal, AbortSignal.timeout(Math.max(0, Math.round(untilMs - performance.now())))]);
}

/**
 * Tries again what met a locked row: one after another, each in a request of its own, or in up to ten small groups where they are many.
 * In one request with the others they would lock each other out again. Out of time, the rest is not tried.
 */
export async function tryLocked<Item>(options: {
  locked: Item[];
  run(items: Item[]): Promise<void>;
  untilMs: number;
  signal: AbortSignal;
}): Promise<void> {
  const { locked, run, untilMs, signal } = options;
  const size = Math.ceil(locked.length / MAX_GROUPS);
  for (let start = 0; start < locked.length; start += size) {
    await delay(AFTER_MS.least + Math.random() * AFTER_MS.spread, undefined, { signal }).catch(() => undefined);
    if (signal.aborted || performance.now() >= untilMs) return;
    await run(locked.slice(start, start + size));
  }
}
