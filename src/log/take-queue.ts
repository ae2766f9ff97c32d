import type { Subscription, Taken } from "./log.ts";

/** The callers that wait in `take` of a subscription: the same for every engine. */
export interface TakeQueue {
  take: Subscription["take"];
  /** There may be something to take, or the subscription has ended: waiting callers look again. */
  wake(): void;
}

export function createTakeQueue(options: { handOut(max: number): Taken[]; hasEnded(): boolean }): TakeQueue {
  const { handOut, hasEnded } = options;
  let waiting: (() => void)[] = [];

  function wake(): void {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  }

  return {
    wake,
    async take({ max, signal }) {
      while (!signal?.aborted && !hasEnded()) {
        const taken = handOut(max);
        if (taken.length > 0) return taken;
        const woken = Promise.withResolvers<void>();
        waiting.push(woken.resolve);
        signal?.addEventListener("abort", wake, { once: true });
        await woken.promise;
        signal?.removeEventListener("abort", wake);
      }
      return [];
    },
  };
}
