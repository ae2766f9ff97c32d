/** Remembers up to `maxEntries` values, each for its own time; the one that was used least recently goes first. */
export interface Cache<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value, ttlMs: number): void;
  delete(key: string): void;
}

export function createCache<Value>(options: { maxEntries: number; monotonicMs?: () => number }): Cache<Value> {
  const { maxEntries, monotonicMs = () => performance.now() } = options;
  // A Map keeps the order of insertion: whatever is used is put in again, at the end.
  const entries = new Map<string, { value: Value; untilMs: number }>();

  return {
    get(key) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      entries.delete(key);
      if (entry.untilMs <= monotonicMs()) return undefined;
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, ttlMs) {
      entries.delete(key);
      entries.set(key, { value, untilMs: monotonicMs() + ttlMs });
      for (const oldest of entries.keys()) {
        if (entries.size <= maxEntries) break;
        entries.delete(oldest);
      }
    },
    delete(key) {
      entries.delete(key);
    },
  };
}
