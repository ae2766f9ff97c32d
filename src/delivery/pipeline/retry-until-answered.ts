import type { Clock } from "../../lib/time/clock.ts";

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;

/**
 * Asks until there is an answer: while the ledger is away a route waits and loses nothing.
 * `undefined` when the signal was aborted between two tries; a try in progress is always awaited, because it may have taken effect.
 */
export async function retryUntilAnswered<T>(options: {
  ask: () => Promise<T>;
  signal: AbortSignal;
  clock: Clock;
  onFailure: (error: unknown) => void;
}): Promise<T | undefined> {
  const { ask, signal, clock, onFailure } = options;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await ask();
    } catch (error) {
      onFailure(error);
    }
    if (signal.aborted) return undefined;
    await clock.sleep(waitMs * (0.5 + clock.random()), signal);
    if (signal.aborted) return undefined;
  }
}
