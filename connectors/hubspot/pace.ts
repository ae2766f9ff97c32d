/** At most `starts` tasks in any `perMs`, as the other side counts them, and not all of them at once. */
export interface Pace {
  /** Runs the task when it is its turn. @throws {TooManyWaitError} it would not come within `maxWaitMs`; or the signal's reason. */
  run<T>(task: () => Promise<T>, options: Waiting): Promise<T>;
  /** What the other side says of its limit: it knows who else uses it, and when our requests came. */
  heard(limit: { starts: number; left: number; perMs: number }): void;
}

export interface Waiting {
  maxWaitMs: number;
  signal: AbortSignal;
  /** The task ends what another began, and goes before those that begin something: else all begin, and none ends in time. */
  isContinued?: boolean;
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

/**
 * A place is taken until `perMs` after the answer: when a request arrived is not known, but that is after it, however slow the way there was.
 * After `burst` starts at once the next ones come evenly spread, so that nobody waits for long while all places are taken.
 */
export function createPace(options: { starts: number; perMs: number; burst?: number }): Pace {
  let { starts, perMs } = options;
  const burst = options.burst ?? starts;
  let inFlight = 0;
  /** When places that are taken become free again, soonest first. */
  let freeAtMs: number[] = [];
  /** When the next start would be due if all came evenly. */
  let evenMs = 0;
  const continued = new Set<() => void>();
  const beginning = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;

  /** Until the turn of one before whom so many wait. While all places are in flight that is not known: a guess. */
  function turnInMs(before: number): number {
    const nowMs = performance.now();
    freeAtMs = freeAtMs.filter((atMs) => atMs > nowMs);
    const lacking = before + 1 - (starts - inFlight - freeAtMs.length);
    const freeInMs = lacking <= 0 ? 0 : (freeAtMs[lacking - 1] ?? nowMs + perMs * Math.ceil(lacking / starts)) - nowMs;
    const gapMs = perMs / starts;
    return Math.max(freeInMs, evenMs + (before - burst + 1) * gapMs - nowMs, 0);
  }

  function take(): void {
    inFlight += 1;
    evenMs = Math.max(evenMs, performance.now()) + perMs / starts;
  }

  function* inOrder() {
    yield* continued;
    yield* beginning;
  }

  const isAnyWaiting = () => continued.size + beginning.size > 0;

  function advance(): void {
    clearTimeout(timer);
    for (const turn of inOrder()) {
      const inMs = turnInMs(0);
      if (inMs > 0) {
        timer = setTimeout(advance, Math.ceil(inMs));
        return;
      }
      turn();
    }
  }

  function enter({ maxWaitMs, signal, isContinued = false }: Waiting): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const waiting = isContinued ? continued : beginning;
    const before = () => continued.size + (isContinued ? 0 : beginning.size);
    const inMs = turnInMs(before());
    if (before() === 0 && inMs === 0) {
      take();
      return Promise.resolve();
    }
    if (inMs > maxWaitMs) return Promise.reject(new TooManyWaitError(inMs));
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => () => {
        waiting.delete(turn);
        clearTimeout(late);
        signal.removeEventListener("abort", onAbort);
        settle();
      };
      const turn = end(() => {
        take();
        resolve();
      });
      const onAbort = end(() => reject(signal.reason));
      const late = setTimeout(
        end(() => reject(new TooManyWaitError(Math.max(1, turnInMs(before()))))),
        maxWaitMs,
      );
      waiting.add(turn);
      signal.addEventListener("abort", onAbort, { once: true });
      if (before() === 1) advance();
    });
  }

  return {
    async run(task, options) {
      await enter(options);
      try {
        return await task();
      } finally {
        inFlight -= 1;
        freeAtMs.push(performance.now() + perMs);
        if (isAnyWaiting()) advance();
      }
    },
    heard(limit) {
      ({ starts, perMs } = limit);
      turnInMs(0);
      const free = starts - inFlight - freeAtMs.length;
      for (let taken = free; taken > limit.left; taken -= 1) freeAtMs.push(performance.now() + perMs);
      // It forgets requests earlier than we do. It may not have seen yet what is in flight, but for the one whose answer this is.
      freeAtMs.splice(0, Math.max(0, limit.left - Math.max(0, inFlight - 1) - free));
      if (isAnyWaiting()) advance();
    },
  };
}
