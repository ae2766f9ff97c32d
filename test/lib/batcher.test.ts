import { expect, test } from "vitest";
import { createBatcher } from "../../src/lib/async/batcher.ts";

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test("what is added while a run is under way goes together in the next one, in order", async () => {
  const runs: number[][] = [];
  const first = gate();
  const batcher = createBatcher<number, number>({
    maxItems: 100,
    run: async (items) => {
      runs.push(items);
      if (runs.length === 1) await first.opened;
      return items.map((item) => item * 10);
    },
  });
  const one = batcher.add(1);
  await new Promise((resolve) => setImmediate(resolve));
  const others = [2, 3, 4].map((item) => batcher.add(item));
  expect(batcher.size).toBe(4);
  first.open();
  expect(await Promise.all([one, ...others])).toEqual([10, 20, 30, 40]);
  expect(runs).toEqual([[1], [2, 3, 4]]);
  expect(batcher.size).toBe(0);
});

test("no run holds more items or bytes than it may; an item above the bytes runs alone", async () => {
  const runs: number[][] = [];
  const batcher = createBatcher<number, number>({
    maxItems: 3,
    maxBytes: 10,
    sizeOf: (item) => item,
    run: async (items) => {
      runs.push(items);
      return items;
    },
  });
  await Promise.all([4, 4, 4, 25, 1, 1, 1, 1].map((item) => batcher.add(item)));
  expect(runs).toEqual([[4, 4], [4], [25], [1, 1, 1], [1]]);
});

test("a run that fails rejects its own items only", async () => {
  const batcher = createBatcher<string, string>({
    maxItems: 1,
    run: async ([item]) => {
      if (item === "bad") throw new Error("no");
      return [item ?? ""];
    },
  });
  const results = await Promise.allSettled(["a", "bad", "b"].map((item) => batcher.add(item)));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("a run that answers for too few items is an error, not a wrong answer", async () => {
  const batcher = createBatcher<number, number>({ maxItems: 5, run: async () => [1] });
  await expect(Promise.all([batcher.add(1), batcher.add(2)])).rejects.toThrow("a batch of 2 items was answered with 1 results");
});

test("no more runs are under way than may be", async () => {
  let running = 0;
  let most = 0;
  const batcher = createBatcher<number, number>({
    maxItems: 1,
    concurrency: 3,
    run: async (items) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return items;
    },
  });
  await Promise.all(Array.from({ length: 20 }, (_, index) => batcher.add(index)));
  expect(most).toBe(3);
});

test("with a linger, items that come within it go together; a full run, and one that goes alone, do not wait", async () => {
  const runs: string[][] = [];
  const timers: { ms: number; task: () => void }[] = [];
  const batcher = createBatcher<string, string>({
    maxItems: 3,
    lingerMs: 10_000,
    alone: (item) => item === "alone",
    after: (ms, task) => void timers.push({ ms, task }),
    run: async (items) => {
      runs.push(items);
      return items;
    },
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const first = [batcher.add("a"), batcher.add("b")];
  await turn();
  expect({ runs, timers: timers.map(({ ms }) => ms) }).toEqual({ runs: [], timers: [10_000] });
  timers.shift()?.task();
  expect(await Promise.all(first)).toEqual(["a", "b"]);

  const full = ["c", "d", "e", "f"].map((item) => batcher.add(item));
  await Promise.all(full.slice(0, 3));
  expect(runs).toEqual([
    ["a", "b"],
    ["c", "d", "e"],
  ]);
  timers.shift()?.task();
  await full[3];

  await batcher.add("alone");
  expect(runs.slice(2)).toEqual([["f"], ["alone"]]);
  expect(batcher.size).toBe(0);
});

test("with a linger, what came while a run was under way waits for its own time after it", async () => {
  const runs: string[][] = [];
  const timers: (() => void)[] = [];
  const first = gate();
  const batcher = createBatcher<string, string>({
    maxItems: 10,
    lingerMs: 1_000,
    after: (_ms, task) => void timers.push(task),
    run: async (items) => {
      runs.push(items);
      if (runs.length === 1) await first.opened;
      return items;
    },
  });
  const a = batcher.add("a");
  timers.shift()?.();
  const b = batcher.add("b");
  first.open();
  await a;
  await new Promise((resolve) => setImmediate(resolve));
  expect(runs).toEqual([["a"]]);
  timers.shift()?.();
  await b;
  expect(runs).toEqual([["a"], ["b"]]);
});
