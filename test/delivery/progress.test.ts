import { expect, test } from "vitest";
import { createStallDetector } from "../../src/delivery/process/stall-detector.ts";
import type { RouteWorker } from "../../src/delivery/route/worker.ts";
import type { Log } from "../../src/log/log.ts";
import { createWorld } from "../simulation/world.ts";

/** A worker and a log of which a test decides what is seen. */
function setUp() {
  const world = createWorld(1);
  const clock = world.clockOf({ name: "p", alive: true, frozenUntilMs: 0 }, { offsetMs: 0 });
  const seen = { committed: 0, high: 0, settledCount: 0, cause: undefined as string | undefined, logAway: false };
  const route = { id: "r", to: { intervalMs: undefined } };
  const worker = { route, status: () => ({ partitions: [0], cause: seen.cause }), settledCount: () => seen.settledCount };
  const log = {
    ranges: async () => (seen.logAway ? Promise.reject(new Error("away")) : [{ partition: 0, low: 0, high: seen.high }]),
    committed: async () => [{ partition: 0, offset: seen.committed }],
  };
  const watch = createStallDetector({ running: { workers: [worker as unknown as RouteWorker] }, log: log as unknown as Log, clock });
  let untilMs = 0;
  const pass = async (ms: number) => {
    untilMs += ms;
    await world.run({ untilMs });
  };
  return { seen, watch, pass };
}

test("a route with calls, no progress and no cause is stuck; as soon as it settledCount it is not", async () => {
  const { seen, watch, pass } = setUp();
  seen.high = 10;
  await pass(60_000);
  expect(watch.stuck()).toEqual([]);
  await pass(60_000);
  expect(watch.stuck()).toEqual(["r"]);
  seen.committed = 1;
  await pass(30_000);
  expect(watch.stuck()).toEqual([]);
});

test.each([
  ["is caught up", { high: 0 }],
  ["says why it stands", { high: 10, cause: "paused by ann: x" }],
  ["cannot be judged, since the log is away", { high: 10, logAway: true }],
])("a route that %s is not stuck, however long", async (_, state) => {
  const { seen, watch, pass } = setUp();
  Object.assign(seen, state);
  await pass(3_600_000);
  expect(watch.stuck()).toEqual([]);
});

test("deliveries that only wait are progress too", async () => {
  const { seen, watch, pass } = setUp();
  seen.high = 10;
  for (let minute = 0; minute < 10; minute += 1) {
    seen.settledCount += 1;
    await pass(60_000);
    expect(watch.stuck()).toEqual([]);
  }
});
