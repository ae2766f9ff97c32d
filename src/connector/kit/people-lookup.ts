import { createCache } from "./cache.ts";

/** A look-up of one text by another, such as a user's id by an email address, for many keys in one request. */
export interface Lookup {
  /** By key; a key that has none is absent. @throws as `read` */
  get(keys: readonly string[], signal: AbortSignal): Promise<Map<string, string>>;
  /** The next `get` of this key asks again. */
  forget(key: string): void;
}

/** Remembers also the keys that have none; `ttlMs.none` says for how long. Keys beyond `maxKeys` are not asked for in one request, and are absent. */
export function createLookup(options: {
  maxEntries: number;
  ttlMs: number | { found: number; none: number };
  maxKeys?: number;
  read(keys: string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
}): Lookup {
  const { maxEntries, ttlMs, maxKeys = Number.POSITIVE_INFINITY, read } = options;
  const ttlOf = (value: string) => (typeof ttlMs === "number" ? ttlMs : value === "" ? ttlMs.none : ttlMs.found);
  const cache = createCache<string>({ maxEntries, ttlMs: ttlOf });

  return {
    async get(keys, signal) {
      const values = new Map(keys.map((key) => [key, cache.get(key)]));
      const unknown = [...values].flatMap(([key, value]) => (value === undefined ? [key] : [])).slice(0, maxKeys);
      const found = unknown.length === 0 ? new Map<string, string>() : await read(unknown, signal);
      for (const key of unknown) {
        const value = found.get(key) ?? "";
        values.set(key, value);
        cache.set(key, value);
      }
      return new Map([...values].flatMap(([key, value]) => (value ? [[key, value]] : [])));
    },
    forget: (key) => cache.delete(key),
  };
}
