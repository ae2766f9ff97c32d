/** At most `starts` tasks in any `perMs`, as the other side counts them. */
export interface Pace {
  /** Runs the task when it is its turn. */
  run<T>(task: () => Promise<T>, options: { maxWaitMs: number; signal: AbortSignal }): Promise<T>;
}

/** The turn would not come in time. */
export class TooManyWaitError extends Error {
  override readonly name = "TooManyWaitError";
  /** About when it would. */
  readonly waitMs: number;

  constructor(waitMs: number) {
    super("too many wait for their turn");
    this.waitMs = waitMs;
  }
}

/** A place is taken until `perMs` after the answer: when a request arrived is not known, but that is after it, however slow the way there was. */
export function createPace(options: { starts: number; perMs: number }): Pace {
  const { starts, perMs } = options;
  let free = starts;
  const waiting = new Set<() => void>();

  function leave(): void {
    const [next] = waiting;
    if (next) next();
    else free += 1;
  }

  function enter({ maxWaitMs, signal }: { maxWaitMs: number; signal: AbortSignal }): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (free > 0) {
      free -= 1;
      return Promise.resolve();
    }
    const atLeastMs = (Math.floor(waiting.size / starts) + 1) * perMs;
    if (atLeastMs > maxWaitMs) return Promise.reject(new TooManyWaitError(atLeastMs));
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => () => {
        waiting.delete(turn);
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        settle();
      };
      const turn = end(resolve);
      const onAbort = end(() => reject(signal.reason));
      const timer = setTimeout(
        end(() => reject(new TooManyWaitError(perMs))),
        maxWaitMs,
      );
      waiting.add(turn);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  return {
    async run(task, options) {
      await enter(options);
      try {
        return await task();
      } finally {
        // Who waits has a timer of its own: this one need not keep a process from ending.
        setTimeout(leave, perMs).unref();
      }
    },
  };
}
