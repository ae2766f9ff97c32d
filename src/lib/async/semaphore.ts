/** Lets at most `permits` holders in at once; others wait in order. */
export interface Semaphore {
  /** Resolves to `false`, without a permit, when the signal is aborted first. */
  acquire(signal?: AbortSignal): Promise<boolean>;
  release(): void;
  readonly held: number;
}

export function createSemaphore(permits: number): Semaphore {
  let held = 0;
  const queue = new Set<(granted: boolean) => void>();

  return {
    acquire(signal) {
      if (signal?.aborted) return Promise.resolve(false);
      if (held < permits) {
        held += 1;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const onAbort = () => answer(false);
        const answer = (granted: boolean) => {
          queue.delete(answer);
          signal?.removeEventListener("abort", onAbort);
          resolve(granted);
        };
        queue.add(answer);
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
    release() {
      const [next] = queue;
      if (next) next(true);
      else held -= 1;
    },
    get held() {
      return held;
    },
  };
}
