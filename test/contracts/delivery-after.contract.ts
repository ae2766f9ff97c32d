import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ledger, Receipt } from "../../src/ledger/ledger.ts";
import type { Log } from "../../src/log/log.ts";
import { auditRoute, isWhole } from "../../src/operations/audit.ts";
import { readLag } from "../../src/views/lag.ts";
import { testDestination } from "../delivery/destination.ts";
import { createBench, held } from "../delivery/running-routes.ts";
import type { DeliveryHarness } from "./delivery.contract.ts";
import { until } from "./log.contract.ts";

const PERSON = { id: "101", kind: "contact", name: "Dana Example", owner: "ann@example.com", url: "https://crm.example/101" };
const LOGGED: Receipt = { id: "7", url: "https://crm.example/calls/7", person: PERSON, found: 1 };

/** What `after` promises: a message that names the customer and links the record, never later than it says. For every pair of engines. */
export function describeAfter(harness: DeliveryHarness): void {
  describe(`a route that waits for another one, on ${harness.name}`, () => {
    let log: Log;
    let ledger: Ledger;
    beforeAll(async () => {
      [log, ledger] = await Promise.all([harness.openLog(), harness.openLedger()]);
    });
    afterAll(async () => {
      await Promise.all([log.close(), ledger.close()]);
      await harness.remove();
    });
    const bench = createBench(() => ({ log, ledger }));
    const { accept } = bench;

    /** Messages to a chat, which wait for the CRM. */
    function setUp(options: { wait?: string; edits?: boolean; crm?: string } = {}) {
      const { wait = "20s", edits = true, crm: crmRoute = "" } = options;
      const crm = testDestination({ title: "CRM" });
      const chat = testDestination({ keeps: "message", duplicates: "find", name: "chat", title: "Chat", edits });
      crm.answers(() => ({ kind: "delivered", receipt: LOGGED }));
      const TEXT = "{{ person.name | default: 'somebody' }} {{ record_url }}";
      const scene = bench.setUp({
        destination: crm,
        others: { chat: chat.connector },
        destinations: "  crm: { connector: test, timeout: 2s }\n  chat: { connector: chat, timeout: 2s }",
        routes: `  - { id: '{id}-crm', to: crm${crmRoute} }
  - { id: '{id}-chat', to: chat, after: { route: '{id}-crm', wait: ${wait} }, with: { text: "${TEXT}" } }`,
      });
      const chatRows = () => scene.rows(`${scene.id}-chat`);
      const texts = () => chat.sent.map((sent) => sent.with.text);
      return { ...scene, crm, chat, chatRows, texts };
    }

    test("goes with the other's receipt: the template names the person, the connector gets person and link", async () => {
      const { start, chat, chatRows, texts, events, id } = setUp();
      await held(await start());
      await accept("a");
      await until(async () => (await chatRows())[0]?.state === "delivered");
      expect(texts()).toEqual([`Dana Example ${LOGGED.url}`]);
      expect(chat.sent[0]?.related).toEqual({ title: "CRM", url: LOGGED.url, person: PERSON });
      expect((await chatRows())[0]).toMatchObject({ awaits: undefined, attempts: 0 });
      // Within the second that a CRM takes nothing is written beside the two ends.
      expect(events.filter(({ route }) => route === `${id}-chat`).map(({ kind }) => kind)).toEqual(["delivered"]);
    });

    test("waits in the ledger while the other takes long, which is no failure; it holds nobody up, and no figure says that it is stuck", async () => {
      const { start, crm, chat, chatRows, texts, id, routes } = setUp();
      const gate = Promise.withResolvers<void>();
      crm.answers(async ({ call }) => {
        if (call.call_id === "slow") await gate.promise;
        return { kind: "delivered", receipt: LOGGED };
      });
      const running = await start();
      await held(running);
      await accept("slow");
      await until(async () => (await chatRows())[0]?.state === "waiting");
      expect((await chatRows())[0]).toMatchObject({ errorCode: "after", reason: `waits for route ${id}-crm`, attempts: 0 });
      await accept("quick");
      await until(() => texts().length === 1);
      const worker = running.workers.find(({ route }) => route.id === `${id}-chat`);
      expect(worker?.status().cause).toBeUndefined();
      const report = await readLag({ routes: routes.routes, log, ledger, nowMs: Date.now() });
      expect(report.routes[1]).toMatchObject({ waiting: 1, dead: 0 });
      const audit = await auditRoute({ route: { id: `${id}-chat` }, log, ledger });
      expect({ whole: isWhole(audit), gaps: audit.gaps }).toEqual({ whole: true, gaps: 0 });
      gate.resolve();
      await until(async () => (await chatRows()).every(({ state }) => state === "delivered"));
      expect(chat.sent.find(({ call }) => call.call_id === "slow")?.related).toMatchObject({ person: PERSON });
      expect(texts()).toHaveLength(2);
    });

    test("never waits longer than it says, and is edited once the other has delivered; the message is one", async () => {
      const { start, crm, chat, chatRows, texts, id } = setUp({ wait: "2s" });
      const gate = Promise.withResolvers<void>();
      crm.answers(async () => {
        await gate.promise;
        return { kind: "delivered", receipt: LOGGED };
      });
      // Longer than the CRM's time-out: what it answers then counts as ambiguous, and it is asked again.
      await held(await start());
      const acceptedAt = Date.now();
      await accept("a");
      await chat.attempts(1);
      expect(Date.now() - acceptedAt).toBeGreaterThan(1_900);
      expect(Date.now() - acceptedAt).toBeLessThan(6_000);
      expect(texts()).toEqual(["somebody "]);
      await until(async () => (await chatRows())[0]?.state === "delivered");
      expect((await chatRows())[0]).toMatchObject({ awaits: `${id}-crm` });
      gate.resolve();
      await chat.attempts(2);
      await until(async () => (await chatRows())[0]?.state === "delivered");
      expect(chat.sent[1]).toMatchObject({ previous: { id: `id of main/a/${id}-chat` }, related: { url: LOGGED.url } });
      expect(texts()[1]).toBe(`Dana Example ${LOGGED.url}`);
      expect((await chatRows())[0]).toMatchObject({ awaits: undefined });
    });

    test("goes at once without it where the other does not want the call; nobody looks for it later", async () => {
      const { start, chat, chatRows } = setUp({ crm: ", when: 'duration_seconds > 100'" });
      await held(await start());
      const acceptedAt = Date.now();
      await accept("a");
      await chat.attempts(1);
      expect(Date.now() - acceptedAt).toBeLessThan(10_000);
      expect(chat.sent[0]?.related).toBeUndefined();
      await until(async () => (await chatRows())[0]?.state === "delivered");
      expect((await chatRows())[0]?.awaits).toBeUndefined();
    });

    test("goes at once without it where the other has given up; its dead letter, replayed, is added all the same", async () => {
      const { start, crm, chat, chatRows, texts, id } = setUp();
      crm.answers(() => ({ kind: "rejected", code: "400", reason: "no such field" }));
      await held(await start());
      const acceptedAt = Date.now();
      await accept("a");
      await chat.attempts(1);
      expect(Date.now() - acceptedAt).toBeLessThan(10_000);
      await until(async () => (await chatRows())[0]?.state === "delivered");
      crm.answers(() => ({ kind: "delivered", receipt: LOGGED }));
      const keys = [{ route: `${id}-crm`, source: "main", callId: "a" }];
      expect(await ledger.replayDead({ keys, everyMs: 0, routesVersion: "v" })).toBe(1);
      await chat.attempts(2);
      expect(texts()).toEqual(["somebody ", `Dana Example ${LOGGED.url}`]);
    });

    test("counts from when the call was accepted: a backlog does not wait again, call by call", async () => {
      const { start, crm, chat, chatRows, events, id } = setUp({ wait: "60s" });
      crm.answers(() => new Promise(() => undefined));
      await held(await start());
      for (const callId of ["a", "b", "c"]) await accept(callId, {}, 120_000);
      await until(async () => (await chatRows()).filter(({ state }) => state === "delivered").length === 3);
      expect(chat.sent.map(({ related }) => related)).toEqual([undefined, undefined, undefined]);
      expect(events.filter(({ route, kind }) => route === `${id}-chat` && kind === "waiting")).toEqual([]);
    });

    test("what cannot be edited is sent once, without it, and nobody looks for it later", async () => {
      const { start, crm, chat, chatRows } = setUp({ wait: "1s", edits: false });
      crm.answers(() => new Promise(() => undefined));
      await held(await start());
      await accept("a");
      await chat.attempts(1);
      await until(async () => (await chatRows())[0]?.state === "delivered");
      expect((await chatRows())[0]?.awaits).toBeUndefined();
    });

    test("an older version's receipt will do while a late summary is on its way to the CRM", async () => {
      const { start, crm, chat, chatRows } = setUp();
      await held(await start());
      await accept("a");
      await until(async () => (await chatRows())[0]?.state === "delivered");
      crm.answers(() => new Promise(() => undefined));
      await accept("a", { summary: "late" });
      await chat.attempts(2);
      expect(chat.sent[1]).toMatchObject({ call: { summary: "late" }, related: { person: PERSON } });
    });

    test("goes with what the CRM makes of this version, though it has left out the one before", async () => {
      const { start, crm, chat, chatRows, texts } = setUp({ wait: "1s", crm: ", when: 'duration_seconds > 100'" });
      const gate = Promise.withResolvers<void>();
      crm.answers(async () => {
        await gate.promise;
        return { kind: "delivered", receipt: LOGGED };
      });
      await held(await start());
      await accept("a");
      await until(async () => (await chatRows())[0]?.state === "delivered");
      await accept("a", { summary: "late", duration_seconds: 200 });
      await chat.attempts(2);
      gate.resolve();
      await until(() => texts().at(-1) === `Dana Example ${LOGGED.url}`);
      await until(async () => (await chatRows())[0]?.awaits === undefined);
    });

    test("what is final, as one line of many calls is, gets nothing later, though others are edited", async () => {
      const { start, crm, chat, chatRows } = setUp({ wait: "1s" });
      crm.answers(() => new Promise(() => undefined));
      chat.answers(({ key }) => ({ kind: "delivered", receipt: { id: key }, final: true }));
      await held(await start());
      await accept("a");
      await until(async () => (await chatRows())[0]?.state === "delivered");
      expect((await chatRows())[0]?.awaits).toBeUndefined();
    });

    test("a record that the log fails to give holds up no other message's edit, and nobody says that the ledger is away", async () => {
      const { start, crm, chat, chatRows, id } = setUp({ wait: "1s" });
      crm.answers(() => new Promise(() => undefined));
      let failing = -1;
      const read: Log["read"] = async (options) => {
        if (options.from === failing) throw new Error("the broker has gone");
        return log.read(options);
      };
      const running = await start({
        log: new Proxy(log, { get: (target, name: keyof Log) => (name === "read" ? read : bound(target, name)) }),
      });
      await held(running);
      await accept("a");
      await accept("b");
      await until(async () => (await chatRows()).filter(({ awaits, state }) => state === "delivered" && awaits !== undefined).length === 2);
      failing = (await chatRows())[0]?.offset ?? -1;
      crm.answers(() => ({ kind: "delivered", receipt: LOGGED }));
      const worker = running.workers.find(({ route }) => route.id === `${id}-chat`);
      await until(async () => (await chatRows())[1]?.awaits === undefined && (await chatRows())[1]?.state === "delivered");
      expect((await chatRows())[0]).toMatchObject({ state: "delivered", awaits: `${id}-crm` });
      expect(worker?.status().cause).toBeUndefined();
      failing = -1;
      await until(async () => (await chatRows())[0]?.awaits === undefined && (await chatRows())[0]?.state === "delivered");
      expect(chat.sent).toHaveLength(4);
    });

    test("a message whose record the log has lost stays as it is, and is looked for no longer", async () => {
      const { start, crm, chat, chatRows, id } = setUp({ wait: "1s" });
      crm.answers(() => new Promise(() => undefined));
      const running = await start({
        log: new Proxy(log, { get: (target, name: keyof Log) => (name === "read" ? async () => [] : bound(target, name)) }),
      });
      await held(running);
      await accept("a");
      await chat.attempts(1);
      await until(async () => (await chatRows())[0]?.awaits === `${id}-crm`);
      crm.answers(() => ({ kind: "delivered", receipt: LOGGED }));
      await until(async () => (await chatRows())[0]?.awaits === undefined);
      expect((await chatRows())[0]?.state).toBe("delivered");
      expect(chat.sent).toHaveLength(1);
    });
  });
}

function bound(target: Log, name: keyof Log): unknown {
  const value = target[name];
  return typeof value === "function" ? value.bind(target) : value;
}
