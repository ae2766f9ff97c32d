import { expect, test } from "vitest";
import { type Connector, type Failure, type OpenDestination, OpenError } from "../../src/connector/index.ts";
import { createRateLimiter } from "../../src/delivery/limits/rate-limiter.ts";
import { createRouteLimits } from "../../src/delivery/limits/route-limits.ts";
import { createBatchSender } from "../../src/delivery/pipeline/batch-sender.ts";
import { createDestinationHandle } from "../../src/delivery/route/open-destination.ts";
import { systemClock } from "../../src/lib/time/clock.ts";
import type { Destination } from "../../src/route.ts";
import { createWorld } from "../simulation/world.ts";
import { testDestination } from "./destination.ts";

const INTERVAL_MS = 1_000;

/** A sender to a destination with a rate; each place of the rate is half a second away. */
async function setUp(destination = testDestination()) {
  const world = createWorld(1);
  const clock = world.clockOf({ name: "p", alive: true, frozenUntilMs: 0 }, { offsetMs: 0 });
  const connector: Connector = destination.connector;
  const open = (await connector.open({ settings: {}, timezone: "UTC", timeoutMs: 1_000 })) as OpenDestination<Record<string, unknown>>;
  const reserved: string[] = [];
  const ledger = {
    async reserve({ key }: { key: string }) {
      reserved.push(key);
      return 500;
    },
    holdBack: async () => undefined,
  };
  const limits = createRouteLimits({
    to: { name: "there", connector, intervalMs: INTERVAL_MS },
    limiter: createRateLimiter({ ledger, clock }),
    clock,
  });
  const handle = { get: async () => ({ open }), reopen: () => undefined, close: async () => undefined };
  const sender = createBatchSender({ connector, handle, timeoutMs: 1_000, limits, clock });
  const send = (key: string, isAllowed = () => true) =>
    sender.send({ delivery: { key, with: {}, call: {} } as never, alone: false, isAllowed });
  const pass = (ms: number) => {
    const untilMs = world.now() + ms;
    world.at(ms, () => undefined);
    return world.run({ untilMs });
  };
  return { send, reserved, pass, sent: destination.sent };
}

test("a batch of which nothing may be sent takes no place of the rate", async () => {
  const { send, reserved, pass, sent } = await setUp();
  const outcome = send("a", () => false);
  await pass(2_000);
  expect([await outcome, reserved, sent.length]).toEqual([undefined, [], 0]);
});

test("a place whose batch may no longer be sent is the next one's, until the place after it begins", async () => {
  const { send, reserved, pass, sent } = await setUp();
  let isAllowed = true;
  const first = send("a", () => isAllowed);
  await pass(100);
  isAllowed = false;
  await pass(500);
  expect([await first, reserved.length, sent.length]).toEqual([undefined, 1, 0]);
  const second = send("b");
  await pass(300);
  expect([(await second)?.outcome.kind, reserved.length, sent.length]).toEqual(["delivered", 1, 1]);
  void send("c");
  await pass(2_000);
  expect([reserved.length, sent.length]).toEqual([2, 2]);
});

test("a place that nobody took in time is lost", async () => {
  const { send, reserved, pass } = await setUp();
  let isAllowed = true;
  void send("a", () => isAllowed);
  await pass(100);
  isAllowed = false;
  await pass(500 + INTERVAL_MS);
  void send("b");
  await pass(1_000);
  expect(reserved.length).toBe(2);
});

test("a connector may use the name that contract 1 first had for needs-fix, where it sends and where it cannot be opened", async () => {
  const needsFix = { kind: "needs-fix", code: "401", reason: "the token is refused", fix: "Make a new one" };
  const earlier = { ...needsFix, kind: "unauthorized" } as unknown as Failure;
  const destination = testDestination();
  destination.answers(() => earlier);
  const { send, pass } = await setUp(destination);
  const sent = send("a");
  await pass(1_000);
  expect((await sent)?.outcome).toEqual(needsFix);

  const connector = { ...destination.connector, open: () => Promise.reject(new OpenError(earlier)) };
  const to = { connector, settings: () => ({}), timeoutMs: 1_000 } as unknown as Destination;
  const handle = createDestinationHandle({ destination: to, timezone: "UTC", clock: systemClock });
  expect(await handle.get()).toEqual({ outcome: needsFix });
});
