import { setTimeout as delay } from "node:timers/promises";

/** Time and chance as functions, so that the same code runs under a seeded simulation. */
export interface Clock {
  /** Unix ms; may jump. For points in time that people read. */
  nowMs(): number;
  /** Never jumps. For spans. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when the signal is aborted; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** From 0 up to, not including, 1. */
  random(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
  random: () => Math.random(),
};
