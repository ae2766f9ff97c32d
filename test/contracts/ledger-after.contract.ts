import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Claim, Ledger, Receipt, Settlement } from "../../src/ledger/ledger.ts";
import type { LedgerHarness } from "./ledger.contract.ts";

const body = Buffer.from([0, 1, 2, 255, 0]);
const acceptedAt = 1_700_000_000_000;

/** What the ledger promises to a route that waits for another one (`src/ledger/receipts.ts`), for every engine. */
export function describeLedgerAfter(harness: LedgerHarness): void {
  describe(`a route that waits for another one, in the ledger on ${harness.name}`, () => {
    let ledger: Ledger;
    beforeAll(async () => {
      ledger = await harness.open();
    });
    afterAll(async () => {
      await ledger.close();
      await harness.remove();
    });

    const at = (offset: number) => ({ partition: 0, offset, acceptedAt });
    const newRoute = () => `r-${randomUUID()}`;
    const keyOf = (route: string, callId: string) => ({ route, source: "s", callId });
    async function claimed(route: string, callId: string, offset = 1, hash = "h1"): Promise<Claim> {
      const item = { ...keyOf(route, callId), partition: 0, offset, hash, acceptedAt };
      const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [item] });
      if (answer?.kind !== "claimed") throw new Error(`expected a claim, got ${answer?.kind}`);
      return answer.claim;
    }
    const settle = (claim: Claim, settlement: Settlement) =>
      ledger.settle([{ ...keyOf(claim.route, claim.callId), claimId: claim.claimId, settlement, routesVersion: "v1" }]);
    async function ended(route: string, callId: string, settlement: Settlement, offset = 1, hash = "h1"): Promise<void> {
      await settle(await claimed(route, callId, offset, hash), settlement);
    }
    const due = (route: string) => ledger.claimDue({ route, worker: "w2", leaseMs: 60_000, max: 10 });
    const delivered = (receipt: Receipt, awaits?: string): Settlement => ({ kind: "delivered", receipt, sentFields: [], awaits });
    const waiting = (awaits?: string): Settlement => ({
      kind: "waiting",
      dueInMs: 0,
      errorCode: "after",
      reason: "waits for route crm",
      ...(awaits === undefined ? {} : { awaits }),
      body,
    });
    const rowOf = async (route: string, callId: string) => (await ledger.deliveries({ route, callId, limit: 1 }))[0];
    const awaiting = (route: string, after: string, limit = 10) => ledger.awaiting({ route, after, limit });

    test("sees of each call how far the other route is: its receipt, also while a later version is under way", async () => {
      const crm = newRoute();
      const person = { id: "1", kind: "contact", name: "Dana Example" };
      await ended(crm, "delivered", delivered({ id: "7", person }));
      await ended(crm, "updated", delivered({ id: "8" }));
      await claimed(crm, "updated", 2, "h2");
      await ended(crm, "skipped", { kind: "skipped", reason: "when is false" });
      const keys = ["delivered", "nobody", "updated", "skipped"].map((callId) => keyOf(crm, callId));
      expect(await ledger.outcomes(keys)).toEqual([
        { state: "delivered", place: at(1), receipt: { id: "7", person } },
        undefined,
        { state: "sending", place: at(2), receipt: { id: "8" } },
        { state: "skipped", place: at(1), receipt: undefined },
      ]);
      const many = Array.from({ length: 450 }, (_, index) => keyOf(crm, `none-${index}`));
      expect((await ledger.outcomes([...many, ...keys])).filter((one) => one !== undefined)).toHaveLength(3);
      expect(await ledger.outcomes([])).toEqual([]);
    });

    test("its wait is no failure and no turn at a limiter: neither an attempt nor age is counted, and it is told that it waited", async () => {
      const [chat, crm] = [newRoute(), newRoute()];
      await ended(chat, "c", { ...waiting(crm), dueInMs: -40 } as Settlement);
      const [first] = await due(chat);
      expect(first).toMatchObject({ attempts: 0, agedMs: 0, paced: false, awaits: crm });
      // A failure that follows is one.
      await settle(first as Claim, { ...waiting(), dueInMs: -5, errorCode: "423" } as Settlement);
      expect(await due(chat)).toMatchObject([{ attempts: 1, agedMs: -5, awaits: undefined }]);
    });

    test("what a waiting delivery waits for is forgotten by its newer record, kept by a release", async () => {
      const [chat, crm] = [newRoute(), newRoute()];
      await ended(chat, "c", waiting(crm));
      const [first] = await due(chat);
      await settle(first as Claim, { kind: "released" });
      expect(await due(chat)).toMatchObject([{ awaits: crm }]);
      const other = newRoute();
      await ended(other, "c", waiting(crm));
      expect(await claimed(other, "c", 2, "h2")).toMatchObject({ awaits: undefined, attempts: 0 });
    });

    test("what went without is found, with what the other route has made of it since; in pages, each row once", async () => {
      const [chat, crm] = [newRoute(), newRoute()];
      for (const callId of ["a", "b", "c", "d"]) await ended(chat, callId, delivered({ id: callId }, crm), 5);
      await ended(chat, "had it", delivered({ id: "1" }));
      await ended(chat, "of another", delivered({ id: "2" }, newRoute()));
      await ended(crm, "b", delivered({ id: "b at the CRM" }));
      await ended(crm, "c", { kind: "skipped", reason: "when is false" });
      const found = await awaiting(chat, crm);
      expect(found).toEqual([
        { ...keyOf(chat, "a"), ...at(5), other: undefined },
        { ...keyOf(chat, "b"), ...at(5), other: { state: "delivered", place: at(1), receipt: { id: "b at the CRM" } } },
        { ...keyOf(chat, "c"), ...at(5), other: { state: "skipped", place: at(1), receipt: undefined } },
        { ...keyOf(chat, "d"), ...at(5), other: undefined },
      ]);
      const page = await awaiting(chat, crm, 3);
      expect(page).toEqual(found.slice(0, 3));
      expect(await ledger.awaiting({ route: chat, after: crm, limit: 3, from: page[2] })).toEqual(found.slice(3));
      expect(await rowOf(chat, "a")).toMatchObject({ state: "delivered", awaits: crm });
    });

    test("it is put on its route again once, keeps that it went without over a crash, and is done when it was delivered with it", async () => {
      const [chat, crm] = [newRoute(), newRoute()];
      await ended(chat, "c", delivered({ id: "posted" }, crm), 5);
      const item = { ...keyOf(chat, "c"), partition: 0, offset: 5, hash: "h1", acceptedAt, body };
      const queue = () => ledger.enqueue({ items: [item], dueInMs: 0, only: "all", again: true });
      expect([await queue(), await queue()]).toEqual([["queued"], ["open"]]);
      expect(await ledger.replaying(chat)).toBe(1);
      expect(await ledger.adding(chat)).toBe(1);
      await ended(chat, "by a person", delivered({ id: "posted too" }), 5);
      await ledger.enqueue({ items: [{ ...item, callId: "by a person" }], dueInMs: 60_000, only: "all", again: true });
      expect([await ledger.replaying(chat), await ledger.adding(chat)]).toEqual([2, 1]);
      expect(await awaiting(chat, crm)).toEqual([]);
      const [taken] = await due(chat);
      expect(taken).toMatchObject({ replay: true, receipt: { id: "posted" } });
      await settle(taken as Claim, delivered({ id: "posted" }));
      expect(await awaiting(chat, crm)).toEqual([]);
      expect(await rowOf(chat, "c")).toMatchObject({ state: "delivered", awaits: undefined });
    });

    test("a dead letter, a skip and a decision not to wait any longer end it", async () => {
      const [chat, crm] = [newRoute(), newRoute()];
      for (const callId of ["dead", "skipped", "decided", "stays"]) await ended(chat, callId, delivered({ id: callId }, crm));
      await ended(chat, "dead", { kind: "dead", errorCode: "400", reason: "never", body }, 2, "h2");
      await ledger.skip([
        { ...keyOf(chat, "skipped"), partition: 0, offset: 2, hash: "h2", acceptedAt, reason: "when is false", routesVersion: "v1" },
      ]);
      const row = (callId: string, offset: number) => ({ ...keyOf(chat, callId), partition: 0, offset });
      // Of another record than the row has come to: that one may still get what it went without.
      await ledger.awaitNoLonger([row("decided", 1), row("nobody", 1), row("stays", 0), { ...row("stays", 1), partition: 1 }]);
      expect((await awaiting(chat, crm)).map(({ callId }) => callId)).toEqual(["stays"]);
      expect(await rowOf(chat, "decided")).toMatchObject({ state: "delivered", receipt: { id: "decided" } });
    });
  });
}
