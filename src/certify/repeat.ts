import { setTimeout as delay } from "node:timers/promises";

export interface RepeatOptions<T> {
  ask: () => Promise<T>;
  /** How long to wait before another try, ms; `undefined`: the answer is good. */
  waitAfter?: (answer: T) => number | undefined;
  /** The same after a throw; without it what `ask` throws ends the tries. */
  waitAfterErrorMs?: number;
  tries: number;
  sleep?: ((ms: number) => Promise<unknown>) | undefined;
}

/** Asks a destination until its answer is good, at most `tries` times; then the last answer counts. @throws what the last try throws. */
export async function repeat<T>(options: RepeatOptions<T>): Promise<T> {
  const { ask, waitAfter = () => undefined, waitAfterErrorMs, tries, sleep = delay } = options;
  for (let nth = 1; ; nth += 1) {
    let waitMs: number | undefined;
    try {
      const answer = await ask();
      waitMs = waitAfter(answer);
      if (waitMs === undefined || nth === tries) return answer;
    } catch (error) {
      if (waitAfterErrorMs === undefined || nth === tries) throw error;
      waitMs = waitAfterErrorMs;
    }
    await sleep(waitMs);
  }
}
