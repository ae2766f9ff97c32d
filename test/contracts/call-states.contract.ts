import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Outcome } from "../../src/connector/index.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { Log } from "../../src/log/log.ts";
import type { LoadedRoutes } from "../../src/routes/index.ts";
import { callStatesOfRows, readCallStates } from "../../src/views/call-states.ts";
import { readLag } from "../../src/views/lag.ts";
import { testDestination } from "../delivery/destination.ts";
import { createBench, held } from "../delivery/running-routes.ts";
import type { DeliveryHarness } from "./delivery.contract.ts";
import { until } from "./log.contract.ts";

const DOWN: Outcome = { kind: "retry", because: "down", code: "503", reason: "away for a rest" };

/** Every call on every route has a state and a reason, and it is the sentence that `lag` has. For every pair of engines. */
export function describeWhereabouts(harness: DeliveryHarness): void {
  describe(`where a call is, on ${harness.name}`, () => {
    let log: Log;
    let ledger: Ledger;
    beforeAll(async () => {
      [log, ledger] = await Promise.all([harness.openLog(), harness.openLedger()]);
    });
    afterAll(async () => {
      await Promise.all([log.close(), ledger.close()]);
      await harness.remove();
    });
    const { setUp, accept, acceptAll } = createBench(() => ({ log, ledger }));
    const ids = (count: number) => Array.from({ length: count }, () => `call-${randomUUID().slice(0, 12)}`);
    const idOf = () => ids(1)[0] as string;
    const where = async (callId: string, { routes }: LoadedRoutes) => (await readCallStates({ callId, routes, log, ledger })).found;
    async function acceptedWhileNobodyRuns() {
      const { start, routes } = setUp({ destination: testDestination() });
      const running = await start();
      await held(running);
      await running.stop({ graceMs: 1_000 });
      const callId = idOf();
      await accept(callId);
      return { callId, routes };
    }
    const causeOf = async ({ routes }: LoadedRoutes, at = 0) =>
      (await readLag({ routes, log, ledger, nowMs: Date.now() })).routes[at]?.cause;

    test("in an outage every call waits with the destination's cause, the one that was begun and those that nobody has read", async () => {
      const destination = testDestination({ concurrency: 4 });
      destination.answers(() => DOWN);
      const { id, start, routes, states } = setUp({ destination });
      await held(await start());
      const calls = ids(90);
      await acceptAll(calls);
      await until(async () => (await causeOf(routes)) === "destination down: away for a rest");
      await until(async () => (await states()).some((state) => state.endsWith("sending")));
      for (const callId of [calls[0], calls[45], calls[89]] as string[]) {
        expect(await where(callId, routes)).toEqual([
          expect.objectContaining({ route: id, source: "main", callId, state: "waiting", reason: "destination down: away for a rest" }),
        ]);
      }
      // The same in a list, where a row was begun.
      const rows = await ledger.deliveries({ route: id, limit: 100 });
      const listed = await callStatesOfRows({ rows, routes: routes.routes, ledger });
      expect(new Set(listed.map(({ state, reason }) => `${state} ${reason}`))).toEqual(
        new Set(["waiting destination down: away for a rest"]),
      );
      destination.answers(({ key }) => ({ kind: "delivered", receipt: { id: key } }));
      await until(async () => (await where(calls[89] as string, routes))[0]?.state === "delivered");
      expect((await where(calls[0] as string, routes))[0]).toMatchObject({ state: "delivered", reason: "the destination has it" });
    });

    test("behind a pause it says who paused, why and since when, on each route by itself", async () => {
      const destination = testDestination();
      const { id, start, routes } = setUp({
        destination,
        routes: "  - { id: '{id}', to: there }\n  - { id: '{id}-off', to: there, record: off, enabled: false }",
      });
      const running = await start();
      await held(running);
      await ledger.pause({ route: id, kind: "person", reason: "weekend", by: "ann" });
      await until(() => running.workers[0]?.status().cause === "paused by ann: weekend");
      const [callId, next] = ids(2) as [string, string];
      await acceptAll([callId, next]);
      const at = (await ledger.controls()).routes.find(({ route }) => route === id)?.pause?.at;
      const [paused, off] = await where(next, routes);
      expect(paused).toMatchObject({ route: id, state: "waiting", reason: "paused by ann: weekend", since: at, row: undefined });
      expect(off).toMatchObject({ route: `${id}-off`, state: "waiting", reason: "paused by routes.yaml (enabled: false)" });
      expect(off?.reason).toBe(await causeOf(routes, 1));
      await ledger.resume({ route: id, by: "ann" });
      await until(async () => (await where(next, routes))[0]?.state === "delivered");
    });

    test("where no connector runs it says so, with the sentence of lag", async () => {
      const { callId, routes } = await acceptedWhileNobodyRuns();
      expect(await where(callId, routes)).toMatchObject([{ state: "waiting", reason: "connector not running" }]);
      expect(await causeOf(routes)).toBe("connector not running");
    });

    test("of a route that works and has not come to it, how many are before it", async () => {
      const destination = testDestination({ concurrency: 1 });
      const answer = Promise.withResolvers<Outcome>();
      destination.answers(() => answer.promise);
      const { start, routes } = setUp({ destination });
      await held(await start());
      const first = idOf();
      await accept(first);
      await destination.attempts(1);
      await until(async () => (await causeOf(routes)) === undefined);
      expect(await where(first, routes)).toMatchObject([
        { state: "sending", reason: expect.stringMatching(/^an attempt is under way, by .+-\d+-/) },
      ]);
      const more = ids(600);
      await acceptAll(more);
      const stateOfLast = async () => (await where(more[599] as string, routes))[0];
      // A machine that does ten things at once may give the route another cause to wait for a moment.
      await until(async () => (await stateOfLast())?.state === "unread");
      const last = await stateOfLast();
      expect(last).toMatchObject({ state: "unread", row: undefined, until: undefined });
      expect(last?.reason).toMatch(/^not read yet: \d+ records are before it \(offset \d+ of partition \d+\)$/);
      expect(last?.before).toBeGreaterThan(0);
      answer.resolve({ kind: "delivered", receipt: { id: "1" } });
    });

    test("of a delivery at its end, or waiting for its next try, what the ledger has of it", async () => {
      const destination = testDestination();
      const [fine, odd, locked, unwanted] = ids(4) as [string, string, string, string];
      destination.answers(({ key }) => {
        if (key.includes(odd)) return { kind: "rejected", code: "400", reason: "no such field" };
        if (key.includes(locked)) return { kind: "retry", because: "record", code: "423", reason: "locked", retryAfterMs: 600_000 };
        return { kind: "delivered", receipt: { id: key } };
      });
      const { start, routes } = setUp({ destination, routes: "  - { id: '{id}', to: there, when: 'call_outcome == \"answered\"' }" });
      await held(await start());
      await acceptAll([fine, odd, locked]);
      await accept(unwanted, { call_outcome: "failed" });
      const stateOf = async (callId: string) => (await where(callId, routes))[0];
      await until(async () => (await stateOf(locked))?.state === "waiting" && (await stateOf(locked))?.until !== undefined);
      await until(async () => (await stateOf(unwanted))?.state === "skipped" && (await stateOf(odd))?.state === "dead");
      await until(async () => (await stateOf(fine))?.state === "delivered");
      expect(await stateOf(locked)).toMatchObject({ reason: "locked", row: { attempts: 1, errorCode: "423" } });
      expect((await stateOf(locked))?.until).toBeGreaterThan(Date.now() + 300_000);
      expect(await stateOf(odd)).toMatchObject({ reason: "no such field" });
      expect((await stateOf(unwanted))?.reason).toMatch(/call_outcome/);
    });

    test("a newer version that is not read yet is what is shown, and beside it what became of the one before", async () => {
      const { id, start, routes } = setUp({ destination: testDestination() });
      const running = await start();
      await held(running);
      const callId = idOf();
      await accept(callId, { summary: "first" });
      await until(async () => (await where(callId, routes))[0]?.state === "delivered");
      await ledger.pause({ route: id, kind: "person", reason: "weekend", by: "ann" });
      await until(() => running.workers[0]?.status().cause === "paused by ann: weekend");
      await accept(callId, { summary: "corrected" });
      expect(await where(callId, routes)).toMatchObject([
        { state: "waiting", reason: "paused by ann: weekend", before: expect.any(Number), row: { state: "delivered" } },
      ]);
    });

    test("of a call that nobody accepted there is nothing; of a part of an id neither", async () => {
      const { callId, routes } = await acceptedWhileNobodyRuns();
      expect(await where(idOf(), routes)).toEqual([]);
      expect(await where(callId.slice(3), routes)).toEqual([]);
    });

    test("a call from before a route began is not on it; a route that left the file keeps its rows, and nothing runs them", async () => {
      const destination = testDestination();
      const { id, start, load, routes } = setUp({ destination });
      const running = await start();
      await held(running);
      const callId = idOf();
      await accept(callId);
      await until(async () => (await where(callId, routes))[0]?.state === "delivered");
      const later = load({ routes: "  - { id: '{id}-later', to: there, record: later, start: now }" });
      await running.use({ routes: later, selected: later.routes });
      await held(running);
      await ledger.enqueue({
        items: [
          {
            route: id,
            source: "main",
            callId: `${callId}-2`,
            partition: 0,
            offset: 0,
            hash: "h",
            acceptedAt: Date.now(),
            body: Buffer.from("{}"),
          },
        ],
        dueInMs: 60_000,
        only: "all",
        again: false,
      });
      expect(await where(callId, later)).toMatchObject([
        { route: `${id}-later`, state: "skipped", reason: "it was accepted before the route began" },
        { route: id, state: "delivered" },
      ]);
      await until(async () => (await where(`${callId}-2`, later)).some(({ reason }) => reason.startsWith("the route is not in the file")));
      expect((await where(`${callId}-2`, later)).find(({ route }) => route === id)).toMatchObject({
        state: "waiting",
        reason: "the route is not in the file: nothing runs it",
      });
    });

    test("a delivery whose process has ended waits for another one to take it", async () => {
      const { id, routes, start } = setUp({ destination: testDestination(), routes: "  - { id: '{id}', to: there }" });
      await held(await start());
      await until(async () => (await causeOf(routes)) === undefined);
      const callId = idOf();
      const item = { route: id, source: "main", callId, partition: 0, offset: 0, hash: "h", acceptedAt: Date.now() };
      await ledger.claim({ worker: "gone-1-abc", leaseMs: 60_000, items: [item] });
      const rows = await ledger.deliveries({ callId, limit: 1 });
      expect(await callStatesOfRows({ rows, routes: routes.routes, ledger })).toMatchObject([
        { state: "waiting", reason: "the process that began it has ended: another one takes it within 30 s" },
      ]);
    });
  });
}
