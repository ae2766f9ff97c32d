import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Outcome } from "../../src/connector/index.ts";
import { forgottenHash } from "../../src/ledger/forgotten.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { CALLS_TOPIC, type Log } from "../../src/log/log.ts";
import { readTopic } from "../../src/log/pages.ts";
import { auditRoute } from "../../src/operations/audit.ts";
import { readLag } from "../../src/views/lag.ts";
import { testDestination } from "../delivery/destination.ts";
import { createBench, held, keysOf } from "../delivery/running-routes.ts";
import type { DeliveryHarness } from "./delivery.contract.ts";
import { until } from "./log.contract.ts";

const delivered = (id: string): Outcome => ({ kind: "delivered", receipt: { id } });
const rejected: Outcome = { kind: "rejected", code: "400", reason: "no such field" };
const callIds = (count: number, prefix = "call") => Array.from({ length: count }, (_, index) => `${prefix}-${index + 100}`);

/** What a route worker promises on bad days, and what people can do then, for every pair of engines. */
export function describeBadDays(harness: DeliveryHarness): void {
  describe(`bad days of a route worker on ${harness.name}`, () => {
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
    const ended = (states: string[], state: string) => states.filter((one) => one.endsWith(state)).length;

    test("a lock that passes within a second is tried again in place, and nobody sees it wait", async () => {
      const destination = testDestination();
      destination.answers(({ key }, nth) =>
        nth < 2 ? { kind: "retry", because: "record", code: "423", reason: "locked" } : delivered(key),
      );
      const { id, start, states, events, attempts } = setUp({ destination });
      await held(await start());
      await accept("a");
      await until(async () => (await states()).join() === "a delivered");
      expect(destination.sent).toHaveLength(3);
      expect(events.map(({ kind }) => kind)).toEqual(["delivered"]);
      // Each try is an event, also those in place.
      const same = { route: id, connector: "test", source: "main", callId: "a", failedBefore: 0, durationMs: expect.any(Number) };
      const locked = { outcome: { kind: "retry", code: "423" }, decided: "retry", nextInMs: expect.any(Number) };
      expect(attempts).toMatchObject([
        { ...same, ...locked, try: 1 },
        { ...same, ...locked, try: 2 },
        { ...same, try: 3, outcome: { kind: "delivered" }, decided: "delivered", nextInMs: undefined },
      ]);
    });

    test("one odd call that always gets a 500 does not hold the destination: after three tries it waits alone, and dies of age alone", async () => {
      const destination = testDestination();
      destination.answers(({ key }) =>
        key === "main/odd" ? { kind: "retry", because: "server", code: "500", reason: "failed" } : delivered(key),
      );
      const routes = "  - { id: '{id}', to: there, max_age: 1s }";
      const { start, states, rows } = setUp({ destination, routes });
      const running = await start();
      await held(running);
      await accept("odd");
      await destination.attempts(3);
      await accept("fine");
      await until(
        async () => (await states()).join() === "fine delivered,odd waiting" || (await states()).join() === "fine delivered,odd dead",
      );
      expect(running.workers[0]?.status().cause).toBeUndefined();
      await until(async () => (await states()).join() === "fine delivered,odd dead");
      expect((await rows())[1]).toMatchObject({ errorCode: "max_age", reason: "given up after 1 s of tries: failed" });
    });

    test("one odd call that fails a whole batch takes nobody with it: the others of the batch are delivered, it alone waits", async () => {
      const destination = testDestination({ maxCalls: 20, concurrency: 1 });
      destination.answersBatch((keys) =>
        keys.includes("main/odd") ? { kind: "retry", because: "server", code: "500", reason: "failed" } : undefined,
      );
      const { start, states } = setUp({ destination });
      const running = await start();
      await acceptAll([...callIds(10), "odd", ...callIds(10, "other")]);
      await held(running);
      await until(async () => ended(await states(), "delivered") === 20 && (await states()).includes("odd waiting"));
      expect(running.workers[0]?.status().cause).toBeUndefined();
    });

    test("500s for everybody park nothing: the destination stands, and what was tried stays where it was", async () => {
      const destination = testDestination();
      destination.answers(() => ({ kind: "retry", because: "server", code: "500", reason: "failed" }));
      const { start, states } = setUp({ destination });
      const running = await start();
      await held(running);
      await acceptAll(callIds(30));
      await until(() => running.workers[0]?.status().cause === "destination down: failed");
      await until(() => destination.inFlight() === 0);
      expect((await states()).filter((state) => /waiting|dead/.test(state))).toEqual([]);
      destination.answers(({ key }) => delivered(key));
      await until(async () => ended(await states(), "delivered") === 30);
    });

    test("an attempt of a delivery that is released is an event too, and each delivery of a batch has one, with the time of the batch", async () => {
      const destination = testDestination({ maxCalls: 20, concurrency: 1 });
      destination.answersBatch(() => ({ kind: "retry", because: "down", code: "ECONNREFUSED", reason: "nobody listens" }));
      const { start, states, attempts } = setUp({ destination });
      const running = await start();
      await acceptAll(callIds(10));
      await until(() => running.workers[0]?.status().cause === "destination down: nobody listens");
      await until(() => attempts.length === destination.sent.length);
      expect((await states()).filter((state) => /waiting|dead/.test(state))).toEqual([]);
      const refused = { outcome: { kind: "retry", because: "down" }, decided: "released", try: 1, nextInMs: undefined };
      expect(attempts.length).toBeGreaterThan(0);
      expect(attempts).toMatchObject(attempts.map(() => refused));
      destination.answersBatch(() => undefined);
      await until(async () => ended(await states(), "delivered") === 10);
      const byTime = Map.groupBy(attempts, ({ durationMs }) => durationMs);
      expect(Math.max(...[...byTime.values()].map(({ length }) => length))).toBeGreaterThan(1);
    });

    test("a destination that is gone for good (410) pauses its route until a person resumes it; the destination's other routes go on", async () => {
      const destination = testDestination();
      const gone: Outcome = { kind: "needs-fix", code: "410", reason: "the address is gone", fix: "Give another url", stopsRoute: true };
      const { id, start, load, states, routes } = setUp({
        destination,
        routes: "  - { id: '{id}-gone', to: there, with: { text: gone } }\n  - { id: '{id}-stays', to: there, record: other }",
      });
      destination.answers((delivery) => (delivery.with.text === "gone" ? gone : delivered(delivery.key)));
      const running = await start();
      await held(running);
      await acceptAll(callIds(20));
      const cause = `the destination is gone: the address is gone. Give another url. Then: patchbay resume ${id}-gone`;
      const workerOf = (route: string) => running.workers.find((one) => one.route.id === route);
      await until(() => workerOf(`${id}-gone`)?.status().cause === cause);
      await until(async () => ended(await states(`${id}-stays`), "delivered") === 20);
      expect(workerOf(`${id}-stays`)?.status().cause).toBeUndefined();
      // Nothing is parked or given up, and the ledger knows it: so does whoever starts next.
      await until(() => destination.inFlight() === 0);
      expect((await states(`${id}-gone`)).filter((state) => /waiting|dead/.test(state))).toEqual([]);
      const pauseOf = async () => (await ledger.controls()).routes.find(({ route }) => route === `${id}-gone`)?.pause;
      await until(async () => (await pauseOf()) !== undefined);
      expect(await pauseOf()).toMatchObject({ kind: "gone", reason: "the address is gone. Give another url" });
      const report = await readLag({ routes: routes.routes, log, ledger, nowMs: Date.now() });
      expect(report.routes[0]).toMatchObject({ cause, lag: 20 });
      const asked = () => destination.sent.filter((one) => one.with.text === "gone").length;
      const before = asked();
      await running.stop({ graceMs: 1_000 });
      const again = await start();
      await accept("later");
      await until(async () => (await states(`${id}-stays`)).includes("later delivered"));
      expect(asked()).toBe(before);

      const mended = load({
        routes: "  - { id: '{id}-gone', to: there, with: { text: new } }\n  - { id: '{id}-stays', to: there, record: other }",
      });
      await again.use({ routes: mended, selected: mended.routes });
      await ledger.resume({ route: `${id}-gone`, by: "ann" });
      await until(async () => ended(await states(`${id}-gone`), "delivered") === 21);
    });

    test("a rate limit of the destination is kept in full by every process, parks nothing, and lag says so", async () => {
      const destination = testDestination();
      const at: number[] = [];
      destination.answers(({ key }, nth) => {
        at.push(performance.now());
        return nth === 0 ? { kind: "retry", because: "rate-limit", code: "429", reason: "slowly", retryAfterMs: 2_500 } : delivered(key);
      });
      // A name of its own: a hold concerns everybody at the destination, other tests too.
      const { id, start, states, routes } = setUp({
        destination,
        destinations: "  'limited-{id}': { connector: test }",
        routes: "  - { id: '{id}', to: 'limited-{id}' }",
      });
      const running = await start();
      await held(running);
      await accept("a");
      await destination.attempts(1);
      await until(() => running.workers[0]?.status().cause?.startsWith("rate limited") === true);
      await acceptAll(["b", "c"]);
      expect((await ledger.controls()).holds.map(({ key }) => key)).toContain(`limited-${id}`);
      const report = await readLag({ routes: routes.routes, log, ledger, nowMs: Date.now() });
      expect(report.routes[0]).toMatchObject({ waiting: 0 });
      await until(async () => (await states()).join() === "a delivered,b delivered,c delivered");
      expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(2_400);
      expect(destination.sent).toHaveLength(4);
    });

    test("a destination that goes on refusing for its rate is asked by one call at a time; once it takes one, all go", async () => {
      const destination = testDestination();
      let refusing = true;
      destination.answers(({ key }) =>
        refusing ? { kind: "retry", because: "rate-limit", code: "429", reason: "slowly", retryAfterMs: 300 } : delivered(key),
      );
      const { start, states } = setUp({
        destination,
        destinations: "  'refusing-{id}': { connector: test }",
        routes: "  - { id: '{id}', to: 'refusing-{id}' }",
      });
      const running = await start();
      await held(running);
      await accept("first");
      await destination.attempts(1);
      const calls = Array.from({ length: 20 }, (_, index) => `c${index}`);
      await acceptAll(calls);
      // Four holds, each with the refusal of a single call after it.
      await destination.attempts(5);
      expect(destination.sent).toHaveLength(5);
      refusing = false;
      await until(async () => ended(await states(), "delivered") === 21);
      expect(destination.sent.length).toBeLessThanOrEqual(5 + 1 + 21);
    });

    test("a rate limit of one target holds its calls alone; other targets of the route go on", async () => {
      const destination = testDestination({ keeps: "message", duplicates: "find", targets: true });
      let refusals = 0;
      destination.answers(({ key, with: { text } }) => {
        if (text !== "slow" || refusals > 0) return delivered(key);
        refusals += 1;
        return { kind: "retry", because: "rate-limit", scope: "target", code: "429", reason: "slowly", retryAfterMs: 3_000 };
      });
      const { start, states, rows } = setUp({
        destination,
        routes: "  - { id: '{id}', to: there, share: [metadata], with: { text: '{{ metadata.channel }}' } }",
      });
      await held(await start());
      await accept("a", { metadata: { channel: "slow" } });
      await until(async () => (await states()).join() === "a waiting");
      await accept("b", { metadata: { channel: "slow" } });
      await accept("c", { metadata: { channel: "fast" } });
      await until(async () => (await states()).join() === "a waiting,b waiting,c delivered");
      expect((await rows())[1]).toMatchObject({ errorCode: "paced", attempts: 0 });
      await until(async () => (await states()).join() === "a delivered,b delivered,c delivered");
      expect(refusals).toBe(1);
    });

    test("`rate` is kept by all processes together", async () => {
      const destination = testDestination({ concurrency: 4 });
      const at: number[] = [];
      destination.answers(({ key }) => {
        at.push(performance.now());
        return delivered(key);
      });
      const { start, states } = setUp({
        destination,
        destinations: "  'paced-{id}': { connector: test, rate: 10/s }",
        routes: "  - { id: '{id}', to: 'paced-{id}' }",
      });
      const other = { log: await harness.openLog(), ledger: await harness.openLedger() };
      onTestFinished(async () => {
        await Promise.all([other.log.close(), other.ledger.close()]);
      });
      await held(await start());
      if (harness.shares) await held(await start(other));
      await acceptAll(callIds(21));
      await until(async () => ended(await states(), "delivered") === 21);
      expect(destination.sent).toHaveLength(21);
      // 20 intervals of 100 ms; the first may have had its place a little earlier than it was used.
      expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeGreaterThan(1_800);
    });

    test("a flood of rejections stops the route instead of turning the topic into dead letters; over a restart too", async () => {
      const destination = testDestination({ concurrency: 16 });
      destination.answers(() => rejected);
      const { id, start, states } = setUp({ destination });
      const running = await start();
      await held(running);
      await acceptAll(callIds(100));
      await until(() => running.workers[0]?.status().cause?.startsWith("too many rejections: ") === true);
      await until(async () => (await ledger.controls()).routes.some((one) => one.route === id));
      await running.stop({ graceMs: 2_000 });
      const dead = ended(await states(), "dead");
      expect(dead).toBeGreaterThanOrEqual(10);
      expect(dead).toBeLessThan(30);

      const again = await start();
      await until(() => again.workers[0]?.status().cause?.includes(`patchbay resume ${id}`) === true);
      const before = destination.sent.length;
      destination.answers(({ key }) => delivered(key));
      await ledger.resume({ route: id, by: "ann" });
      await until(async () => ended(await states(), "delivered") === 100 - dead);
      expect(destination.sent.length - before).toBe(100 - dead);
      // The dead ones can be replayed now.
      const keys = (await ledger.dead({ filter: { route: id }, limit: 100 })).map(({ route, source, callId }) => ({
        route,
        source,
        callId,
      }));
      await ledger.replayDead({ keys, everyMs: 0, routesVersion: "v" });
      await until(async () => ended(await states(), "delivered") === 100);
    });

    test("single rejections, and a `when` that fails, are no flood", async () => {
      const destination = testDestination();
      destination.answers(({ key }, nth) => (nth % 3 === 0 ? rejected : delivered(key)));
      const { start, states } = setUp({ destination });
      const running = await start();
      await held(running);
      await acceptAll(callIds(60));
      await until(async () => ended(await states(), "dead") + ended(await states(), "delivered") === 60);
      expect(running.workers[0]?.status().cause).toBeUndefined();
    });

    test("a paused route stands within two seconds and says who did it; resumed, it has lost nothing", async () => {
      const destination = testDestination();
      const { id, start, states } = setUp({ destination });
      const running = await start();
      await held(running);
      await accept("a");
      await until(async () => (await states()).join() === "a delivered");
      await ledger.pause({ route: id, kind: "person", reason: "the CRM moves", by: "ann" });
      await until(() => running.workers[0]?.status().cause === "paused by ann: the CRM moves");
      await acceptAll(["b", "c"]);
      await ledger.resume({ route: id, by: "ann" });
      await until(async () => (await states()).join() === "a delivered,b delivered,c delivered");
      expect(destination.sent).toHaveLength(3);
    });

    test("resumed with a skip, what came in during the pause is skipped with the reason, call by call", async () => {
      const destination = testDestination();
      const { id, start, states, rows } = setUp({ destination });
      const running = await start();
      await held(running);
      await ledger.pause({ route: id, kind: "person", reason: "the CRM moves", by: "ann" });
      await until(() => running.workers[0]?.status().cause !== undefined);
      await acceptAll(["b", "c"]);
      await ledger.resume({ route: id, by: "ann", skipBefore: { before: Date.now() + 1, reason: "skipped by ann: entered by hand" } });
      await until(() => running.workers[0]?.status().cause === undefined);
      await new Promise((resolve) => setTimeout(resolve, 5));
      await accept("d");
      await until(async () => (await states()).join() === "b skipped,c skipped,d delivered");
      expect((await rows())[0]?.reason).toBe("skipped by ann: entered by hand");
    });

    test("a forgotten call does not come back", async () => {
      const destination = testDestination();
      const { start, states } = setUp({ destination });
      const callId = randomUUID();
      await ledger.forget({ source: "main", callId, hash: forgottenHash("main", callId) });
      await held(await start());
      await accept(callId);
      await until(async () => (await states()).join() === `${callId} skipped`);
      expect(destination.sent).toEqual([]);
    });

    test("later versions of a forgotten call are on no route, nor in a log that can erase; whatever comes again, the audit is whole", async () => {
      const destination = testDestination();
      const { id, start, states } = setUp({
        destination,
        routes: "  - { id: '{id}', to: there }\n  - { id: '{id}-other', to: there, record: other }",
      });
      const callId = randomUUID();
      await ledger.forget({ source: "main", callId, hash: forgottenHash("main", callId) });
      await held(await start());
      // The second and the fourth are the same bytes: as a sender's late retry would bring them.
      for (const summary of ["one", "two", "three", "two"]) await accept(callId, { summary });
      await accept("last");
      for (const route of [id, `${id}-other`]) await until(async () => (await states(route)).includes("last delivered"));
      expect(destination.sent.filter(({ key }) => key.includes(callId))).toEqual([]);
      if (log.erase) {
        const kept: string[] = [];
        for await (const messages of readTopic({ log, topic: CALLS_TOPIC }))
          for (const { key, value } of messages) if (key.includes(callId)) kept.push(Buffer.from(value).toString());
        expect(kept).toEqual(["", "", "", ""]);
      }
      for (const route of [id, `${id}-other`]) {
        const audit = () => auditRoute({ route: { id: route }, log, ledger });
        await until(async () => (await audit()).unread === 0);
        expect((await audit()).examples).toEqual([]);
      }
    });

    test("a test call goes only to routes with tests: true", async () => {
      const destination = testDestination();
      const { id, start, states, rows } = setUp({
        destination,
        routes: "  - { id: '{id}-real', to: there }\n  - { id: '{id}-tests', to: there, record: tests, tests: true }",
      });
      await held(await start());
      await accept("test_1");
      await until(async () => (await states(`${id}-tests`)).join() === "test_1 delivered");
      await until(async () => (await states(`${id}-real`)).join() === "test_1 skipped");
      expect((await rows(`${id}-real`))[0]?.reason).toContain("test call");
      expect(keysOf(destination.sent)).toEqual(["main/test_1#tests"]);
    });

    test("an edit takes effect between two calls: nothing is lost or sent twice, and every row says which file made it", async () => {
      const destination = testDestination();
      const { id, load, start, states, rows } = setUp({ destination, routes: "  - { id: '{id}', to: there, with: { text: before } }" });
      const running = await start();
      await held(running);
      const next = load({
        routes: "  - { id: '{id}', to: there, with: { text: after } }\n  - { id: '{id}-new', to: there, record: new, start: beginning }",
      });
      const sending = acceptAll(callIds(60));
      await destination.attempts(10);
      await running.use({ routes: next, selected: next.routes });
      await sending;
      await accept("last");
      await until(async () => ended(await states(), "delivered") === 61);
      await until(async () => (await states(`${id}-new`)).includes("last delivered"));
      const here = destination.sent.filter(({ key }) => !key.endsWith("#new"));
      expect(here).toHaveLength(61);
      expect(new Set(here.map(({ with: { text } }) => text))).toEqual(new Set(["before", "after"]));
      const versions = new Map((await rows()).map(({ callId, routesVersion }) => [callId, routesVersion]));
      for (const {
        key,
        with: { text },
      } of here) {
        if (text === "after") expect(versions.get(key.slice("main/".length))).toBe(next.version);
      }
    });

    test("an edit that takes a route away stops it; put back, it goes on where it was", async () => {
      const destination = testDestination();
      const { load, routes, start, states } = setUp({ destination });
      const running = await start();
      await held(running);
      await accept("a");
      await until(async () => (await states()).join() === "a delivered");
      const without = load({ routes: "  - { id: '{id}-other', to: there, record: other }" });
      await running.use({ routes: without, selected: without.routes });
      expect(running.workers.map(({ route }) => route.id)).not.toContain(routes.routes[0]?.id);
      await accept("b");
      await running.use({ routes, selected: routes.routes });
      await until(async () => (await states()).join() === "a delivered,b delivered");
    });

    test("an edit of a destination's settings opens it anew; `rate` and credentials come with it", async () => {
      const destination = testDestination();
      const { load, start, states } = setUp({ destination, destinations: "  there: { connector: test, name: one }" });
      const running = await start();
      await held(running);
      await accept("a");
      await until(async () => (await states()).join() === "a delivered");
      const next = load({ destinations: "  there: { connector: test, name: two }" });
      await running.use({ routes: next, selected: next.routes });
      await accept("b");
      await until(async () => (await states()).join() === "a delivered,b delivered");
      expect(destination.opened).toEqual(["one", "two"]);
    });

    test("`was` carries position, waiting deliveries and dead letters to the new id", async () => {
      const destination = testDestination();
      destination.answers(({ key }) => {
        if (key === "main/dead") return rejected;
        return key === "main/waits"
          ? { kind: "retry", because: "record", code: "423", reason: "locked", retryAfterMs: 1_500 }
          : delivered(key);
      });
      const { id, load, start, states } = setUp({ destination, routes: "  - { id: '{id}-old', to: there }" });
      const running = await start();
      await held(running);
      await acceptAll(["dead", "done", "waits"]);
      await until(async () => (await states(`${id}-old`)).join() === "dead dead,done delivered,waits waiting");
      const next = load({ routes: "  - { id: '{id}-new', to: there, was: '{id}-old' }" });
      const using = running.use({ routes: next, selected: next.routes });
      await accept("later");
      destination.answers(({ key }) => delivered(key));
      await using;
      await until(async () => (await states(`${id}-new`)).join() === "dead dead,done delivered,later delivered,waits delivered");
      expect(await states(`${id}-old`)).toEqual([]);
      expect(destination.sent.filter(({ key }) => key === "main/done")).toHaveLength(1);
    });

    test("a message that may have been sent goes again where the file says so", async () => {
      const destination = testDestination({ keeps: "message", duplicates: "none" });
      destination.answers(({ key }, nth) => (nth === 0 ? { kind: "ambiguous", code: "ECONNRESET", reason: "no answer" } : delivered(key)));
      const { start, states } = setUp({ destination, destinations: "  there: { connector: test, on_ambiguous: send_again }" });
      await held(await start());
      await accept("a");
      await until(async () => (await states()).join() === "a delivered");
      expect(destination.sent).toHaveLength(2);
    });
  });
}
