import { setTimeout as delay } from "node:timers/promises";
import { chunk } from "../../src/connector/index.ts";

/** A lock lasts as long as another transaction. Two that waited alike would meet again. */
const WAIT_MS = { least: 100, spread: 300 };
/** The most requests for the locked ones of a batch: each counts against the org's limit and the attempt's time. */
const MAX_GROUPS = 10;

/** Aborts with `signal`, or at `untilMs` of `performance.now()`. */
export function signalUntil(options: { untilMs: number; signal: AbortSignal }): AbortSignal {
  const { untilMs, signal } = options;
  return AbortSignal.any([signal, AbortSignal.timeout(Math.max(0, Math.round(untilMs - performance.now())))]);
}

/**
 * Tries again what met a locked row: one after another, each in a request of its own, or in up to ten small groups where they are many.
 * In one request they would lock each other out again. Once the time is over, the rest is not tried.
 */
export async function retryLocked<Item>(options: {
  locked: Item[];
  run(items: Item[]): Promise<void>;
  untilMs: number;
  signal: AbortSignal;
}): Promise<void> {
  const { locked, run, untilMs, signal } = options;
  for (const group of chunk(locked, Math.max(1, Math.ceil(locked.length / MAX_GROUPS)))) {
    await delay(WAIT_MS.least + Math.random() * WAIT_MS.spread, undefined, { signal }).catch(() => undefined);
    if (signal.aborted || performance.now() >= untilMs) return;
    await run(group);
  }
}
