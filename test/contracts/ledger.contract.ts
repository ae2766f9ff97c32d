import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Claim, ClaimRequest, DeliveryKey, Ledger, Settlement, SettleRequest } from "../../src/ledger/ledger.ts";

export interface LedgerHarness {
  name: string;
  /** Opens the same ledger each time. */
  open(): Promise<Ledger>;
  /** Takes the store away. */
  remove(): Promise<void>;
}

const LEASE_MS = 60_000;
const body = Buffer.from([0, 1, 2, 255, 0]);

/** The promises of `src/ledger/ledger.ts`, for every engine. */
export function describeLedger(harness: LedgerHarness): void {
  describe(`the ledger on ${harness.name}`, () => {
    let ledger: Ledger;
    /** Each test has a route of its own. */
    let route = "";
    beforeAll(async () => {
      ledger = await harness.open();
    });
    afterAll(async () => {
      await ledger.close();
      await harness.remove();
    });

    const request = (callId: string, offset: number, hash = "h1"): ClaimRequest => ({
      route,
      source: "s",
      callId,
      partition: 0,
      offset,
      hash,
      acceptedAt: 1_700_000_000_000,
    });
    const claim = async (item: ClaimRequest, options: { leaseMs?: number; worker?: string } = {}) => {
      const [answer] = await ledger.claim({ worker: options.worker ?? "w1", leaseMs: options.leaseMs ?? LEASE_MS, items: [item] });
      if (!answer) throw new Error("no answer");
      return answer;
    };
    const claimed = async (item: ClaimRequest, options: { leaseMs?: number } = {}): Promise<Claim> => {
      const answer = await claim(item, options);
      if (answer.kind !== "claimed") throw new Error(`expected a claim, got ${answer.kind}`);
      return answer.claim;
    };
    const settling = (held: Claim, settlement: Settlement): SettleRequest => ({
      route: held.route,
      source: held.source,
      callId: held.callId,
      claimId: held.claimId,
      settlement,
      routesVersion: "v1",
    });
    const settle = async (held: Claim, settlement: Settlement) => (await ledger.settle([settling(held, settlement)]))[0];
    const skip = async (callId: string, offset: number, hash = "h1") =>
      (await ledger.skip([{ ...request(callId, offset, hash), reason: "when is false", routesVersion: "v1" }]))[0];
    const rowOf = async (callId: string) => (await ledger.deliveries({ route, callId, limit: 10 }))[0];
    const delivered = (id: string, sentFields: string[] = []): Settlement => ({ kind: "delivered", receipt: { id }, sentFields });
    const waiting = (dueInMs: number, ambiguous = false): Settlement => ({
      kind: "waiting",
      dueInMs,
      errorCode: "423",
      reason: "locked",
      ambiguous,
      body,
    });
    const dead: Settlement & { kind: "dead" } = { kind: "dead", errorCode: "400", reason: "never", body };
    const due = (max = 10, leaseMs = LEASE_MS) => ledger.claimDue({ route, worker: "w2", leaseMs, max });
    const inNewRoute = (name: string, run: () => Promise<void>) =>
      test(name, async () => {
        route = `r-${randomUUID()}`;
        await run();
      });

    describe("a claim", () => {
      inNewRoute("of a new delivery is given, with nothing known of it", async () => {
        expect(await claim(request("c", 5))).toMatchObject({
          kind: "claimed",
          claim: { route, source: "s", callId: "c", ambiguous: false, attempts: 0, receipt: undefined, sentFields: [] },
        });
      });

      inNewRoute("is refused while somebody holds one, and says when to ask again", async () => {
        await claimed(request("c", 5));
        for (const item of [request("c", 5), request("c", 4), request("c", 6, "h2")]) {
          const answer = await claim(item, { worker: "w2" });
          expect(answer).toMatchObject({ kind: "held" });
          if (answer.kind === "held") expect(answer.retryAfterMs).toBeGreaterThan(0);
        }
      });

      inNewRoute("that ran out goes to the next who asks, as ambiguous; an older record has nothing to do", async () => {
        await claimed(request("c", 5), { leaseMs: 0 });
        expect(await claim(request("c", 4))).toMatchObject({ kind: "done" });
        expect(await claimed(request("c", 5), { leaseMs: 0 })).toMatchObject({ ambiguous: true });
        expect(await claimed(request("c", 6, "h2"))).toMatchObject({ ambiguous: true });
      });

      inNewRoute("that was released leaves no trace of an attempt", async () => {
        expect(await settle(await claimed(request("c", 5)), { kind: "released" })).toBe(true);
        expect(await claimed(request("c", 5))).toMatchObject({ ambiguous: false, attempts: 0 });
      });

      test.each([
        ["delivered", delivered("1")],
        ["waiting", waiting(60_000)],
        ["dead", dead],
      ])(
        "of a delivery that is %s: older and equal records have nothing to do, a different newer one is claimed",
        async (state, settlement) => {
          route = `r-${randomUUID()}`;
          await settle(await claimed(request("c", 5)), settlement);
          expect(await claim(request("c", 5))).toEqual({ kind: "done", state });
          expect(await claim(request("c", 4, "h0"))).toEqual({ kind: "done", state });
          expect(await claim(request("c", 6, "h1"))).toEqual({ kind: "done", state });
          expect(await claimed(request("c", 7, "h2"))).toMatchObject({ ambiguous: false, attempts: 0 });
        },
      );

      inNewRoute("of a skipped delivery: the same record has nothing to do, any newer one is judged again", async () => {
        await skip("c", 5);
        expect(await claim(request("c", 5))).toEqual({ kind: "done", state: "skipped" });
        expect(await claim(request("c", 6, "h1"))).toMatchObject({ kind: "claimed" });
      });

      inNewRoute("of a newer version brings the receipt and the fields that were ever sent; they only grow", async () => {
        await settle(await claimed(request("c", 1)), delivered("remote-1", ["summary", "call_id"]));
        const second = await claimed(request("c", 2, "h2"));
        expect(second).toMatchObject({ receipt: { id: "remote-1" } });
        await settle(second, delivered("remote-1", ["transcript"]));
        const third = await claimed(request("c", 3, "h3"));
        expect([...third.sentFields].sort()).toEqual(["call_id", "summary", "transcript"]);
      });

      inNewRoute("that runs out this very moment is held or given, never taken for an end", async () => {
        const items = Array.from({ length: 400 }, (_, index) => request(`c${index}`, index));
        await ledger.claim({ worker: "w1", leaseMs: 40, items });
        for (let open = items; open.length > 0; ) {
          const asked: ClaimRequest[] = open;
          const answers = await ledger.claim({ worker: "w2", leaseMs: LEASE_MS, items: asked });
          expect(answers.filter(({ kind }) => kind === "done")).toEqual([]);
          open = asked.filter((_, index) => answers[index]?.kind === "held");
        }
      });

      inNewRoute("that runs out this very moment holds up a skip, or lets it be written", async () => {
        const items = Array.from({ length: 400 }, (_, index) => ({ ...request(`c${index}`, index), reason: "no", routesVersion: "v1" }));
        await ledger.claim({ worker: "w1", leaseMs: 40, items });
        for (let open = items; open.length > 0; ) {
          const answers = await ledger.skip(open);
          open = open.filter((_, index) => answers[index] === "held");
        }
        expect((await ledger.deliveries({ route, state: "skipped", limit: 1_000 })).length).toBe(400);
      });

      inNewRoute(
        "remembers that an earlier attempt may have arrived, also past a record that was not wanted and past a dead letter",
        async () => {
          await settle(await claimed(request("c", 1)), waiting(60_000, true));
          expect(await skip("c", 2, "h2")).toBe("done");
          expect(await claimed(request("c", 3, "h3"), { leaseMs: 0 })).toMatchObject({ ambiguous: true });
          await claimed(request("d", 1), { leaseMs: 0 });
          expect(await skip("d", 2, "h2")).toBe("done");
          const again = await claimed(request("d", 3, "h3"));
          expect(again).toMatchObject({ ambiguous: true });
          await settle(again, { kind: "skipped", reason: "when is false" });
          const third = await claimed(request("d", 4, "h4"));
          expect(third).toMatchObject({ ambiguous: true });
          await settle(third, { ...dead, ambiguous: true });
          const fourth = await claimed(request("d", 5, "h5"));
          expect(fourth).toMatchObject({ ambiguous: true });
          await settle(fourth, delivered("1"));
          expect(await claimed(request("d", 6, "h6"))).toMatchObject({ ambiguous: false });
        },
      );

      inNewRoute("goes to exactly one of several workers that ask for the same hundred deliveries at once", async () => {
        const items = Array.from({ length: 100 }, (_, index) => request(`c${index}`, index));
        const ledgers = await Promise.all(Array.from({ length: 4 }, () => harness.open()));
        try {
          const answers = await Promise.all(
            ledgers.map((one, index) =>
              one.claim({ worker: `w${index}`, leaseMs: LEASE_MS, items: index % 2 ? items : items.toReversed() }),
            ),
          );
          const holders = new Map<string, number>();
          for (const answer of answers.flat())
            if (answer.kind === "claimed") holders.set(answer.claim.callId, (holders.get(answer.claim.callId) ?? 0) + 1);
          expect(holders.size).toBe(100);
          expect([...holders.values()].every((count) => count === 1)).toBe(true);
          expect(answers.flat().filter(({ kind }) => kind === "held")).toHaveLength(300);
        } finally {
          await Promise.all(ledgers.map((one) => one.close()));
        }
      });

      inNewRoute("can be extended while it is ours", async () => {
        const held = await claimed(request("c", 1), { leaseMs: 0 });
        expect(await ledger.renew({ leaseMs: LEASE_MS, claims: [{ key: held, claimId: held.claimId }] })).toEqual([true]);
        expect(await claim(request("c", 1))).toMatchObject({ kind: "held" });
        const lost: DeliveryKey = { route, source: "s", callId: "c" };
        expect(await ledger.renew({ leaseMs: LEASE_MS, claims: [{ key: lost, claimId: "another" }] })).toEqual([false]);
      });

      inNewRoute("of five hundred deliveries is answered in order", async () => {
        const items = Array.from({ length: 500 }, (_, index) => request(`c${index}`, index));
        const answers = await ledger.claim({ worker: "w1", leaseMs: LEASE_MS, items });
        expect(answers.map((answer) => (answer.kind === "claimed" ? answer.claim.callId : answer.kind))).toEqual(
          items.map(({ callId }) => callId),
        );
      });
    });

    describe("settling", () => {
      inNewRoute("needs the claim: once it was taken over, the old holder changes nothing", async () => {
        const old = await claimed(request("c", 1), { leaseMs: 0 });
        const current = await claimed(request("c", 1));
        expect(await settle(old, delivered("old"))).toBe(false);
        expect(await rowOf("c")).toMatchObject({ state: "sending" });
        expect(await settle(current, delivered("current"))).toBe(true);
        expect(await settle(current, dead)).toBe(false);
        expect(await rowOf("c")).toMatchObject({ state: "delivered", receipt: { id: "current" }, routesVersion: "v1" });
      });

      inNewRoute("of a whole batch answers each, in order", async () => {
        const held = await Promise.all(["a", "b", "c", "d", "e"].map((callId, index) => claimed(request(callId, index))));
        const settlements: Settlement[] = [delivered("1"), { kind: "skipped", reason: "gone" }, waiting(1_000), dead, { kind: "released" }];
        const requests = held.map((one, index) => settling(one, settlements[index] as Settlement));
        const foreign = { ...requests[0], claimId: "foreign" } as SettleRequest;
        expect(await ledger.settle([...requests, foreign])).toEqual([true, true, true, true, true, false]);
        const states = await Promise.all(["a", "b", "c", "d", "e"].map(async (callId) => (await rowOf(callId))?.state));
        expect(states).toEqual(["delivered", "skipped", "waiting", "dead", "sending"]);
      });

      inNewRoute("as dead keeps the reason", async () => {
        await settle(await claimed(request("c", 1)), dead);
        expect(await rowOf("c")).toMatchObject({ state: "dead", errorCode: "400", reason: "never", attempts: 1 });
      });

      inNewRoute("survives hostile texts, and cuts what nobody would read", async () => {
        const callId = `it's "quoted" \\ 'DROP TABLE' 👍 \u0000`;
        const reason = `x\ud800${"é\u0000🙂".repeat(40_000)}`;
        await settle(await claimed(request(callId, 1)), { kind: "dead", errorCode: "\u0000'", reason, body });
        const row = (await ledger.deliveries({ route, limit: 1 }))[0];
        expect(row).toMatchObject({ state: "dead" });
        expect(row?.reason?.length).toBeLessThanOrEqual(1_000);
        expect(await claim(request(callId, 1))).toEqual({ kind: "done", state: "dead" });
      });
    });

    describe("a waiting delivery", () => {
      inNewRoute("is claimed when it is due, not before, with its body to the byte", async () => {
        await settle(await claimed(request("later", 1)), waiting(60_000));
        await settle(await claimed(request("now", 2, "h9")), waiting(0));
        const [first, ...others] = await due();
        expect(others).toEqual([]);
        expect(first).toMatchObject({
          callId: "now",
          offset: 2,
          hash: ledger.fingerprint("h9"),
          attempts: 1,
          ambiguous: false,
          acceptedAt: 1_700_000_000_000,
        });
        expect(Buffer.from(first?.body ?? []).equals(body)).toBe(true);
        expect(await due()).toEqual([]);
        const inMs = await ledger.nextDueInMs(route);
        expect(inMs).toBeGreaterThan(50_000);
        expect(inMs).toBeLessThanOrEqual(60_000);
      });

      inNewRoute("that is longest due comes first, and no more than asked for", async () => {
        for (const [index, callId] of ["a", "b", "c"].entries()) await settle(await claimed(request(callId, index)), waiting(index - 10));
        expect((await due(2)).map(({ callId }) => callId)).toEqual(["a", "b"]);
        expect((await due(2)).map(({ callId }) => callId)).toEqual(["c"]);
      });

      inNewRoute("whose worker died is claimed again, as ambiguous", async () => {
        await settle(await claimed(request("c", 1)), waiting(0));
        await due(1, 0);
        expect(await due()).toMatchObject([{ callId: "c", ambiguous: true }]);
      });

      inNewRoute("of an attempt that ended unclear comes back as ambiguous", async () => {
        await settle(await claimed(request("c", 1)), waiting(0, true));
        expect(await due()).toMatchObject([{ callId: "c", ambiguous: true }]);
      });

      inNewRoute("that was claimed and released waits on, due at once, its body and what it last met kept", async () => {
        await settle(await claimed(request("c", 1)), waiting(0));
        const [held] = await due();
        if (held) await settle(held, { kind: "released" });
        expect(await rowOf("c")).toMatchObject({ state: "waiting", errorCode: "423", reason: "locked" });
        expect(await due()).toMatchObject([{ callId: "c", ambiguous: false, attempts: 1 }]);
      });

      inNewRoute("is replaced by a newer record of the same call", async () => {
        await settle(await claimed(request("c", 1)), waiting(0));
        const newer = await claimed(request("c", 2, "h2"));
        expect(newer).toMatchObject({ attempts: 0 });
        expect(await due()).toEqual([]);
        await settle(newer, delivered("1"));
        expect(await due()).toEqual([]);
        expect(await ledger.nextDueInMs(route)).toBeUndefined();
      });

      inNewRoute("is claimed by one of two replicas that look at once", async () => {
        const items = Array.from({ length: 40 }, (_, index) => request(`c${index}`, index));
        const answers = await ledger.claim({ worker: "w1", leaseMs: LEASE_MS, items });
        await ledger.settle(answers.flatMap((answer) => (answer.kind === "claimed" ? [settling(answer.claim, waiting(0))] : [])));
        const other = await harness.open();
        const found = await Promise.all([due(40), other.claimDue({ route, worker: "w3", leaseMs: LEASE_MS, max: 40 })]);
        await other.close();
        const ids = found.flat().map(({ callId }) => callId);
        expect(new Set(ids).size).toBe(ids.length);
        expect([...ids, ...(await due(40)).map(({ callId }) => callId)].sort()).toEqual(items.map(({ callId }) => callId).sort());
      });
    });

    describe("skipping", () => {
      inNewRoute("makes a row that says why", async () => {
        expect(await skip("c", 3)).toBe("done");
        expect(await rowOf("c")).toMatchObject({ state: "skipped", reason: "when is false", offset: 3 });
      });

      inNewRoute("never undoes a delivery, but says that the newer record was not wanted", async () => {
        await settle(await claimed(request("c", 1)), delivered("remote-1"));
        expect(await skip("c", 2, "h2")).toBe("done");
        expect(await rowOf("c")).toMatchObject({ state: "delivered", receipt: { id: "remote-1" }, reason: "when is false" });
      });

      inNewRoute(
        "a newer version that the destination leaves as it is undoes no delivery either, and the version after it is judged anew",
        async () => {
          await settle(await claimed(request("c", 1)), delivered("remote-1"));
          await settle(await claimed(request("c", 2, "h2")), { kind: "skipped", reason: "no card is changed" });
          expect(await rowOf("c")).toMatchObject({ state: "delivered", receipt: { id: "remote-1" }, reason: "no card is changed" });
          expect(await claim(request("c", 2, "h2"))).toEqual({ kind: "done", state: "delivered" });
          await settle(await claimed(request("c", 3, "h2")), waiting(0));
          const [held] = await due();
          await settle(held as Claim, { kind: "skipped", reason: "when is false" });
          expect(await rowOf("c")).toMatchObject({
            state: "delivered",
            receipt: { id: "remote-1" },
            reason: "when is false",
            dueAt: undefined,
          });
          expect((await ledger.counts()).find((one) => one.route === route)).toMatchObject({ delivered: 1, skipped: 0 });
        },
      );

      inNewRoute("takes a waiting or dead one off the list, and its body with it", async () => {
        await settle(await claimed(request("w", 1)), waiting(0));
        await settle(await claimed(request("d", 2)), dead);
        expect(await skip("w", 3, "h2")).toBe("done");
        expect(await skip("d", 4, "h2")).toBe("done");
        expect([(await rowOf("w"))?.state, (await rowOf("d"))?.state]).toEqual(["skipped", "skipped"]);
        expect(await due()).toEqual([]);
      });

      inNewRoute("waits for an attempt that is under way", async () => {
        const held = await claimed(request("c", 1));
        expect(await skip("c", 2, "h2")).toBe("held");
        await settle(held, delivered("1"));
        expect(await skip("c", 2, "h2")).toBe("done");
      });

      inNewRoute("by an older record changes nothing", async () => {
        await settle(await claimed(request("c", 5)), waiting(60_000));
        expect(await skip("c", 4, "h0")).toBe("done");
        expect(await rowOf("c")).toMatchObject({ state: "waiting", offset: 5 });
      });
    });

    describe("routes and workers", () => {
      inNewRoute("the first start of a route wins, and is asked for once", async () => {
        const first = await ledger.routeStart({ route, resolve: async () => [{ partition: 0, offset: 7 }] });
        const second = await ledger.routeStart({ route, resolve: () => Promise.reject(new Error("asked again")) });
        expect([first, second]).toEqual([[{ partition: 0, offset: 7 }], [{ partition: 0, offset: 7 }]]);
        expect((await ledger.routeStarts()).get(route)).toEqual([{ partition: 0, offset: 7 }]);
      });

      inNewRoute("of several processes that begin a route at once, all get the same start", async () => {
        const starts = await Promise.all(
          [1, 2, 3, 4, 5].map((offset) => ledger.routeStart({ route, resolve: async () => [{ partition: 0, offset }] })),
        );
        expect(new Set(starts.map((start) => JSON.stringify(start))).size).toBe(1);
      });

      inNewRoute("copies of positions never move back", async () => {
        await ledger.mirrorPositions({
          route,
          positions: [
            { partition: 0, offset: 10 },
            { partition: 1, offset: 3 },
          ],
        });
        await ledger.mirrorPositions({
          route,
          positions: [
            { partition: 0, offset: 8 },
            { partition: 1, offset: 4 },
          ],
        });
        expect(await ledger.mirroredPositions(route)).toEqual([
          { partition: 0, offset: 10 },
          { partition: 1, offset: 4 },
        ]);
      });

      test("a ledger is tied to the first log that it meets", async () => {
        const first = await ledger.bindLog({ identity: "log-a" });
        expect(await ledger.bindLog({ identity: "log-b" })).toBe(first);
        expect(await ledger.boundLog()).toBe(first);
        expect(await ledger.bindLog({ identity: "log-c", earlier: ["log-x", first] })).toBe("log-c");
        expect(await ledger.bindLog({ identity: first, earlier: [] })).toBe("log-c");
      });

      test("a heartbeat tells others of a worker; a goodbye takes it away", async () => {
        const worker = `w-${randomUUID()}`;
        const routes = [{ route: "r", partitions: [0, 1], inFlight: 3, oldestOpenAt: 5, cause: undefined, endedPerSecond: 1.5 }];
        await ledger.heartbeat({ worker, host: "h", pid: 1, startedAt: 2, routesVersion: "v1", routes });
        const other = await harness.open();
        const found = (await other.workers()).find((one) => one.worker === worker);
        expect(found).toMatchObject({ host: "h", routes: [{ route: "r", partitions: [0, 1], endedPerSecond: 1.5 }] });
        expect(found?.ageMs).toBeLessThan(5_000);
        await ledger.goodbye(worker);
        expect((await other.workers()).some((one) => one.worker === worker)).toBe(false);
        await other.close();
      });

      inNewRoute("counts agree with the rows", async () => {
        await settle(await claimed(request("a", 1)), delivered("1"));
        await settle(await claimed(request("b", 2)), delivered("2"));
        await settle(await claimed(request("c", 3)), waiting(5_000));
        await settle(await claimed(request("d", 4)), dead);
        await skip("e", 5);
        await claimed(request("f", 6));
        await claimed(request("a", 7, "h2"));
        const counts = (await ledger.counts()).find((one) => one.route === route);
        expect(counts).toMatchObject({ delivered: 1, waiting: 1, dead: 1, skipped: 1, sending: 2 });
        expect(counts?.nextDueAt).toBeGreaterThan(Date.now());
      });

      inNewRoute("deliveries are listed newest first, and by call, route and state", async () => {
        for (const [index, callId] of ["a", "b", "c"].entries())
          await settle(await claimed(request(callId, index)), index === 1 ? dead : delivered("1"));
        expect((await ledger.deliveries({ route, limit: 10 })).map(({ callId }) => callId).sort()).toEqual(["a", "b", "c"]);
        expect((await ledger.deliveries({ route, state: "dead", limit: 10 })).map(({ callId }) => callId)).toEqual(["b"]);
        expect(await ledger.deliveries({ route, limit: 2 })).toHaveLength(2);
        expect(JSON.stringify(await ledger.deliveries({ route, limit: 10 }))).not.toContain("body");
      });
    });

    test("five processes that start at once find one schema", async () => {
      const opened = await Promise.all(Array.from({ length: 5 }, () => harness.open()));
      await Promise.all(opened.map((one) => one.check()));
      await Promise.all(opened.map((one) => one.close()));
    });
  });
}
