import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Claim, DeliveryKey, Ledger, Settlement } from "../../src/ledger/ledger.ts";
import type { ReplayItem } from "../../src/ledger/operations.ts";
import { systemUser } from "../../src/lib/process/system-user.ts";
import { verifyActions } from "../../src/operations/verify-actions.ts";
import type { LedgerHarness } from "./ledger.contract.ts";

const body = Buffer.from([0, 1, 2, 255, 0]);
const DEAD = { kind: "dead" as const, errorCode: "400", reason: "never", body } satisfies Settlement;

/** The promises of `src/ledger/controls.ts` and `src/ledger/operations.ts`, for every engine. */
export function describeLedgerRepairs(harness: LedgerHarness): void {
  describe(`what people decide, in the ledger on ${harness.name}`, () => {
    let ledger: Ledger;
    beforeAll(async () => {
      ledger = await harness.open();
    });
    afterAll(async () => {
      await ledger.close();
      await harness.remove();
    });

    const newRoute = () => `r-${randomUUID()}`;
    async function claimed(route: string, callId: string, offset = 1, hash = "h1"): Promise<Claim> {
      const item = { route, source: "s", callId, partition: 0, offset, hash, acceptedAt: 1_700_000_000_000 };
      const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [item] });
      if (answer?.kind !== "claimed") throw new Error(`expected a claim, got ${answer?.kind}`);
      return answer.claim;
    }
    async function ended(route: string, callId: string, settlement: Settlement, offset = 1, hash = "h1"): Promise<void> {
      const claim = await claimed(route, callId, offset, hash);
      await ledger.settle([{ route, source: "s", callId, claimId: claim.claimId, settlement, routesVersion: "v1" }]);
    }
    const keyOf = (route: string, callId: string) => ({ route, source: "s", callId });
    const rowOf = async (route: string, callId: string) => (await ledger.deliveries({ route, callId, limit: 1 }))[0];
    const due = (route: string) => ledger.claimDue({ route, worker: "w2", leaseMs: 60_000, max: 10 });
    const item = (route: string, callId: string, offset: number, hash = "h1"): ReplayItem => ({
      ...keyOf(route, callId),
      partition: 0,
      offset,
      hash,
      acceptedAt: 1_700_000_000_000,
      body,
    });
    const delivered = (id: string): Settlement => ({ kind: "delivered", receipt: { id }, sentFields: [] });
    const controlOf = async (route: string) => (await ledger.controls()).routes.find((one) => one.route === route);

    describe("age and pace", () => {
      test("failures age a delivery, a wait for its place does not; a newer record begins young", async () => {
        const route = newRoute();
        const waiting = { kind: "waiting", dueInMs: 0, errorCode: "423", reason: "locked", body } as const;
        await ended(route, "c", { ...waiting, paced: true });
        const [paced] = await due(route);
        expect(paced).toMatchObject({ paced: true, attempts: 0, agedMs: 0 });
        const settle = (claimId: string, settlement: Settlement) =>
          ledger.settle([{ ...keyOf(route, "c"), claimId, settlement, routesVersion: "v1" }]);
        await settle(paced?.claimId ?? "", { ...waiting, dueInMs: -5 });
        const [failed] = await due(route);
        expect(failed).toMatchObject({ paced: false, attempts: 1, agedMs: -5 });
        await settle(failed?.claimId ?? "", waiting);
        expect(await claimed(route, "c", 2, "h2")).toMatchObject({ paced: false, attempts: 0, agedMs: 0 });
      });

      test("places at a limiter come one interval apart, whoever asks; a hold moves all later ones", async () => {
        const key = randomUUID();
        expect(await ledger.reserve({ key, count: 2, intervalMs: 10_000 })).toBe(0);
        const third = await ledger.reserve({ key, count: 1, intervalMs: 10_000 });
        expect(third).toBeGreaterThan(15_000);
        expect(third).toBeLessThanOrEqual(20_000);
        await ledger.holdBack({ key, forMs: 60_000 });
        await ledger.holdBack({ key, forMs: 1_000 });
        expect(await ledger.reserve({ key, count: 1, intervalMs: 10_000 })).toBeGreaterThan(50_000);
        const hold = (await ledger.controls()).holds.find((one) => one.key === key);
        expect(hold?.forMs).toBeGreaterThan(50_000);
      });
    });

    describe("a pause", () => {
      test("keeps its first reason, is told to everyone, ends with resume; who and when is kept", async () => {
        const route = newRoute();
        expect(await ledger.pause({ route, kind: "flood", reason: "12 of 20 rejected", by: "guard" })).toBe(true);
        expect(await ledger.pause({ route, kind: "person", reason: "later", by: "ann" })).toBe(false);
        expect((await controlOf(route))?.pause).toMatchObject({ kind: "flood", reason: "12 of 20 rejected", by: "guard" });
        expect(await ledger.resume({ route, by: "ann" })).toBe(true);
        expect(await ledger.resume({ route, by: "bob" })).toBe(false);
        expect(await controlOf(route)).toBeUndefined();
        const actions = await ledger.actions({ route, limit: 10 });
        expect(actions.map(({ by, action }) => `${by} ${action}`).sort()).toEqual(["ann resume", "guard pause"]);
      });

      test("resumed with a skip says from when on calls are wanted, and why; an earlier time does not undo it", async () => {
        const route = newRoute();
        await ledger.pause({ route, kind: "person", reason: "holiday", by: "ann" });
        await ledger.resume({ route, by: "ann", skipBefore: { reason: "old news" } });
        const first = (await controlOf(route))?.skipBefore;
        expect(first).toMatchObject({ reason: "old news" });
        expect(Math.abs((first?.before ?? 0) - Date.now())).toBeLessThan(60_000);
        await ledger.resume({ route, by: "ann", skipBefore: { before: 5, reason: "x" } });
        expect((await controlOf(route))?.skipBefore?.before).toBe(first?.before);
      });

      test("does not hide a route's start", async () => {
        const route = newRoute();
        await ledger.pause({ route, kind: "person", reason: "x", by: "ann" });
        const start = await ledger.routeStart({ route, resolve: async () => [{ partition: 0, offset: 7 }] });
        expect(start).toEqual([{ partition: 0, offset: 7 }]);
        expect((await controlOf(route))?.pause).toBeDefined();
      });
    });

    describe("actions", () => {
      test("are sealed one with the other, in the order in which they were noted, by several at once too", async () => {
        const others = await Promise.all([harness.open(), harness.open()]);
        const before = (await verifyActions({ ledger })).count;
        await Promise.all(
          [ledger, ...others].flatMap((one, index) =>
            Array.from({ length: 15 }, (_, n) => one.note({ by: `p${index}`, route: "r", action: "read", detail: `${n}` })),
          ),
        );
        const report = await verifyActions({ ledger });
        expect(report).toMatchObject({ count: before + 45, faults: [] });
        const rows = await ledger.sealedActions({ after: before, limit: 100 });
        expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 45 }, (_, n) => before + 1 + n));
        expect(new Set(rows.map(({ system }) => system))).toEqual(new Set([systemUser()]));
        const whoAndWhat = rows.map(({ by, detail }) => `${by} ${detail}`).sort();
        expect(whoAndWhat).toEqual([0, 1, 2].flatMap((index) => Array.from({ length: 15 }, (_, n) => `p${index} ${n}`)).sort());
        // What was noted later does not break what was written down of it.
        expect((await verifyActions({ ledger, against: report.head })).faults).toEqual([]);
        await ledger.note({ by: "later", route: "", action: "read", detail: "odd \u0000 text \ud800" });
        expect((await verifyActions({ ledger, against: report.head })).faults).toEqual([]);
        expect((await verifyActions({ ledger, against: "7-0123456789abcdef" })).faults).toHaveLength(1);
        await Promise.all(others.map((one) => one.close()));
      });
    });

    describe("dead letters", () => {
      test("are found by route, code and time, and show their body", async () => {
        const route = newRoute();
        await ended(route, "a", DEAD);
        await ended(route, "b", { ...DEAD, errorCode: "mapping_fault" });
        const found = await ledger.dead({ filter: { route, errorCode: "mapping_fault" }, limit: 10 });
        expect(found.map(({ callId }) => callId)).toEqual(["b"]);
        expect(await ledger.dead({ filter: { route, until: 5 }, limit: 10 })).toEqual([]);
        expect(Buffer.from((await ledger.body(keyOf(route, "a"))) ?? [])).toEqual(body);
        expect(await ledger.body(keyOf(route, "nobody"))).toBeUndefined();
      });

      test("replayed by two people at once wait once, due one after the other, without their past failures", async () => {
        const route = newRoute();
        for (const callId of ["a", "b", "c"]) await ended(route, callId, DEAD);
        const keys = ["a", "b", "c"].map((callId) => keyOf(route, callId));
        const other = await harness.open();
        const changed = await Promise.all([ledger, other].map((one) => one.replayDead({ keys, everyMs: 60_000, routesVersion: "v2" })));
        await other.close();
        expect(changed.reduce((sum, n) => sum + n, 0)).toBe(3);
        expect(await ledger.replaying(route)).toBe(3);
        expect(await due(route)).toMatchObject([{ callId: "a", attempts: 0, agedMs: 0, replay: true, ambiguous: false }]);
      });

      test("keep in mind that an earlier attempt may have arrived", async () => {
        const route = newRoute();
        await ended(route, "a", { ...DEAD, ambiguous: true });
        await ledger.replayDead({ keys: [keyOf(route, "a")], everyMs: 0, routesVersion: "v2" });
        expect(await due(route)).toMatchObject([{ callId: "a", ambiguous: true, replay: true }]);
      });

      test("discarded are skipped with the reason, or stay delivered; no body is left, and once is enough", async () => {
        const route = newRoute();
        await ended(route, "a", DEAD);
        await ended(route, "b", delivered("1"));
        await ended(route, "b", DEAD, 2, "h2");
        const keys = [keyOf(route, "a"), keyOf(route, "b"), keyOf(route, "nobody")];
        expect(await ledger.discardDead({ keys, reason: "discarded by ann: test data" })).toBe(2);
        expect(await ledger.discardDead({ keys, reason: "again" })).toBe(0);
        expect(await rowOf(route, "a")).toMatchObject({ state: "skipped", reason: "discarded by ann: test data" });
        expect(await rowOf(route, "b")).toMatchObject({ state: "delivered", receipt: { id: "1" } });
        expect(await ledger.body(keyOf(route, "a"))).toBeUndefined();
      });
    });

    describe("a replay", () => {
      test("queues what is new, skipped or dead; leaves what is delivered, newer or under way", async () => {
        const route = newRoute();
        await ended(route, "dead", DEAD);
        await ended(route, "skipped", { kind: "skipped", reason: "when is false" });
        await ended(route, "delivered", delivered("1"));
        await ended(route, "newer", DEAD, 9);
        await claimed(route, "open");
        const items = ["new", "dead", "skipped", "delivered", "newer", "open"].map((callId) => item(route, callId, 5));
        const queue = (again: boolean) => ledger.enqueue({ items, dueInMs: 0, only: "all", again });
        expect(await queue(false)).toEqual(["queued", "queued", "queued", "delivered", "newer", "open"]);
        expect(await queue(true)).toEqual(["open", "open", "open", "queued", "newer", "open"]);
        const taken = await due(route);
        expect(taken.map(({ callId }) => callId).sort()).toEqual(["dead", "delivered", "new", "skipped"]);
        expect(taken.find(({ callId }) => callId === "delivered")).toMatchObject({ receipt: { id: "1" }, replay: true, offset: 5 });
      });

      test("of failures alone touches nothing else", async () => {
        const route = newRoute();
        await ended(route, "dead", DEAD);
        await ended(route, "skipped", { kind: "skipped", reason: "when is false" });
        const items = ["new", "dead", "skipped"].map((callId) => item(route, callId, 5));
        expect(await ledger.enqueue({ items, dueInMs: 0, only: "failed", again: false })).toEqual(["skipped", "queued", "skipped"]);
        expect(await rowOf(route, "new")).toBeUndefined();
      });

      test("keeps what it needs to go on where it stopped", async () => {
        const id = randomUUID();
        await ledger.saveReplay({ id, spec: "one" });
        await ledger.saveReplay({ id, spec: "two" });
        expect(await ledger.replay(id)).toMatchObject({ id, spec: "two" });
        expect((await ledger.replays()).map((job) => job.id)).toContain(id);
        expect(await ledger.replay("nobody")).toBeUndefined();
      });
    });

    describe("whom a call is logged on", () => {
      const at = (id: string, found?: number): Settlement => ({
        kind: "delivered",
        receipt: { id, person: { id: `p${id}`, kind: "contact", name: "Dana Example" }, ...(found === undefined ? {} : { found }) },
        sentFields: [],
      });

      test("calls that found nobody or several people are listed, newest first; those that were not asked for are not", async () => {
        const route = newRoute();
        await ended(route, "one", at("1", 1));
        await ended(route, "nobody", { ...at("2"), receipt: { id: "2", found: 0 } } as Settlement);
        await ended(route, "not asked", at("3"));
        await ended(route, "several", at("4", 3));
        await ended(route, "dead", DEAD);
        const listed = async (more: { callId?: string } = {}) =>
          (await ledger.deliveries({ route, unmatched: true, limit: 10, ...more })).map(({ callId }) => callId);
        expect((await listed()).sort()).toEqual(["nobody", "several"]);
        expect(await listed({ callId: "several" })).toEqual(["several"]);
        expect((await ledger.deliveries({ unmatched: true, limit: 1_000 })).map((row) => row.route)).toContain(route);
        // A later version found one.
        await ended(route, "several", at("4", 1), 2, "h2");
        expect(await listed()).toEqual(["nobody"]);
      });

      test("a person's decision changes the receipt that they saw, once, and the call is listed no more", async () => {
        const route = newRoute();
        await ended(route, "c", at("1", 3));
        const from = (await rowOf(route, "c"))?.receipt ?? { id: "" };
        const to = { ...from, person: { id: "p9", kind: "lead" }, found: 1 };
        const amend = (call: string, seen = from) => ledger.amendReceipt({ ...keyOf(route, call), from: seen, to });
        expect([await amend("c", { id: "1" }), await amend("c"), await amend("c"), await amend("nobody")]).toEqual([
          false,
          true,
          false,
          false,
        ]);
        expect(await rowOf(route, "c")).toMatchObject({ state: "delivered", receipt: to });
        expect(await ledger.deliveries({ route, unmatched: true, limit: 10 })).toEqual([]);
        // Under way: whoever delivers it now writes a receipt of their own.
        await claimed(route, "c", 2, "h2");
        expect(await amend("c", to)).toBe(false);
      });

      test("a forgotten call leaves no person, is not listed, and waits for nobody", async () => {
        const [route, crm, callId] = [newRoute(), newRoute(), randomUUID()];
        await ended(route, callId, { ...at("1", 0), awaits: crm } as Settlement);
        await ledger.forget({ source: "s", callId, hash: randomUUID() });
        expect(JSON.stringify(await rowOf(route, callId))).not.toContain("Dana");
        expect(await ledger.deliveries({ route, unmatched: true, limit: 10 })).toEqual([]);
        expect(await ledger.awaiting({ route, after: crm, limit: 10 })).toEqual([]);
      });
    });

    describe("proof, renaming, retiring, forgetting", () => {
      test("a proof tells state, content and position of the asked rows only", async () => {
        const route = newRoute();
        await ended(route, "a", delivered("1"), 3);
        await ended(route, "b", DEAD, 4);
        await claimed(route, "c", 5);
        const keys = Array.from({ length: 450 }, (_, index) => ({ source: "s", callId: `none-${index}` }));
        const proofs = await ledger.proofs({ route, keys: [...keys, ...["a", "b", "c"].map((callId) => ({ source: "s", callId }))] });
        expect(proofs.sort((x, y) => x.offset - y.offset)).toMatchObject([
          { callId: "a", state: "delivered", hash: ledger.fingerprint("h1"), offset: 3, hasBody: false, claimLeftMs: undefined },
          { callId: "b", state: "dead", hasBody: true },
          { callId: "c", state: "sending", hasBody: false, claimLeftMs: expect.any(Number) },
        ]);
      });

      test("a renamed route takes everything along: rows, counts, start, positions, pause", async () => {
        const [from, to] = [newRoute(), newRoute()];
        await ended(from, "a", DEAD);
        await ledger.routeStart({ route: from, resolve: async () => [{ partition: 0, offset: 7 }] });
        await ledger.mirrorPositions({ route: from, positions: [{ partition: 0, offset: 9 }] });
        await ledger.pause({ route: from, kind: "person", reason: "x", by: "ann" });
        expect(await ledger.renameRoute({ from, to })).toBe(true);
        expect(await ledger.renameRoute({ from, to })).toBe(false);
        expect(await rowOf(to, "a")).toMatchObject({ state: "dead" });
        expect(await ledger.mirroredPositions(to)).toEqual([{ partition: 0, offset: 9 }]);
        expect(await ledger.routeStart({ route: to, resolve: async () => [] })).toEqual([{ partition: 0, offset: 7 }]);
        expect((await controlOf(to))?.pause).toBeDefined();
        const counts = await ledger.counts();
        expect(counts.find((one) => one.route === to)).toMatchObject({ dead: 1 });
        expect(counts.find((one) => one.route === from)?.dead ?? 0).toBe(0);
        expect(await ledger.knownRoutes()).toContain(to);
        expect(await ledger.knownRoutes()).not.toContain(from);
      });

      test("a retired route leaves nothing but the note who did it", async () => {
        const route = newRoute();
        await ended(route, "a", DEAD);
        expect(await ledger.retireRoute({ route, by: "ann" })).toBe(1);
        expect(await ledger.knownRoutes()).not.toContain(route);
        expect(await ledger.actions({ route, limit: 5 })).toMatchObject([{ by: "ann", action: "retire" }]);
      });

      test("a forgotten call leaves no receipt and no body, and its hash is told to everyone", async () => {
        const route = newRoute();
        const [callId, hash] = [randomUUID(), randomUUID()];
        await ended(route, callId, delivered("1"));
        await ended(route, callId, DEAD, 2, "h2");
        expect(await ledger.forget({ source: "s", callId, hash })).toBe(1);
        expect(await rowOf(route, callId)).toMatchObject({ state: "skipped", receipt: undefined, reason: "forgotten on request" });
        expect(await ledger.body(keyOf(route, callId))).toBeUndefined();
        expect(await ledger.forgottenAmong([hash])).toEqual(new Set([hash]));
      });

      test("the receipt of what could not be deleted at its destination yet is kept for a later forget, and nothing else of the call", async () => {
        const [crm, chat, callId, hash] = [newRoute(), newRoute(), randomUUID(), randomUUID()];
        await ended(crm, callId, delivered("at the CRM"));
        await ended(chat, callId, delivered("in the chat"));
        expect(await ledger.forget({ source: "s", callId, hash, keepReceipts: [crm] })).toBe(2);
        expect(await rowOf(crm, callId)).toMatchObject({ state: "skipped", receipt: { id: "at the CRM" } });
        expect(await rowOf(chat, callId)).toMatchObject({ state: "skipped", receipt: undefined });
        expect(await ledger.forget({ source: "s", callId, hash })).toBe(2);
        expect((await rowOf(crm, callId))?.receipt).toBeUndefined();
      });

      test("a call that must not come back is known to everyone before its rows are touched; records and keys come page by page", async () => {
        const [route, hash] = [newRoute(), randomUUID()];
        for (const callId of ["b", "a", "c"]) await ended(route, callId, callId === "b" ? delivered("1") : DEAD);
        await ledger.forbid(hash);
        await ledger.forbid(hash);
        expect(await ledger.forgottenAmong([hash])).toEqual(new Set([hash]));
        expect(await rowOf(route, "a")).toMatchObject({ state: "dead" });
        const seen: string[] = [];
        for (let after: DeliveryKey | undefined = { route, source: "", callId: "" }; ; ) {
          const [one] = await ledger.bodies({ after, limit: 1 });
          if (one?.route !== route) break;
          seen.push(`${one.callId} ${Buffer.from(one.body).equals(body)}`);
          after = one;
        }
        expect(seen).toEqual(["a true", "c true"]);
        const keys = await ledger.keys({ after: { route, source: "", callId: "" }, limit: 2 });
        expect(keys.map(({ callId }) => callId)).toEqual(["a", "b"]);
      });

      test("what messages went without keeps its route's name when that is renamed, and is forgotten when it is retired, or with the dead letters", async () => {
        const [chat, from, to] = [newRoute(), newRoute(), newRoute()];
        for (const callId of ["a", "b"]) await ended(chat, callId, { ...delivered(callId), awaits: from } as Settlement);
        await ended(from, "a", delivered("at the CRM"));
        await ledger.renameRoute({ from, to });
        expect(await ledger.awaiting({ route: chat, after: to, limit: 10 })).toMatchObject([
          { callId: "a", other: { receipt: { id: "at the CRM" } } },
          { callId: "b", other: undefined },
        ]);
        await ledger.retireRoute({ route: to, by: "ann" });
        expect(await ledger.awaiting({ route: chat, after: to, limit: 10 })).toEqual([]);
        const other = newRoute();
        await ended(chat, "c", { ...delivered("c"), awaits: other } as Settlement);
        await ledger.expire({ deadBodyMs: 86_400_000, rowMs: 86_400_000 });
        expect(await ledger.awaiting({ route: chat, after: other, limit: 10 })).toHaveLength(1);
        await ledger.expire({ deadBodyMs: -1_000, rowMs: 86_400_000 });
        expect(await ledger.awaiting({ route: chat, after: other, limit: 10 })).toEqual([]);
        expect(await rowOf(chat, "c")).toMatchObject({ state: "delivered", receipt: { id: "c" } });
      });

      test("old bodies of dead letters go first, whole rows later; what still waits never", async () => {
        const route = newRoute();
        await ended(route, "dead", DEAD);
        await ended(route, "waiting", { kind: "waiting", dueInMs: 60_000, errorCode: "423", reason: "locked", body });
        const day = 86_400_000;
        expect((await ledger.expire({ deadBodyMs: day, rowMs: day })).rows).toBe(0);
        expect((await ledger.expire({ deadBodyMs: -1_000, rowMs: day })).bodies).toBeGreaterThan(0);
        expect(await rowOf(route, "dead")).toMatchObject({ state: "dead", reason: "never" });
        expect(await ledger.replayDead({ keys: [keyOf(route, "dead")], everyMs: 0, routesVersion: "v" })).toBe(0);
        await ledger.expire({ deadBodyMs: -1_000, rowMs: -1_000 });
        expect((await ledger.deliveries({ route, limit: 5 })).map(({ callId }) => callId)).toEqual(["waiting"]);
      });

      test("the last routes file and any earlier one can be had again", async () => {
        const [one, two] = [randomUUID(), randomUUID()];
        await ledger.keepRoutesFile({ version: one, text: "first" });
        expect(await ledger.routesFile(one)).toMatchObject({ version: one, text: "first" });
        expect(await ledger.routesFile(two)).toBeUndefined();
        expect(await ledger.routesFile()).toBeDefined();
      });

      const lostOf = async (route: string) => (await ledger.lost()).filter((one) => one.route === route);

      test("ranges that retention took and that cannot be read are kept, each once, with the reason", async () => {
        const route = newRoute();
        await ledger.noteLost({ route, partition: 0, from: 5, to: 9, kind: "retention", reason: "" });
        await ledger.noteLost({ route, partition: 0, from: 5, to: 12, kind: "retention", reason: "" });
        await ledger.noteLost({ route, partition: 1, from: 5, to: 6, kind: "unreadable", reason: "its checksum is wrong" });
        await ledger.noteLost({ route, partition: 1, from: 5, to: 6, kind: "unreadable", reason: "its checksum is wrong" });
        const open = { acceptedAt: undefined };
        expect(await lostOf(route)).toMatchObject([
          { partition: 0, from: 5, to: 12, kind: "retention", reason: "", ...open },
          { partition: 1, from: 5, to: 6, kind: "unreadable", reason: "its checksum is wrong", ...open },
        ]);
      });

      test("a loss that a person accepts stays known, with who and why; what is lost afterwards is open again", async () => {
        const [route, other] = [newRoute(), newRoute()];
        const unreadable = { kind: "unreadable" as const, reason: "its checksum is wrong" };
        for (const id of [route, other]) await ledger.noteLost({ route: id, partition: 2, from: 7, to: 9, ...unreadable });
        const accepted = await ledger.acceptLost({ route, by: "ann", reason: "sent by hand" });
        expect(accepted).toMatchObject([{ partition: 2, from: 7, to: 9 }]);
        expect(await ledger.acceptLost({ route, by: "ann", reason: "again" })).toEqual([]);
        const [action, another] = await ledger.actions({ route, limit: 5 });
        expect(action).toMatchObject({ by: "ann", action: "accept-loss", detail: "sent by hand (2:7-8)" });
        expect(another).toBeUndefined();
        expect((await lostOf(route))[0]?.acceptedAt).toBeGreaterThan(0);
        expect((await lostOf(other))[0]?.acceptedAt).toBeUndefined();
        await ledger.noteLost({ route, partition: 2, from: 7, to: 9, ...unreadable });
        expect((await lostOf(route))[0]?.acceptedAt).toBeGreaterThan(0);
        await ledger.noteLost({ route, partition: 2, from: 7, to: 20, kind: "retention", reason: "" });
        expect(await lostOf(route)).toMatchObject([{ from: 7, to: 20, kind: "retention", acceptedAt: undefined }]);
      });

      test("what a route lost goes with it to its new name, and is gone once it is retired", async () => {
        const [from, to] = [newRoute(), newRoute()];
        await ledger.routeStart({ route: from, resolve: async () => [] });
        await ledger.noteLost({ route: from, partition: 0, from: 1, to: 2, kind: "unreadable", reason: "r" });
        await ledger.renameRoute({ from, to });
        expect(await lostOf(from)).toEqual([]);
        expect(await lostOf(to)).toMatchObject([{ from: 1, to: 2, kind: "unreadable", reason: "r" }]);
        await ledger.retireRoute({ route: to, by: "ann" });
        expect(await lostOf(to)).toEqual([]);
      });
    });
  });
}
