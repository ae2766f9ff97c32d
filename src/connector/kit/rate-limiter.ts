/** At most `max` tasks in any `perMs`, as the vendor counts them, spread evenly after a burst. */
export interface RateLimiter {
  /** Runs the task when it is its turn. @throws {RateLimitWaitError} when the turn would not come within `maxWaitMs`; or the signal's reason. */
  run<T>(task: () => Promise<T>, options: RateLimitWait): Promise<T>;
  /** What an answer's headers say of the limit: the vendor knows who else uses it, and when our requests came. */
  update(limit: VendorLimit): void;
}

export interface RateLimitWait {
  maxWaitMs: number;
  signal: AbortSignal;
  /** The task finishes what another one began. It goes before those that begin something: otherwise all begin, and none finishes in time. */
  isContinued?: boolean;
}

export interface VendorLimit {
  max: number;
  remaining: number;
  perMs: number;
}

export class RateLimitWaitError extends Error {
  override readonly name = "RateLimitWaitError";
  /** About how long the wait would be. */
  readonly waitMs: number;

  constructor(waitMs: number) {
    super("too many requests wait for their turn");
    this.waitMs = waitMs;
  }
}

/** The limit in an answer's headers, by their names; undefined when one is missing, or says that nothing is allowed. */
export function limitInHeaders(headers: Headers, names: { max: string; remaining: string; perMs: string }): VendorLimit | undefined {
  const [max = 0, remaining = -1, perMs = 0] = [names.max, names.remaining, names.perMs].map((name) => {
    const text = headers.get(name);
    return text === null ? undefined : Number(text);
  });
  return max > 0 && perMs > 0 && remaining >= 0 ? { max, remaining, perMs } : undefined;
}

/** `max` may be infinite until `update` says more. `burst`: how many may start at once; default all. */
export function createRateLimiter(options: { max: number; perMs: number; burst?: number }): RateLimiter {
  const slots = createSlots(options);
  const continued = new Set<() => void>();
  const beginning = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;

  /** Starts waiting tasks, those that continue something first. */
  function advance(): void {
    clearTimeout(timer);
    for (const start of [...continued, ...beginning]) {
      const inMs = slots.freeInMs(0);
      if (inMs > 0) {
        timer = setTimeout(advance, Math.ceil(inMs));
        return;
      }
      start();
    }
  }

  function waitForTurn({ maxWaitMs, signal, isContinued = false }: RateLimitWait): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const waiting = isContinued ? continued : beginning;
    const ahead = () => continued.size + (isContinued ? 0 : beginning.size);
    const inMs = slots.freeInMs(ahead());
    if (ahead() === 0 && inMs === 0) {
      slots.take();
      return Promise.resolve();
    }
    if (inMs > maxWaitMs) return Promise.reject(new RateLimitWaitError(inMs));
    return new Promise((resolve, reject) => {
      const leaving = (settle: () => void) => () => {
        waiting.delete(start);
        clearTimeout(tooLate);
        signal.removeEventListener("abort", onAbort);
        settle();
      };
      const start = leaving(() => {
        slots.take();
        resolve();
      });
      const onAbort = leaving(() => reject(signal.reason));
      const giveUp = leaving(() => reject(new RateLimitWaitError(Math.max(1, slots.freeInMs(ahead())))));
      const tooLate = setTimeout(giveUp, maxWaitMs);
      waiting.add(start);
      signal.addEventListener("abort", onAbort, { once: true });
      if (ahead() === 1) advance();
    });
  }

  const advanceIfAnyWaits = () => {
    if (continued.size + beginning.size > 0) advance();
  };
  return {
    async run(task, wait) {
      await waitForTurn(wait);
      try {
        return await task();
      } finally {
        slots.release();
        advanceIfAnyWaits();
      }
    },
    update(limit) {
      slots.update(limit);
      advanceIfAnyWaits();
    },
  };
}

/**
 * The places of the limit. One is taken until `perMs` after the answer: when a request arrived is not known, but it was before the answer,
 * however slow the network was.
 */
function createSlots(options: { max: number; perMs: number; burst?: number }) {
  let { max, perMs } = options;
  const burst = options.burst ?? max;
  let inFlight = 0;
  /** When taken places become free again, soonest first. */
  let freeAtMs: number[] = [];
  /** When the next start is due if all come evenly. */
  let evenMs = 0;

  const free = () => max - inFlight - freeAtMs.length;
  return {
    /** How long until a place is free for a task with `ahead` others before it. While all places are in flight that is a guess. */
    freeInMs(ahead: number): number {
      const nowMs = performance.now();
      freeAtMs = freeAtMs.filter((atMs) => atMs > nowMs);
      const lacking = ahead + 1 - free();
      const inMs = lacking <= 0 ? 0 : (freeAtMs[lacking - 1] ?? nowMs + perMs * Math.ceil(lacking / max)) - nowMs;
      const gapMs = perMs / max;
      return Math.max(inMs, evenMs + (ahead - burst + 1) * gapMs - nowMs, 0);
    },
    take(): void {
      inFlight += 1;
      evenMs = Math.max(evenMs, performance.now()) + perMs / max;
    },
    release(): void {
      inFlight -= 1;
      freeAtMs.push(performance.now() + perMs);
    },
    update(limit: VendorLimit): void {
      ({ max, perMs } = limit);
      const nowMs = performance.now();
      freeAtMs = freeAtMs.filter((atMs) => atMs > nowMs);
      const before = free();
      for (let places = before; places > limit.remaining; places -= 1) freeAtMs.push(nowMs + perMs);
      // The vendor forgets requests earlier than we do. It may not have seen yet what is in flight, but for the request whose answer this is.
      freeAtMs.splice(0, Math.max(0, limit.remaining - Math.max(0, inFlight - 1) - before));
    },
  };
}
