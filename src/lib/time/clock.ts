/** Time and chance as functions, so that the same code runs under a seeded simulation. */
export interface Clock {
  /** Unix ms; may jump. For points in time that people read. */
  nowMs(): number;
  /** Never jumps. For spans. */
  monotonicMs(): number;
  /** Resolves after `ms` (at once when that is past), or when the signal is aborted; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs the task soon, once what is under way in this turn is done. */
  defer(task: () => void): void;
  /** From 0 up to, not including, 1. */
  random(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep,
  defer: (task) => void setImmediate(task),
  random: () => Math.random(),
};

/** Without an error object for each sleep that is cut short (as `node:timers/promises` makes): every attempt's time limit is one. */
function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    // Node warns of a negative timer, on stderr, each time.
    const timer = setTimeout(end, Math.max(0, ms));
    signal?.addEventListener("abort", end, { once: true });
  });
}

/** For a sleep that only its signal is to end, in a loop: a timer of more than 2^31 ms would fire at once. */
export const UNTIL_ABORTED_MS = 3_600_000;

/** A reason of our own: without one, `abort` makes an exception with a stack each time. */
const CLEARED = Symbol("cleared");

/** A signal that aborts with a `TimeoutError` after `ms`; `clear` it once it is not needed. */
export function timeoutSignal(clock: Clock, ms: number): { signal: AbortSignal; clear(): void } {
  const limit = new AbortController();
  const over = new AbortController();
  void clock.sleep(ms, over.signal).then(() => {
    if (!over.signal.aborted) limit.abort(new DOMException("it took longer than it may", "TimeoutError"));
  });
  return { signal: limit.signal, clear: () => over.abort(CLEARED) };
}
