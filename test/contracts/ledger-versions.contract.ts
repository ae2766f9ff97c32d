import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Claim, ClaimRequest, Ledger, Settlement } from "../../src/ledger/ledger.ts";
import { isOneOf } from "../../src/ledger/versions.ts";
import type { LedgerHarness } from "./ledger.contract.ts";

const LEASE_MS = 60_000;
const body = Buffer.from("{}");
const T = 1_700_000_000_000;

/** Which version of a call is the newest, wherever its records lie, and what becomes of one that comes again: for every engine. */
export function describeLedgerVersions(harness: LedgerHarness): void {
  describe(`versions of a call, in the ledger on ${harness.name}`, () => {
    let ledger: Ledger;
    beforeAll(async () => {
      ledger = await harness.open();
    });
    afterAll(async () => {
      await ledger.close();
      await harness.remove();
    });

    const newRoute = () => `r-${randomUUID()}`;
    const record = (route: string, hash: string, at: { partition?: number; offset: number; acceptedAt?: number }): ClaimRequest => ({
      route,
      source: "s",
      callId: "c",
      partition: at.partition ?? 0,
      offset: at.offset,
      hash,
      acceptedAt: at.acceptedAt ?? T,
    });
    const claim = async (item: ClaimRequest, leaseMs = LEASE_MS) => {
      const [answer] = await ledger.claim({ worker: "w", leaseMs, items: [item] });
      if (!answer) throw new Error("no answer");
      return answer;
    };
    const settle = async ({ route, source, callId, claimId }: Claim, settlement: Settlement) =>
      (await ledger.settle([{ route, source, callId, claimId, settlement, routesVersion: "v1" }]))[0];
    const delivered: Settlement = { kind: "delivered", receipt: { id: "1" }, sentFields: [] };
    const dead: Settlement = { kind: "dead", errorCode: "400", reason: "never", body };
    const waiting: Settlement = { kind: "waiting", dueInMs: 60_000, errorCode: "423", reason: "locked", body };
    async function ended(item: ClaimRequest, settlement: Settlement = delivered): Promise<void> {
      const answer = await claim(item);
      if (answer.kind !== "claimed") throw new Error(`expected a claim, got ${answer.kind}`);
      await settle(answer.claim, settlement);
    }
    const skip = async (item: ClaimRequest) => (await ledger.skip([{ ...item, reason: "when is false", routesVersion: "v1" }]))[0];
    const rowOf = async (route: string) => (await ledger.deliveries({ route, limit: 1 }))[0];
    const proofOf = async (route: string) => (await ledger.proofs({ route, keys: [{ source: "s", callId: "c" }] }))[0];

    test("a record that was begun and did not end keeps its place when an older one with its content is passed over: the older one is no gap", async () => {
      const route = newRoute();
      const begun = await claim(record(route, "v1", { partition: 0, offset: 100, acceptedAt: T + 5_000 }));
      if (begun.kind !== "claimed") throw new Error(`expected a claim, got ${begun.kind}`);
      await settle(begun.claim, { kind: "released" });
      expect((await claim(record(route, "v1", { partition: 2, offset: 81 }))).kind).toBe("done");
      expect(await proofOf(route)).toMatchObject({ state: "sending", partition: 0, offset: 100 });
      // What was accepted since that content first came is newer.
      expect((await claim(record(route, "v2", { partition: 2, offset: 90, acceptedAt: T + 2_000 }))).kind).toBe("claimed");
    });

    test.each([
      ["in a partition with smaller offsets", { partition: 1, offset: 0, acceptedAt: T + 1 }],
      ["in a partition with larger offsets", { partition: 1, offset: 900, acceptedAt: T + 1 }],
      ["at a smaller offset, in a topic that was made anew", { partition: 0, offset: 3, acceptedAt: T + 1 }],
      ["behind it, by an ingress whose clock is late", { partition: 0, offset: 41, acceptedAt: T - 5_000 }],
    ])("a version that was accepted later is the newer one %s", async (_, place) => {
      const route = newRoute();
      await ended(record(route, "v1", { offset: 40 }));
      expect(await claim(record(route, "v2", place))).toMatchObject({ kind: "claimed", claim: { receipt: { id: "1" } } });
    });

    test.each([
      ["in another partition, with a larger offset", { partition: 1, offset: 900, acceptedAt: T - 1 }],
      ["in its partition", { partition: 0, offset: 39, acceptedAt: T - 1 }],
      ["in its partition, at the same time", { partition: 0, offset: 39, acceptedAt: T }],
    ])("a version that was accepted earlier is the older one %s", async (_, place) => {
      for (const state of [delivered, dead, waiting]) {
        const route = newRoute();
        await ended(record(route, "v2", { offset: 40 }), state);
        expect(await claim(record(route, "v1", place))).toEqual({ kind: "done", state: state.kind });
      }
    });

    test.each([
      ["delivered", delivered],
      ["given up", dead],
      ["waiting", waiting],
      ["skipped", { kind: "skipped", reason: "said the destination" } as Settlement],
    ])("an earlier version that comes again is left out where the newer one is %s, and shown", async (_, settlement) => {
      const route = newRoute();
      await ended(record(route, "v1", { offset: 1 }));
      await ended(record(route, "v2", { offset: 2, acceptedAt: T + 1 }), settlement);
      const before = await rowOf(route);
      expect(before).toMatchObject({ returned: 0, returnedAt: undefined });
      expect(await claim(record(route, "v1", { offset: 3, acceptedAt: T + 2 }))).toMatchObject({ kind: "returned", state: before?.state });
      expect(await skip(record(route, "v1", { partition: 1, offset: 0, acceptedAt: T + 3 }))).toBe("returned");
      const after = await rowOf(route);
      expect(after).toMatchObject({ state: before?.state, offset: 2, reason: before?.reason, receipt: before?.receipt, returned: 2 });
      expect(after?.returnedAt).toBeGreaterThan(T);
    });

    test("an earlier version is left out also while the newer one is on its way, or its claim has run out", async () => {
      for (const leaseMs of [LEASE_MS, 0]) {
        const route = newRoute();
        await ended(record(route, "v1", { offset: 1 }));
        await claim(record(route, "v2", { offset: 2, acceptedAt: T + 1 }), leaseMs);
        expect(await claim(record(route, "v1", { offset: 3, acceptedAt: T + 2 }))).toEqual({ kind: "returned", state: "sending" });
      }
    });

    test("the same record read a second time is no version that comes again", async () => {
      const route = newRoute();
      await ended(record(route, "v1", { offset: 1 }));
      await ended(record(route, "v2", { offset: 2, acceptedAt: T + 1 }));
      expect(await claim(record(route, "v1", { offset: 1 }))).toEqual({ kind: "done", state: "delivered" });
      expect(await claim(record(route, "v2", { offset: 2, acceptedAt: T + 1 }))).toEqual({ kind: "done", state: "delivered" });
      expect(await rowOf(route)).toMatchObject({ returned: 0 });
    });

    test("the newest version that comes again has nothing to do, and a third one is claimed", async () => {
      const route = newRoute();
      await ended(record(route, "v1", { offset: 1 }));
      await ended(record(route, "v2", { offset: 2, acceptedAt: T + 1 }));
      expect(await claim(record(route, "v2", { offset: 3, acceptedAt: T + 2 }))).toEqual({ kind: "done", state: "delivered" });
      await ended(record(route, "v3", { offset: 4, acceptedAt: T + 3 }));
      for (const [index, hash] of ["v1", "v2"].entries())
        expect(await claim(record(route, hash, { offset: 5 + index, acceptedAt: T + 4 }))).toMatchObject({ kind: "returned" });
    });

    test("what a route did not want is a version as well: skipped, then delivered, then the first again", async () => {
      const route = newRoute();
      expect(await skip(record(route, "v1", { offset: 1 }))).toBe("done");
      await ended(record(route, "v2", { offset: 2, acceptedAt: T + 1 }));
      expect(await claim(record(route, "v1", { offset: 3, acceptedAt: T + 2 }))).toMatchObject({ kind: "returned" });
    });

    test("the newest version is claimed when its route wants it now, and left out once there is a newer one", async () => {
      const route = newRoute();
      await ended(record(route, "v1", { offset: 1 }));
      // Twice: a redelivery of what the route does not want makes it no earlier version.
      expect(await skip(record(route, "v2", { offset: 2, acceptedAt: T + 1 }))).toBe("done");
      expect(await skip(record(route, "v2", { offset: 3, acceptedAt: T + 2 }))).toBe("done");
      await ended(record(route, "v2", { offset: 4, acceptedAt: T + 3 }));
      await ended(record(route, "v3", { offset: 5, acceptedAt: T + 4 }));
      expect(await claim(record(route, "v2", { offset: 6, acceptedAt: T + 5 }))).toMatchObject({ kind: "returned" });
    });

    test("a version that its destination left out is matched again when it comes again, and is an earlier one after the next", async () => {
      const route = newRoute();
      await ended(record(route, "v1", { offset: 1 }));
      await ended(record(route, "v2", { offset: 2, acceptedAt: T + 1 }), { kind: "skipped", reason: "left as it is" });
      await ended(record(route, "v2", { offset: 3, acceptedAt: T + 2 }), { kind: "skipped", reason: "left as it is" });
      await ended(record(route, "v3", { offset: 4, acceptedAt: T + 3 }));
      expect(await claim(record(route, "v2", { offset: 5, acceptedAt: T + 4 }))).toMatchObject({ kind: "returned" });
    });

    test("a version read after a newer one, in another partition, is an earlier one when it comes again", async () => {
      const route = newRoute();
      await ended(record(route, "v2", { partition: 1, offset: 0, acceptedAt: T + 1 }));
      expect(await claim(record(route, "v1", { partition: 0, offset: 9 }))).toMatchObject({ kind: "done" });
      expect(await claim(record(route, "v1", { partition: 1, offset: 1, acceptedAt: T + 2 }))).toMatchObject({ kind: "returned" });
    });

    test("a version that came again before the backlog was read does not pass over what was accepted since it first came", async () => {
      const route = newRoute();
      await ended(record(route, "v1", { partition: 1, offset: 0, acceptedAt: T + 2 }));
      expect(await claim(record(route, "v1", { partition: 0, offset: 8 }))).toMatchObject({ kind: "done" });
      expect(await claim(record(route, "v2", { partition: 0, offset: 9, acceptedAt: T + 1 }))).toMatchObject({ kind: "claimed" });
    });

    test("a person may put an earlier version back: from then on it is the newest, and the other an earlier one", async () => {
      const route = newRoute();
      await ended(record(route, "v1", { offset: 1 }));
      await ended(record(route, "v2", { offset: 2, acceptedAt: T + 1 }));
      const again = { ...record(route, "v1", { offset: 3, acceptedAt: T + 2 }), body };
      expect(await ledger.enqueue({ items: [again], dueInMs: 0, only: "all", again: true })).toEqual(["queued"]);
      const [due] = await ledger.claimDue({ route, worker: "w", leaseMs: LEASE_MS, max: 1 });
      await settle(due as Claim, delivered);
      expect(await claim(record(route, "v1", { offset: 4, acceptedAt: T + 3 }))).toEqual({ kind: "done", state: "delivered" });
      expect(await claim(record(route, "v2", { offset: 5, acceptedAt: T + 4 }))).toMatchObject({ kind: "returned" });
    });

    test("a replay of an older record is refused wherever the newer one lies", async () => {
      const route = newRoute();
      await ended(record(route, "v2", { partition: 1, offset: 0, acceptedAt: T + 1 }));
      const older = { ...record(route, "v1", { partition: 0, offset: 9 }), body };
      for (const again of [true, false])
        expect(await ledger.enqueue({ items: [older], dueInMs: 0, only: "all", again })).toEqual(["newer"]);
    });

    test("hundreds of versions cost no more room than a hundred", async () => {
      const route = newRoute();
      for (let n = 0; n < 130; n += 1) await ended(record(route, `v${n}`, { offset: n, acceptedAt: T + n }));
      expect((await proofOf(route))?.earlier).toHaveLength(100);
      expect(await claim(record(route, "v128", { offset: 200, acceptedAt: T + 200 }))).toMatchObject({ kind: "returned" });
    });

    test("a proof names the earlier versions, by the ledger's own fingerprints of them", async () => {
      const route = newRoute();
      await ended(record(route, "v1", { offset: 1 }));
      await ended(record(route, "v2", { offset: 2, acceptedAt: T + 1 }));
      const proof = await proofOf(route);
      expect(proof).toMatchObject({ hash: ledger.fingerprint("v2"), partition: 0, offset: 2, acceptedAt: T + 1 });
      const isEarlier = (hash: string) => isOneOf(proof?.earlier ?? [], ledger.fingerprint(hash));
      expect(["v1", "v2", "v3"].map(isEarlier)).toEqual([true, false, false]);
    });

    test("in one batch each record gets its own answer", async () => {
      const [a, b] = [newRoute(), newRoute()];
      for (const route of [a, b]) await ended(record(route, "v1", { offset: 1 }));
      await ended(record(a, "v2", { offset: 2, acceptedAt: T + 1 }));
      const items = [a, b, newRoute()].map((route) => record(route, "v1", { offset: 3, acceptedAt: T + 2 }));
      const answers = await ledger.claim({ worker: "w", leaseMs: LEASE_MS, items });
      expect(answers.map(({ kind }) => kind)).toEqual(["returned", "done", "claimed"]);
    });
  });
}

/** Which log a ledger belongs to, and how far that had come: for every engine, on a ledger of its own. */
export function describeLedgerLog(harness: LedgerHarness): void {
  describe(`the log that a ledger belongs to, on ${harness.name}`, () => {
    test("is remembered with the ends that it had at least, and an adoption begins anew with it", async () => {
      const ledger = await harness.open();
      const route = `r-${randomUUID()}`;
      await ledger.bindLog({ identity: "a" });
      await ledger.routeStart({ route, resolve: async () => [{ partition: 0, offset: 70 }] });
      await ledger.mirrorPositions({ route, positions: [{ partition: 0, offset: 90 }] });
      await ledger.noteSeen([
        { partition: 0, offset: 80 },
        { partition: 1, offset: 5 },
      ]);
      await ledger.noteSeen([{ partition: 1, offset: 4 }]);
      expect(await ledger.seen()).toEqual([
        { partition: 0, offset: 90 },
        { partition: 1, offset: 5 },
      ]);
      await ledger.adoptLog({ identity: "b", from: [{ partition: 0, offset: 3 }], by: "ann" });
      expect(await ledger.boundLog()).toBe("b");
      expect(await ledger.seen()).toEqual([]);
      expect(await ledger.mirroredPositions(route)).toEqual([]);
      expect(await ledger.routeStart({ route, resolve: async () => [] })).toEqual([{ partition: 0, offset: 3 }]);
      await ledger.close();
      await harness.remove();
    });
  });
}
