import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ledger, Settlement } from "../../src/ledger/ledger.ts";
import type { LedgerHarness } from "./ledger.contract.ts";

const body = Buffer.from("{}");
const DEAD = { kind: "dead", errorCode: "400", reason: "never", body } satisfies Settlement;
const DELIVERED = { kind: "delivered", receipt: { id: "1" }, sentFields: [] } satisfies Settlement;
/** The harness makes the database refuse this person's actions. */
const REFUSED = "refused";

export interface RefusingHarness extends LedgerHarness {
  /** From now on the database refuses to record an action of this person: the last step of what it says fails. */
  refuseActionsBy(person: string): Promise<void>;
  /** From now on the database refuses to note a loss of this route. */
  refuseLossesOf(route: string): Promise<void>;
}

/** What is changed and the action that says so are one transaction, for every engine. */
export function describeLedgerTransactions(harness: RefusingHarness): void {
  describe(`transactions of the ledger on ${harness.name}`, () => {
    let ledger: Ledger;
    let other: Ledger;
    beforeAll(async () => {
      ledger = await harness.open();
      other = await harness.open();
      await harness.refuseActionsBy(REFUSED);
    });
    afterAll(async () => {
      await Promise.all([ledger.close(), other.close()]);
      await harness.remove();
    });

    const newRoute = () => `r-${randomUUID()}`;
    const keyOf = (route: string, callId: string) => ({ route, source: "s", callId });
    async function ended(route: string, callId: string, settlement: Settlement): Promise<void> {
      const item = { ...keyOf(route, callId), partition: 0, offset: 1, hash: "h1", acceptedAt: 1_700_000_000_000 };
      const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [item] });
      if (answer?.kind !== "claimed") throw new Error(`expected a claim, got ${answer?.kind}`);
      await ledger.settle([{ ...item, claimId: answer.claim.claimId, settlement, routesVersion: "v1" }]);
    }
    const rowOf = async (route: string, callId: string) => (await ledger.deliveries({ route, callId, limit: 1 }))[0];
    const controlOf = async (route: string) => (await ledger.controls()).routes.find((one) => one.route === route);
    const actionsOf = async (route: string) =>
      (await ledger.actions({ route, limit: 10 })).map(({ action, detail }) => `${action} ${detail}`);
    const head = () => ledger.actionsHead();

    describe("nothing is changed where its action cannot be recorded", () => {
      async function unchanged(change: () => Promise<unknown>, look: () => Promise<unknown>): Promise<void> {
        const before = [await look(), await head()];
        await expect(change()).rejects.toThrow();
        expect([await look(), await head()]).toEqual(before);
      }

      test("a pause", async () => {
        const route = newRoute();
        const pause = () => ledger.pause({ route, kind: "person", reason: "x", by: REFUSED });
        await unchanged(pause, () => controlOf(route));
      });

      test("a resume with what it skips", async () => {
        const route = newRoute();
        await ledger.pause({ route, kind: "person", reason: "x", by: "ann" });
        const resume = () => ledger.resume({ route, by: REFUSED, skipBefore: { reason: "old news" } });
        await unchanged(resume, () => controlOf(route));
      });

      test("a retired route", async () => {
        const route = newRoute();
        await ended(route, "a", DEAD);
        await ledger.routeStart({ route, resolve: async () => [{ partition: 0, offset: 7 }] });
        await ledger.mirrorPositions({ route, positions: [{ partition: 0, offset: 9 }] });
        const look = async () => [await rowOf(route, "a"), (await ledger.routeStarts()).get(route), await ledger.mirroredPositions(route)];
        await unchanged(() => ledger.retireRoute({ route, by: REFUSED }), look);
      });

      test("dead letters that are replayed or discarded", async () => {
        const routes = [newRoute(), newRoute()];
        for (const route of routes) await ended(route, "a", DEAD);
        const keys = routes.map((route) => keyOf(route, "a"));
        const look = () => Promise.all(routes.map((route) => rowOf(route, "a")));
        await unchanged(() => ledger.replayDead({ keys, everyMs: 0, routesVersion: "v2", by: REFUSED }), look);
        await unchanged(() => ledger.discardDead({ keys, reason: "test data", by: REFUSED }), look);
      });

      test("a replay that begins", async () => {
        const id = randomUUID();
        const action = { by: REFUSED, route: "r", action: "replay", detail: id };
        await unchanged(
          () => ledger.saveReplay({ id, spec: "{}", action }),
          () => ledger.replay(id),
        );
      });

      test("a forgotten call", async () => {
        const [route, callId, hash] = [newRoute(), randomUUID(), randomUUID()];
        await ended(route, callId, DELIVERED);
        const look = async () => [await rowOf(route, callId), await ledger.forgottenAmong([hash])];
        await unchanged(() => ledger.forget({ source: "s", callId, hash, by: REFUSED }), look);
      });

      test("a receipt that a person put right", async () => {
        const route = newRoute();
        await ended(route, "a", DELIVERED);
        const action = { by: REFUSED, route, action: "rematch", detail: "a" };
        const amend = () => ledger.amendReceipt({ ...keyOf(route, "a"), from: { id: "1" }, to: { id: "2" }, action });
        await unchanged(amend, () => rowOf(route, "a"));
      });

      test("a loss that a person accepts", async () => {
        const route = newRoute();
        await ledger.noteLost({ route, partition: 0, from: 1, to: 5, kind: "retention", reason: "" });
        const look = async () => (await ledger.lost()).filter((one) => one.route === route);
        await unchanged(() => ledger.acceptLost({ route, by: REFUSED, reason: "known" }), look);
      });

      test("a log that is adopted", async () => {
        const route = newRoute();
        await ledger.bindLog({ identity: "one" });
        await ledger.mirrorPositions({ route, positions: [{ partition: 0, offset: 9 }] });
        const look = async () => [await ledger.boundLog(), await ledger.mirroredPositions(route)];
        await unchanged(() => ledger.adoptLog({ identity: "two", from: [], by: REFUSED }), look);
      });
    });

    describe("two processes at once", () => {
      const both = <T>(run: (one: Ledger) => Promise<T>) => Promise.all([ledger, other].map(run));

      test("a pause is made and recorded once, and ends once", async () => {
        const route = newRoute();
        expect((await both((one) => one.pause({ route, kind: "person", reason: "x", by: "ann" }))).sort()).toEqual([false, true]);
        expect((await both((one) => one.resume({ route, by: "ann" }))).sort()).toEqual([false, true]);
        expect((await actionsOf(route)).sort()).toEqual(["pause x", "resume "]);
      });

      test("dead letters are replayed and discarded once, and the actions count what they changed", async () => {
        const route = newRoute();
        const keys = ["a", "b", "c"].map((callId) => keyOf(route, callId));
        for (const { callId } of keys) await ended(route, callId, DEAD);
        const replayed = await both((one) => one.replayDead({ keys: keys.slice(0, 2), everyMs: 0, routesVersion: "v2", by: "ann" }));
        const discarded = await both((one) => one.discardDead({ keys, reason: "test data", by: "ann" }));
        expect([replayed.sort(), discarded.sort()]).toEqual([
          [0, 2],
          [0, 1],
        ]);
        expect((await actionsOf(route)).sort()).toEqual(["discard 1 dead letter: test data", "replay 2 dead letters"]);
        expect(await rowOf(route, "c")).toMatchObject({ state: "skipped", reason: "discarded by ann: test data" });
      });

      test("a route is retired once with all that it had, and a loss is accepted once", async () => {
        const route = newRoute();
        for (const callId of ["a", "b"]) await ended(route, callId, DEAD);
        await ledger.noteLost({ route, partition: 0, from: 1, to: 5, kind: "retention", reason: "" });
        const accepted = await both((one) => one.acceptLost({ route, by: "ann", reason: "known" }));
        expect(accepted.map(({ length }) => length).sort()).toEqual([0, 1]);
        expect((await both((one) => one.retireRoute({ route, by: "ann" }))).sort()).toEqual([0, 2]);
        expect((await actionsOf(route)).sort()).toEqual(["accept-loss known (0:1-4)", "retire 0 rows removed", "retire 2 rows removed"]);
      });

      test("a route is renamed once, and a late copy of its old positions does not move the new one back", async () => {
        const [from, to] = [newRoute(), newRoute()];
        await ended(from, "a", DELIVERED);
        await ledger.routeStart({ route: from, resolve: async () => [{ partition: 0, offset: 2 }] });
        await ledger.mirrorPositions({ route: from, positions: [{ partition: 0, offset: 9 }] });
        expect((await both((one) => one.renameRoute({ from, to }))).sort()).toEqual([false, true]);
        await ledger.mirrorPositions({ route: to, positions: [{ partition: 0, offset: 20 }] });
        await other.mirrorPositions({ route: from, positions: [{ partition: 0, offset: 9 }] });
        expect(await other.renameRoute({ from, to })).toBe(false);
        expect(await ledger.mirroredPositions(to)).toEqual([{ partition: 0, offset: 20 }]);
        expect(await ledger.mirroredPositions(from)).toEqual([]);
        expect((await ledger.routeStarts()).get(to)).toEqual([{ partition: 0, offset: 2 }]);
        expect(await rowOf(to, "a")).toMatchObject({ state: "delivered" });
      });

      test("a route that has no row yet is renamed once", async () => {
        const [from, to] = [newRoute(), newRoute()];
        await ledger.routeStart({ route: from, resolve: async () => [{ partition: 0, offset: 2 }] });
        expect((await both((one) => one.renameRoute({ from, to }))).sort()).toEqual([false, true]);
      });

      test("a rename that fails between its statements changes nothing", async () => {
        const [from, to] = [newRoute(), newRoute()];
        await ended(from, "a", DELIVERED);
        await ledger.routeStart({ route: from, resolve: async () => [{ partition: 0, offset: 2 }] });
        await ledger.noteLost({ route: from, partition: 0, from: 1, to: 5, kind: "retention", reason: "" });
        await harness.refuseLossesOf(to);
        await expect(ledger.renameRoute({ from, to })).rejects.toThrow();
        const known = await ledger.knownRoutes();
        expect([known.includes(from), known.includes(to)]).toEqual([true, false]);
        expect((await ledger.routeStarts()).get(from)).toEqual([{ partition: 0, offset: 2 }]);
      });
    });
  });
}
