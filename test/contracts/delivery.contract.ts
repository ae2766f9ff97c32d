import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { CannotTellError } from "../../src/connector/index.ts";
import type { DeliveryRow, Ledger } from "../../src/ledger/ledger.ts";
import { CALLS_TOPIC, type Log } from "../../src/log/log.ts";
import { auditRoute } from "../../src/operations/audit.ts";
import { readLag } from "../../src/views/lag.ts";
import { testDestination } from "../delivery/destination.ts";
import { createBench, held, keysOf } from "../delivery/running-routes.ts";
import { until } from "./log.contract.ts";

export interface DeliveryHarness {
  name: string;
  /** Opens the same log each time: another connection, as another process would. */
  openLog(): Promise<Log>;
  openLedger(): Promise<Ledger>;
  remove(): Promise<void>;
  /** Whether two processes may hold one route. */
  shares: boolean;
}

/** What a route worker promises (house plan §3, steps 4 to 7), for every pair of engines. */
export function describeDelivery(harness: DeliveryHarness): void {
  describe(`a route worker on ${harness.name}`, () => {
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

    test("sends every call once, keeps the receipt, and is then caught up", async () => {
      const destination = testDestination();
      const { id, routes, start, states, rows } = setUp({ destination });
      await held(await start());
      await acceptAll(["a", "b", "c"]);
      await until(async () => (await states()).join() === "a delivered,b delivered,c delivered");
      expect(keysOf(destination.sent)).toEqual(["main/a", "main/b", "main/c"]);
      expect((await rows()).map(({ receipt }) => receipt?.id)).toEqual(["id of main/a", "id of main/b", "id of main/c"]);
      const report = () => readLag({ routes: routes.routes, log, ledger, nowMs: Date.now() });
      await until(async () => (await report()).routes[0]?.lag === 0);
      expect((await report()).routes[0]).toMatchObject({ route: id, waiting: 0, dead: 0 });
    });

    test("skips what `when` does not want, with the reason", async () => {
      const destination = testDestination();
      const { start, states, rows } = setUp({ destination, routes: "  - { id: '{id}', to: there, when: 'call_outcome == \"answered\"' }" });
      await held(await start());
      await accept("a");
      await accept("b", { call_outcome: "failed" });
      await until(async () => (await states()).join() === "a delivered,b skipped");
      expect((await rows())[1]?.reason).toMatch(/call_outcome/);
      expect(keysOf(destination.sent)).toEqual(["main/a"]);
    });

    test("the same record again is not sent again; a changed one updates the first", async () => {
      const destination = testDestination();
      const { start, states } = setUp({ destination });
      await held(await start());
      await accept("a");
      await accept("a");
      await accept("a", { summary: "Now with a summary" });
      await accept("b");
      await until(async () => destination.sent.length >= 3 && (await states()).join() === "a delivered,b delivered");
      const [first, second] = destination.sent.filter(({ key }) => key === "main/a");
      expect(first).toMatchObject({ previous: undefined, call: { call_id: "a" } });
      expect(second).toMatchObject({ previous: { id: "id of main/a" }, call: { summary: "Now with a summary" } });
      expect(destination.sent).toHaveLength(3);
    });

    test("an earlier version that comes again is left out, reported and shown; the newest stays at the destination", async () => {
      const destination = testDestination();
      const { id, start, states, rows, events } = setUp({ destination });
      await held(await start());
      await accept("a", { summary: "first" });
      await accept("a", { summary: "corrected" });
      await accept("a", { summary: "first" });
      await accept("b");
      await until(async () => (await states()).join() === "a delivered,b delivered");
      await until(async () => events.some((event) => event.kind === "skipped"));
      expect(destination.sent.filter(({ key }) => key === "main/a").map(({ call }) => call.summary)).toEqual(["first", "corrected"]);
      expect(events.find((event) => event.kind === "skipped")).toMatchObject({
        callId: "a",
        reason: "an earlier version of the call came again",
      });
      expect((await rows()).find(({ callId }) => callId === "a")).toMatchObject({ state: "delivered", returned: 1 });
      await until(async () => (await auditRoute({ route: { id }, log, ledger })).unread === 0);
      expect(await auditRoute({ route: { id }, log, ledger })).toMatchObject({ gaps: 0, returned: 1, superseded: 1 });
    });

    test("two calls whose ids differ by the sign of a second record have a record each", async () => {
      const destination = testDestination({ keeps: "record" });
      const second = "  - { id: '{id}', to: there }\n  - { id: '{id}-second', to: there, record: second }";
      const { start, rows } = setUp({ destination, routes: second });
      await held(await start());
      for (const callId of ["x", "x#second", "x%23second"]) await accept(callId);
      await destination.attempts(6);
      const keys = ["main/x", "main/x%23second", "main/x%2523second"];
      expect(keysOf(destination.sent)).toEqual(keys.flatMap((key) => [key, `${key}#second`]).sort());
      await until(async () => (await rows()).filter(({ state }) => state === "delivered").length === 3);
    });

    test("records of one call are sent in the log's order, never two at once", async () => {
      const destination = testDestination();
      const seen: string[] = [];
      const busy = new Set<string>();
      destination.answers(async ({ key, call }) => {
        expect(busy.has(key)).toBe(false);
        busy.add(key);
        await new Promise((resolve) => setTimeout(resolve, 20));
        busy.delete(key);
        seen.push(String(call.summary));
        return { kind: "delivered", receipt: { id: key } };
      });
      const { start } = setUp({ destination });
      await held(await start());
      for (const summary of ["1", "2", "3", "4"]) await accept("a", { summary });
      await until(() => seen.at(-1) === "4");
      expect(seen).toEqual([...seen].sort());
    });

    test("a first matching route keeps the record; later routes to the same destination say so", async () => {
      const destination = testDestination();
      const { id, start, states, rows } = setUp({
        destination,
        routes: `  - { id: '{id}-one', to: there, when: 'duration_seconds > 30' }
  - { id: '{id}-two', to: there }
  - { id: '{id}-three', to: there, record: extra }`,
      });
      await held(await start());
      await accept("a");
      await until(async () => (await Promise.all(["one", "two", "three"].map((name) => states(`${id}-${name}`)))).flat().length === 3);
      await until(async () => (await states(`${id}-three`)).join() === "a delivered");
      expect(await states(`${id}-one`)).toEqual(["a delivered"]);
      expect(await states(`${id}-two`)).toEqual(["a skipped"]);
      expect((await rows(`${id}-two`))[0]?.reason).toContain(`${id}-one`);
      expect(keysOf(destination.sent)).toEqual(["main/a", "main/a#extra"]);
    });

    test("what fails by itself waits, others pass it, and it is delivered when its time has come", async () => {
      const destination = testDestination();
      destination.answers(({ key }, nth) =>
        key === "main/a" && nth === 0
          ? { kind: "retry", because: "record", code: "423", reason: "locked", retryAfterMs: 4_000 }
          : { kind: "delivered", receipt: { id: key } },
      );
      const { start, states, rows } = setUp({ destination });
      await held(await start());
      await accept("a");
      await until(async () => (await states()).includes("a waiting"));
      expect((await rows())[0]).toMatchObject({ state: "waiting", errorCode: "423", reason: "locked", attempts: 1 });
      await accept("b");
      await until(async () => (await states()).includes("b delivered"));
      expect(keysOf(destination.sent)).toEqual(["main/a", "main/b"]);
      await until(async () => (await states()).join() === "a delivered,b delivered");
    });

    test("a newer record of a waiting call takes its place", async () => {
      const destination = testDestination();
      destination.answers((_, nth) =>
        nth === 0
          ? { kind: "retry", because: "record", code: "423", reason: "locked", retryAfterMs: 60_000 }
          : { kind: "delivered", receipt: { id: "7" } },
      );
      const { start, states } = setUp({ destination });
      await held(await start());
      await accept("a");
      await until(async () => (await states()).join() === "a waiting");
      await accept("a", { summary: "newer" });
      await until(async () => (await states()).join() === "a delivered");
      expect(destination.sent.map(({ call }) => call.summary)).toEqual([undefined, "newer"]);
    });

    test("what can never be delivered is a dead letter with its reason; the others go on", async () => {
      const destination = testDestination();
      destination.answers(({ key }) =>
        key === "main/a" ? { kind: "rejected", code: "400", reason: "no such field" } : { kind: "delivered", receipt: { id: key } },
      );
      const { start, states, rows } = setUp({ destination });
      await held(await start());
      await acceptAll(["a", "b"]);
      await until(async () => (await states()).join() === "a dead,b delivered");
      expect((await rows())[0]).toMatchObject({ errorCode: "400", reason: "no such field" });
    });

    test("a record that is no call, and a template that fails, are dead letters; the others go on", async () => {
      const destination = testDestination();
      const { start, states, rows } = setUp({
        destination,
        routes: "  - { id: '{id}', to: there, share: [metadata], with: { text: '{{ metadata.count | divided_by: metadata.zero }}' } }",
      });
      await held(await start());
      await log.append({ topic: CALLS_TOPIC, key: "main/a", value: Buffer.from("no JSON +14155550100"), headers: {} });
      await accept("b", { metadata: { count: 6, zero: 0 } });
      await accept("c", { metadata: { count: 6, zero: 2 } });
      await until(async () => (await states()).filter((state) => state.endsWith("dead") || state.endsWith("delivered")).length === 3);
      const [poison, ...others] = await rows();
      expect(poison).toMatchObject({ callId: "a", state: "dead", errorCode: "mapping_fault" });
      expect(JSON.stringify(poison)).not.toContain("4155550100");
      expect(others.at(-1)).toMatchObject({ callId: "c", state: "delivered" });
      expect(destination.sent.find(({ key }) => key === "main/c")?.with.text).toBe("3");
    });

    test("an attempt without an answer is ambiguous after its time-out: with a native key it is simply made again", async () => {
      const destination = testDestination();
      destination.answers(({ key }, nth) => (nth === 0 ? new Promise(() => undefined) : { kind: "delivered", receipt: { id: key } }));
      const { start, rows } = setUp({ destination, destinations: "  there: { connector: test, timeout: 300ms }" });
      await held(await start());
      await accept("a");
      await until(async () => (await rows())[0]?.state === "waiting");
      expect((await rows())[0]).toMatchObject({ errorCode: "TimeoutError", reason: expect.stringContaining("no answer") });
      await until(async () => (await rows())[0]?.state === "delivered");
      expect(keysOf(destination.sent)).toEqual(["main/a", "main/a"]);
    });

    test("where only a look-up tells, an ambiguous attempt is looked for before it is made again", async () => {
      const destination = testDestination({ keeps: "message", duplicates: "find" });
      destination.answers(({ previous, key }, nth) => {
        if (nth === 0) return { kind: "ambiguous", code: "ECONNRESET", reason: "no answer" };
        return { kind: "delivered", receipt: previous ?? { id: `second of ${key}` } };
      });
      destination.finds(async () => ({ id: "the first" }));
      const { start, rows } = setUp({ destination });
      await held(await start());
      await accept("a");
      await until(async () => (await rows())[0]?.state === "delivered");
      expect((await rows())[0]?.receipt).toEqual({ id: "the first" });
    });

    test("calls of which no look-up will ever tell are dead letters that hold up nobody; a replay sends them", async () => {
      const destination = testDestination({ keeps: "message", duplicates: "find" });
      destination.answers(({ key }, nth) =>
        nth < 4 ? { kind: "ambiguous", code: "ECONNRESET", reason: "no answer" } : { kind: "delivered", receipt: { id: key } },
      );
      destination.finds(() => Promise.reject(new CannotTellError("the channel has too many messages")));
      const { start, states, rows, load } = setUp({ destination });
      await held(await start());
      for (const call of ["a", "b", "c", "d"]) await accept(call);
      await until(async () => (await states()).filter((one) => one.endsWith(" dead")).length === 4);
      expect((await rows())[0]).toMatchObject({
        errorCode: "ambiguous",
        reason: expect.stringContaining("the channel has too many messages"),
      });
      await accept("e");
      await until(async () => (await states()).includes("e delivered"));
      expect(keysOf(destination.sent)).toHaveLength(5);
      const dead = (await rows()).filter(({ state }) => state === "dead");
      await ledger.replayDead({ keys: dead, everyMs: 0, routesVersion: load({}).version });
      await until(async () => (await states()).every((one) => one.endsWith(" delivered")));
    });

    test("where nothing tells, an ambiguous attempt is a dead letter: no second message is risked", async () => {
      const destination = testDestination({ keeps: "message", duplicates: "none" });
      destination.answers(() => ({ kind: "ambiguous", code: "ECONNRESET", reason: "no answer" }));
      const { start, rows } = setUp({ destination });
      await held(await start());
      await accept("a");
      await until(async () => (await rows())[0]?.state === "dead");
      expect(destination.sent).toHaveLength(1);
    });

    test("an edit without an answer is made again where a message can be changed: its receipt says which one, and nothing is looked for", async () => {
      for (const duplicates of ["none", "find"] as const) {
        const destination = testDestination({ keeps: "message", duplicates, edits: true });
        destination.answers(({ previous, key }, nth) =>
          nth === 1
            ? { kind: "ambiguous", code: "ECONNRESET", reason: "no answer" }
            : { kind: "delivered", receipt: previous ?? { id: `first of ${key}` } },
        );
        destination.finds(() => Promise.reject(new Error("the search is down")));
        const { start, states, rows } = setUp({ destination });
        await held(await start());
        await accept("a");
        await until(async () => (await states()).join() === "a delivered");
        await accept("a", { summary: "late" });
        await destination.attempts(2);
        await until(async () => !(await states()).join().includes("sending"));
        expect((await rows())[0]).toMatchObject({ state: "waiting", errorCode: "ECONNRESET" });
        await until(async () => (await states()).join() === "a delivered");
        expect(destination.sent[2]).toMatchObject({ previous: (await rows())[0]?.receipt, call: { summary: "late" } });
        expect(destination.sent).toHaveLength(3);
      }
    });

    test("a crash in the edit of a message does not give it up: the receipt says that the message is there", async () => {
      const destination = testDestination({ keeps: "message", duplicates: "none" });
      destination.answers(({ previous, key }) =>
        previous ? { kind: "skipped", reason: "no card is changed" } : { kind: "delivered", receipt: { id: key } },
      );
      const { id, start, states, rows } = setUp({ destination });
      const running = await start();
      await held(running);
      await accept("a");
      await until(async () => (await states()).join() === "a delivered");
      await running.stop({ graceMs: 1_000 });
      await accept("a", { summary: "late" });
      const { partition, offset, acceptedAt } = (await rows())[0] as DeliveryRow;
      const item = { route: id, source: "main", callId: "a", partition, offset: offset + 1, hash: "late", acceptedAt };
      expect((await ledger.claim({ worker: "crashed", leaseMs: 0, items: [item] }))[0]?.kind).toBe("claimed");
      await held(await start());
      await destination.attempts(2);
      await until(async () => !(await states()).join().includes("sending"));
      expect((await rows())[0]).toMatchObject({ errorCode: undefined, reason: "no card is changed", receipt: { id: `main/a/${id}` } });
    });

    test("a connector that throws, or answers for too few, loses nothing", async () => {
      const destination = testDestination({ maxCalls: 5, concurrency: 1 });
      destination.answers((_, nth) => {
        if (nth < 1) throw new TypeError("a fault of the connector");
        return { kind: "delivered", receipt: { id: "7" } };
      });
      const { start, states, rows } = setUp({ destination });
      await held(await start());
      await accept("a");
      await until(async () => (await rows())[0]?.state === "waiting");
      expect((await rows())[0]?.errorCode).toBe("connector_fault");
      await until(async () => (await states()).join() === "a delivered");
    });

    test("a refused credential keeps the calls and says what to mend; once it is mended they go on by themselves", async () => {
      const destination = testDestination();
      destination.answers(() => ({ kind: "needs-fix", code: "401", reason: "the token is refused", fix: "Make a new one" }));
      const { start, states } = setUp({ destination });
      const running = await start();
      await held(running);
      await acceptAll(["a", "b", "c"]);
      await until(() => running.workers[0]?.status().cause === "needs a fix: the token is refused. Make a new one");
      // It is opened anew for the next try, so that a new credential is read.
      await until(() => destination.closed.length > 0);
      expect((await states()).filter((state) => /waiting|dead/.test(state))).toEqual([]);
      destination.answers(({ key }) => ({ kind: "delivered", receipt: { id: key } }));
      await until(async () => (await states()).join() === "a delivered,b delivered,c delivered");
      expect(running.workers[0]?.status().cause).toBeUndefined();
    });

    test("a destination that is down costs only time: nothing waits, nothing dies, lag grows, one call at a time may try", async () => {
      const destination = testDestination();
      destination.answers(() => ({ kind: "retry", because: "down", code: "ECONNREFUSED", reason: "nobody listens" }));
      const { routes, start, states } = setUp({ destination });
      const running = await start();
      await held(running);
      await accept("call-0");
      await until(() => running.workers[0]?.status().cause === "destination down: nobody listens");
      const callIds = Array.from({ length: 200 }, (_, index) => `call-${index}`);
      await acceptAll(callIds.slice(1));
      const before = destination.sent.length;
      await destination.attempts(before + 2);
      const probes = destination.sent.slice(before).map(({ key }) => key);
      expect(new Set(probes).size).toBe(probes.length);
      expect(destination.sent.length).toBeLessThan(before + 5);
      const report = await readLag({ routes: routes.routes, log, ledger, nowMs: Date.now() });
      expect(report.routes[0]).toMatchObject({ lag: 200, waiting: 0, dead: 0 });
      destination.answers(({ key }) => ({ kind: "delivered", receipt: { id: key } }));
      await until(async () => (await states()).filter((state) => state.endsWith("delivered")).length === 200);
    });

    test("500s on three different calls are the destination's trouble; on one call they are its own", async () => {
      const odd = testDestination();
      odd.answers(({ key }) =>
        key === "main/odd"
          ? { kind: "retry", because: "server", code: "500", reason: "failed", retryAfterMs: 100 }
          : { kind: "delivered", receipt: { id: key } },
      );
      const one = setUp({ destination: odd });
      const first = await one.start();
      await held(first);
      await accept("odd");
      await odd.attempts(6);
      await accept("fine");
      await until(async () => (await one.states()).includes("fine delivered"));
      expect(first.workers[0]?.status().cause).toBeUndefined();
      await first.stop({ graceMs: 1_000 });

      const broken = testDestination();
      broken.answers(() => ({ kind: "retry", because: "server", code: "500", reason: "failed" }));
      const all = setUp({ destination: broken });
      const second = await all.start();
      await held(second);
      await acceptAll(["a", "b", "c"]);
      await until(() => second.workers[0]?.status().cause === "destination down: failed");
    });

    test("routes do not feel each other: one destination hangs, the other gets everything", async () => {
      const hanging = testDestination();
      hanging.answers(() => new Promise(() => undefined));
      const healthy = testDestination();
      const { id, start, states } = setUp({
        destination: hanging,
        others: { healthy: { ...healthy.connector, name: "healthy" } },
        destinations: "  there: { connector: test, timeout: 15s }\n  here: { connector: healthy }",
        routes: "  - { id: '{id}-hangs', to: there }\n  - { id: '{id}-flows', to: here }",
      });
      await held(await start());
      const callIds = Array.from({ length: 200 }, (_, index) => `call-${index}`);
      await acceptAll(callIds);
      await until(async () => (await states(`${id}-flows`)).filter((state) => state.endsWith("delivered")).length === 200);
      expect(hanging.inFlight()).toBe(64);
    });

    test("stopping lets what is being sent end, and a restart sends nothing twice", async () => {
      const destination = testDestination({ concurrency: 6 });
      const gate = Promise.withResolvers<void>();
      destination.answers(async ({ key }) => {
        await gate.promise;
        return { kind: "delivered", receipt: { id: key } };
      });
      const { start, states } = setUp({ destination });
      const first = await start();
      await held(first);
      await acceptAll(Array.from({ length: 20 }, (_, index) => `call-${index + 10}`));
      await destination.attempts(6);
      const stopping = first.stop({ graceMs: 10_000 });
      gate.resolve();
      await stopping;
      expect(destination.inFlight()).toBe(0);
      await held(await start());
      await until(async () => (await states()).filter((state) => state.endsWith("delivered")).length === 20);
      expect(destination.sent).toHaveLength(20);
      expect(new Set(keysOf(destination.sent)).size).toBe(20);
    });

    test("a second process that joins while six attempts are in flight does not send them again", async () => {
      const destination = testDestination({ concurrency: 6 });
      const gate = Promise.withResolvers<void>();
      destination.answers(async ({ key }, nth) => {
        if (nth < 6) await gate.promise;
        return { kind: "delivered", receipt: { id: key } };
      });
      const { start, states } = setUp({ destination, destinations: "  there: { connector: test, timeout: 15s }" });
      await held(await start());
      const callIds = Array.from({ length: 40 }, (_, index) => `call-${index + 10}`);
      await acceptAll(callIds);
      await destination.attempts(6);
      const other = { log: await harness.openLog(), ledger: await harness.openLedger() };
      onTestFinished(async () => {
        await Promise.all([other.log.close(), other.ledger.close()]);
      });
      const second = await start(other);
      // Kafka lets it join once the six have ended; the embedded log has it stand by.
      if (!harness.shares) expect(second.workers[0]?.status().cause).toBe("standby");
      setTimeout(gate.resolve, 1_000);
      await until(async () => (await states()).filter((state) => state.endsWith("delivered")).length === 40);
      expect(keysOf(destination.sent)).toEqual(callIds.map((callId) => `main/${callId}`));
    });

    test("while the ledger is away the route stands still and says so; then it goes on and has lost nothing", async () => {
      const destination = testDestination();
      let away = false;
      const unreliable = new Proxy(ledger, {
        get(target, name: keyof Ledger) {
          const value = target[name];
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => (away ? Promise.reject(new Error("connection lost")) : Reflect.apply(value, target, args));
        },
      });
      const { start, states } = setUp({ destination });
      const running = await start({ ledger: unreliable });
      await held(running);
      await accept("a");
      await until(async () => (await states()).join() === "a delivered");
      away = true;
      await acceptAll(["b", "c"]);
      await until(() => running.workers[0]?.status().cause === "ledger away");
      expect(destination.sent).toHaveLength(1);
      away = false;
      await until(async () => (await states()).join() === "a delivered,b delivered,c delivered");
      expect(running.workers[0]?.status().cause).toBeUndefined();
      expect(destination.sent).toHaveLength(3);
    });

    test("`start: beginning` sees what the log still has; `now` what comes after it first ran, also over a restart", async () => {
      const callId = `old-${randomUUID()}`;
      await accept(callId);
      const destination = testDestination();
      const { id, start, states } = setUp({
        destination,
        routes: "  - { id: '{id}-all', to: there, start: beginning }\n  - { id: '{id}-new', to: there, record: new }",
      });
      const first = await start();
      await held(first);
      await until(async () => (await states(`${id}-all`)).includes(`${callId} delivered`));
      await first.stop({ graceMs: 1_000 });
      await accept("between");
      await held(await start());
      await until(async () => (await states(`${id}-new`)).join() === "between delivered");
    });

    test("a route that is off in the file reads nothing, loses nothing, and lag says why", async () => {
      const destination = testDestination();
      const { routes, start, rows } = setUp({ destination, routes: "  - { id: '{id}', to: there, enabled: false }" });
      expect((await start()).workers).toEqual([]);
      await accept("a");
      const report = await readLag({ routes: routes.routes, log, ledger, nowMs: Date.now() });
      expect(report.routes[0]).toMatchObject({ cause: "paused by routes.yaml (enabled: false)", replicas: 0 });
      expect(await rows()).toEqual([]);
    });
  });
}
