/** Counts events per second over the last `spanMs`, in one bucket a second. */
export interface RateMeter {
  count(events?: number): void;
  perSecond(): number;
}

export function createRateMeter(options: { monotonicMs: () => number; spanMs?: number }): RateMeter {
  const { monotonicMs, spanMs = 10_000 } = options;
  const bornAt = monotonicMs();
  const buckets = new Map<number, number>();

  function dropOld(nowSecond: number): void {
    for (const second of buckets.keys()) if (second <= nowSecond - spanMs / 1000) buckets.delete(second);
  }

  return {
    count(events = 1) {
      const second = Math.floor(monotonicMs() / 1000);
      buckets.set(second, (buckets.get(second) ?? 0) + events);
      dropOld(second);
    },
    perSecond() {
      const now = monotonicMs();
      dropOld(Math.floor(now / 1000));
      const total = [...buckets.values()].reduce((sum, n) => sum + n, 0);
      return total / (Math.min(spanMs, Math.max(1000, now - bornAt)) / 1000);
    },
  };
}
