/** Remembers the last used `maxEntries`, each for its own time. */
export interface ExpiringCache<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value, forMs: number): void;
  delete(key: string): void;
}

export function createExpiringCache<Value>(options: { maxEntries: number }): ExpiringCache<Value> {
  const { maxEntries } = options;
  // A Map keeps the order of insertion: what was used last is put at the end again.
  const entries = new Map<string, { value: Value; untilMs: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      entries.delete(key);
      if (entry.untilMs <= performance.now()) return undefined;
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, forMs) {
      entries.delete(key);
      entries.set(key, { value, untilMs: performance.now() + forMs });
      if (entries.size <= maxEntries) return;
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    },
    delete(key) {
      entries.delete(key);
    },
  };
}
