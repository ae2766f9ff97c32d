export interface Cache<Value> {
  get(key: string): Value | undefined;
  /** `forMs` replaces the cache's own `ttlMs`. */
  set(key: string, value: Value, forMs?: number): void;
  /** Also detaches a load in progress: its value is not stored, and the next `fetch` loads again. */
  delete(key: string): void;
  /**
   * The cached value, else what `load` resolves with. `load` runs once, however many callers ask meanwhile, so it must not depend on one caller's
   * signal. A load that fails rejects for all of them and stores nothing. `maxAgeMs`: an older value is loaded again.
   */
  fetch(key: string, load: () => Promise<Value>, options?: { maxAgeMs?: number }): Promise<Value>;
}

/**
 * Keeps the `maxEntries` values that were used last, each for `ttlMs`, and shares loads in progress. With `ttlMs` 0 it only shares loads.
 * Why this is not lru-cache: docs/decisions/0019.
 */
export function createCache<Value>(options: { maxEntries: number; ttlMs: number | ((value: Value) => number) }): Cache<Value> {
  const { maxEntries, ttlMs } = options;
  // A Map keeps the order of insertion: an entry that is used moves to the end.
  const entries = new Map<string, { value: Value; storedAtMs: number; untilMs: number }>();
  const loads = new Map<string, Promise<Value>>();

  function get(key: string, maxAgeMs = Number.POSITIVE_INFINITY): { value: Value } | undefined {
    const entry = entries.get(key);
    if (!entry) return undefined;
    const nowMs = performance.now();
    entries.delete(key);
    if (entry.untilMs <= nowMs) return undefined;
    entries.set(key, entry);
    return nowMs - entry.storedAtMs < maxAgeMs ? entry : undefined;
  }

  function set(key: string, value: Value, forMs = typeof ttlMs === "number" ? ttlMs : ttlMs(value)): void {
    entries.delete(key);
    if (forMs <= 0) return;
    const storedAtMs = performance.now();
    entries.set(key, { value, storedAtMs, untilMs: storedAtMs + forMs });
    const [oldest] = entries.keys();
    if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
  }

  function startLoad(key: string, load: () => Promise<Value>): Promise<Value> {
    /** Whether this load is still the one that `key` waits for. */
    const finish = () => loads.get(key) === loading && loads.delete(key);
    const loading = load().then(
      (value) => {
        if (finish()) set(key, value);
        return value;
      },
      (error: unknown) => {
        finish();
        throw error;
      },
    );
    loads.set(key, loading);
    return loading;
  }

  return {
    get: (key) => get(key)?.value,
    set,
    delete(key) {
      entries.delete(key);
      loads.delete(key);
    },
    fetch(key, load, { maxAgeMs } = {}) {
      const entry = get(key, maxAgeMs);
      return entry ? Promise.resolve(entry.value) : (loads.get(key) ?? startLoad(key, load));
    },
  };
}
