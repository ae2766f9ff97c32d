const SWEEP_MS = 250;

/** Items that wait for an answer, each for the same time: then `expire` is called. */
export interface Deadlines<Item extends { expire(): void }> {
  add(item: Item): void;
  /** The item has its answer; nothing happens for one that has expired. */
  delete(item: Item): void;
  readonly size: number;
  /** How long the oldest has waited; 0 when none waits. */
  longestMs(): number;
  /** Expires all of them now. */
  end(): void;
}

/** One timer for all items: they have the same time to live, so the oldest expires first. */
export function createDeadlines<Item extends { expire(): void }>(options: { liveMs: number }): Deadlines<Item> {
  const { liveMs } = options;
  const sinceMs = new Map<Item, number>();
  let sweeper: NodeJS.Timeout | undefined;

  function sweep(): void {
    const nowMs = performance.now();
    for (const [item, addedMs] of sinceMs) {
      if (nowMs - addedMs < liveMs) return;
      remove(item);
      item.expire();
    }
  }

  function remove(item: Item): void {
    sinceMs.delete(item);
    if (sinceMs.size > 0) return;
    clearInterval(sweeper);
    sweeper = undefined;
  }

  return {
    add(item) {
      sinceMs.set(item, performance.now());
      sweeper ??= setInterval(sweep, SWEEP_MS);
    },
    delete: remove,
    get size() {
      return sinceMs.size;
    },
    longestMs() {
      for (const addedMs of sinceMs.values()) return performance.now() - addedMs;
      return 0;
    },
    end() {
      for (const item of [...sinceMs.keys()]) {
        remove(item);
        item.expire();
      }
    },
  };
}
