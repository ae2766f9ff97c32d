import { inspect } from "node:util";
import { expect, test } from "vitest";
import { createKeyedQueue } from "../../src/lib/async/keyed-queue.ts";
import { createRateMeter } from "../../src/lib/async/rate-meter.ts";
import { createSemaphore } from "../../src/lib/async/semaphore.ts";
import { Secret } from "../../src/lib/secret.ts";

test("a semaphore lets in as many as it has permits, then the next in line", async () => {
  const semaphore = createSemaphore(2);
  expect(await semaphore.acquire()).toBe(true);
  expect(await semaphore.acquire()).toBe(true);
  const order: string[] = [];
  const third = semaphore.acquire().then(() => order.push("third"));
  const fourth = semaphore.acquire().then(() => order.push("fourth"));
  semaphore.release();
  await third;
  semaphore.release();
  await fourth;
  expect(order).toEqual(["third", "fourth"]);
  expect(semaphore.held).toBe(2);
});

test("who waits for a permit and is told to stop gets none and takes none", async () => {
  const semaphore = createSemaphore(1);
  await semaphore.acquire();
  const stop = new AbortController();
  const waiting = semaphore.acquire(stop.signal);
  stop.abort();
  expect(await waiting).toBe(false);
  semaphore.release();
  expect(semaphore.held).toBe(0);
  expect(await semaphore.acquire(stop.signal)).toBe(false);
});

test("tasks of one key run one after the other, also after one failed; other keys pass", async () => {
  const queue = createKeyedQueue();
  const order: string[] = [];
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const first = queue.run("a", async () => {
    await held;
    order.push("a1");
    throw new Error("a1 failed");
  });
  const second = queue.run("a", async () => order.push("a2"));
  await queue.run("b", async () => order.push("b1"));
  release();
  await expect(first).rejects.toThrow("a1 failed");
  await second;
  expect(order).toEqual(["b1", "a1", "a2"]);
});

test("a rate is counted over the last ten seconds", () => {
  let nowMs = 0;
  const meter = createRateMeter({ monotonicMs: () => nowMs });
  for (let second = 0; second < 10; second += 1) {
    nowMs = second * 1000;
    meter.count(5);
  }
  nowMs = 10_000 - 1;
  expect(meter.perSecond()).toBeCloseTo(5, 1);
  nowMs = 60_000;
  expect(meter.perSecond()).toBe(0);
});

test("a secret does not print itself", () => {
  const secret = new Secret("hunter2");
  const printed = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }),
    inspect(secret, { showHidden: true, depth: 9 }),
  ];
  expect(printed.filter((text) => text.includes("hunter2"))).toEqual([]);
  expect(secret.reveal()).toBe("hunter2");
});
