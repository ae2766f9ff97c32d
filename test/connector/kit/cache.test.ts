import { expect, test, vi } from "vitest";
import { createCache } from "../../../src/connector/index.ts";

const later = () => {
  let [resolve, reject]: [(value: string) => void, (error: Error) => void] = [() => undefined, () => undefined];
  const promise = new Promise<string>((good, bad) => {
    [resolve, reject] = [good, bad];
  });
  return { promise, resolve, reject };
};

test("callers that ask at the same time share one load, and later ones get its value", async () => {
  const cache = createCache<string>({ maxEntries: 10, ttlMs: 60_000 });
  const load = vi.fn(async () => "value");
  expect(await Promise.all([cache.fetch("a", load), cache.fetch("a", load)])).toEqual(["value", "value"]);
  expect([await cache.fetch("a", load), cache.get("a")]).toEqual(["value", "value"]);
  expect(load).toHaveBeenCalledTimes(1);
});

test("a load that fails rejects for all who share it, and is not kept", async () => {
  const cache = createCache<string>({ maxEntries: 10, ttlMs: 60_000 });
  const failing = later();
  const both = [cache.fetch("a", () => failing.promise), cache.fetch("a", () => failing.promise)];
  failing.reject(new Error("away"));
  expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await cache.fetch("a", async () => "value")).toBe("value");
});

test("with a time to live of 0 loads are shared, and nothing is kept", async () => {
  const cache = createCache<string>({ maxEntries: 10, ttlMs: 0 });
  const load = vi.fn(async () => "value");
  await Promise.all([cache.fetch("a", load), cache.fetch("a", load)]);
  await cache.fetch("a", load);
  expect([load.mock.calls.length, cache.get("a")]).toEqual([2, undefined]);
});

test("a deleted entry is loaded again, and a load that was in progress then does not come back", async () => {
  const cache = createCache<string>({ maxEntries: 10, ttlMs: 60_000 });
  const stale = later();
  const first = cache.fetch("a", () => stale.promise);
  cache.delete("a");
  expect(await cache.fetch("a", async () => "new")).toBe("new");
  stale.resolve("old");
  expect([await first, cache.get("a")]).toEqual(["old", "new"]);
});

test("values live as long as they say, and a caller may ask for a younger one", async () => {
  const cache = createCache<string>({ maxEntries: 10, ttlMs: (value) => (value === "" ? 0 : 60_000) });
  await cache.fetch("none", async () => "");
  await cache.fetch("a", async () => "old");
  expect([cache.get("none"), cache.get("a")]).toEqual([undefined, "old"]);
  expect(await cache.fetch("a", async () => "new", { maxAgeMs: 0 })).toBe("new");
});

test("the entry that was used longest ago goes first", () => {
  const cache = createCache<number>({ maxEntries: 2, ttlMs: 60_000 });
  cache.set("a", 1);
  cache.set("b", 2);
  cache.get("a");
  cache.set("c", 3);
  expect(["a", "b", "c"].map((key) => cache.get(key))).toEqual([1, undefined, 3]);
});
