import { describe, expect, test } from "vitest";
import { createRouteState } from "../../src/delivery/route/route-state.ts";
import type { Pause } from "../../src/ledger/controls.ts";
import { createWorld } from "../simulation/world.ts";

const LOG = { standby: false };
const byAnn: Pause = { kind: "person", reason: "the CRM moves", by: "ann", at: 0 };
const ANN = "paused by ann: the CRM moves";
const GONE = "the destination is gone: 410. Then: patchbay resume r";

/** A route whose ledger answers as a test decides. */
function setUp() {
  const world = createWorld(1);
  const clock = world.clockOf({ name: "p", alive: true, frozenUntilMs: 0 }, { offsetMs: 0 });
  const stopping = new AbortController();
  const seen: string[] = [];
  const writes: PromiseWithResolvers<unknown>[] = [];
  const state = createRouteState({
    route: "r",
    clock,
    signal: stopping.signal,
    write() {
      const write = Promise.withResolvers();
      writes.push(write);
      return write.promise;
    },
    onPaused: () => seen.push("paused"),
    onResumed: () => seen.push("resumed"),
    onTrouble: ({ cause }) => seen.push(cause ?? "over"),
  });
  const pass = (ms: number) => {
    const untilMs = world.now() + ms;
    world.at(ms, () => undefined);
    return world.run({ untilMs });
  };
  return { state, clock, stopping, seen, writes, pass };
}

describe("the state of a route", () => {
  test("follows what the ledger says of a pause, and reports each change once", async () => {
    const { state, clock, seen } = setUp();
    state.applyPause(undefined, clock.monotonicMs());
    expect([state.pauseCause(), seen]).toEqual([undefined, []]);
    for (const _ of [1, 2]) state.applyPause(byAnn, clock.monotonicMs());
    expect([state.pauseCause(), state.cause(LOG, undefined)]).toEqual([ANN, undefined]);
    for (const _ of [1, 2]) state.applyPause(undefined, clock.monotonicMs());
    expect(state.pauseCause()).toBeUndefined();
    expect(seen).toEqual(["paused", ANN, "resumed", "over"]);
  });

  test("pauses itself at once; an answer of the ledger from before it has the pause does not resume it, a later one does", async () => {
    const { state, clock, seen, writes, pass } = setUp();
    state.pauseItself({ kind: "gone", reason: "410" });
    state.pauseItself({ kind: "flood", reason: "too many" });
    expect([state.pauseCause(), writes.length]).toEqual([GONE, 1]);
    state.applyPause(undefined, clock.monotonicMs());
    await pass(500);
    const askedBefore = clock.monotonicMs();
    await pass(500);
    writes[0]?.resolve(true);
    await pass(1);
    for (const askedAtMs of [askedBefore, clock.monotonicMs() - 1]) state.applyPause(undefined, askedAtMs);
    expect(state.pauseCause()).toBe(GONE);
    await pass(1_000);
    state.applyPause(undefined, clock.monotonicMs());
    expect(state.pauseCause()).toBeUndefined();
    expect(seen).toEqual(["paused", GONE, "resumed", "over"]);
  });

  test("writes its own pause until the ledger has it, and says meanwhile that the ledger is away", async () => {
    const { state, writes, pass } = setUp();
    state.pauseItself({ kind: "gone", reason: "410" });
    writes[0]?.reject(new Error("connection lost"));
    await pass(1);
    await pass(2_000);
    expect([writes.length, state.cause(LOG, undefined)]).toEqual([2, "ledger away"]);
    state.ledgerAnswered();
    expect(state.cause(LOG, state.pauseCause())).toBe(GONE);
  });

  test("pauses itself when most of the last calls are rejected; further rejections become no dead letters, and a resumed route counts anew", () => {
    const { state, clock, seen, writes } = setUp();
    const rejections = () => Array.from({ length: 12 }, () => state.mayReject("400")).filter(Boolean).length;
    expect([rejections(), writes.length]).toEqual([10, 1]);
    expect(state.mayReject(undefined)).toBe(true);
    expect(seen[1]).toMatch(/^too many rejections: 10 of the last 10 calls were rejected, the last with 400/);
    state.applyPause(undefined, clock.monotonicMs());
    expect(state.pauseCause()).toBeDefined();
  });

  test("lets those who wait go when the pause ends, and those whose signal comes first", async () => {
    const { state, clock, pass } = setUp();
    state.applyPause(byAnn, clock.monotonicMs());
    const leaving = new AbortController();
    const waiting = [new AbortController().signal, leaving.signal].map((signal) => state.untilResumed(signal));
    leaving.abort();
    await pass(1);
    state.applyPause({ ...byAnn, by: "ben" }, clock.monotonicMs());
    state.applyPause(undefined, clock.monotonicMs());
    expect(await Promise.all(waiting)).toEqual([true, false]);
  });

  test("names one cause: the ledger's before the log's, before a pause or a limit, before what the log says of a partition", () => {
    const { state } = setUp();
    const log = { away: true, standby: true, trouble: "a partition stands" };
    state.ledgerFailed(new Error("connection lost"));
    expect(state.cause(log, "paused")).toBe("ledger away");
    state.ledgerAnswered();
    expect(state.cause(log, "paused")).toBe("log away");
    expect(state.cause({ ...log, away: false }, "paused")).toBe("standby");
    expect(state.cause({ ...log, away: false, standby: false }, "paused")).toBe("paused");
    expect(state.cause({ ...log, away: false, standby: false }, undefined)).toBe("a partition stands");
    expect(state.cause(LOG, undefined)).toBeUndefined();
  });
});
