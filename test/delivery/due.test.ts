import { expect, test } from "vitest";
import { createDueTimer, runDueLoop } from "../../src/delivery/route/due-loop.ts";
import type { DueDelivery } from "../../src/ledger/ledger.ts";
import { systemClock } from "../../src/lib/time/clock.ts";

/** A loop that has handed over two due deliveries; `end` ends one of them. */
async function twoOnTheirWay() {
  const [stop, deadline] = [new AbortController(), new AbortController()];
  const ways = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const started = Promise.withResolvers<void>();
  let due = [{ callId: "a" }, { callId: "b" }] as DueDelivery[];
  let begun = 0;
  const done = runDueLoop({
    route: "r",
    worker: "w",
    leaseMs: 60_000,
    ledger: {
      async claimDue() {
        const all = due;
        due = [];
        return all;
      },
      nextDueInMs: async () => undefined,
    },
    room: () => 10,
    timer: createDueTimer(systemClock),
    process() {
      begun += 1;
      if (begun === 2) started.resolve();
      return (ways[begun - 1] as PromiseWithResolvers<void>).promise;
    },
    clock: systemClock,
    signal: stop.signal,
    deadline: deadline.signal,
    onFailure: (error) => started.reject(error),
  });
  await started.promise;
  let isDone = false;
  void done.then(() => {
    isDone = true;
  });
  return { stop, deadline, ways, done, isDone: () => isDone };
}

const turns = () => new Promise((resolve) => setTimeout(resolve, 50));

test("a stop waits for every due delivery on its way, also for one that only waits for another route or its place", async () => {
  const { stop, ways, done, isDone } = await twoOnTheirWay();
  stop.abort();
  ways[0]?.resolve();
  await turns();
  expect(isDone()).toBe(false);
  ways[1]?.resolve();
  await done;
});

test("a stop waits for them no longer than it may", async () => {
  const { stop, deadline, done, isDone } = await twoOnTheirWay();
  stop.abort();
  await turns();
  expect(isDone()).toBe(false);
  deadline.abort();
  await done;
});
