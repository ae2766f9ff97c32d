import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FORGOTTEN_REASON, forgottenHash } from "../../src/ledger/forgotten.ts";
import type { Claim, ClaimRequest, Ledger, Settlement } from "../../src/ledger/ledger.ts";
import type { LedgerHarness } from "./ledger.contract.ts";

const body = Buffer.from("{}");
const WAITING = { kind: "waiting", dueInMs: 0, errorCode: "423", reason: "locked", body } satisfies Settlement;

/** What `src/ledger/forgotten.ts` promises of calls that were forgotten on request, for every engine. */
export function describeLedgerForgotten(harness: LedgerHarness): void {
  describe(`a forgotten call, in the ledger on ${harness.name}`, () => {
    let ledger: Ledger;
    /** Another process: it has read nothing since the call was forgotten. */
    let other: Ledger;
    beforeAll(async () => {
      ledger = await harness.open();
      other = await harness.open();
    });
    afterAll(async () => {
      await Promise.all([ledger.close(), other.close()]);
      await harness.remove();
    });

    const newCall = () => ({ route: `r-${randomUUID()}`, callId: randomUUID() });
    type Named = ReturnType<typeof newCall>;
    const request = ({ route, callId }: Named, offset = 1, hash = "h1"): ClaimRequest => ({
      route,
      source: "s",
      callId,
      partition: 0,
      offset,
      hash,
      acceptedAt: 1_700_000_000_000,
    });
    const claim = (...items: ClaimRequest[]) => other.claim({ worker: "w", leaseMs: 60_000, items });
    const skip = (...items: ClaimRequest[]) => other.skip(items.map((item) => ({ ...item, reason: "when is false", routesVersion: "v" })));
    async function claimed(call: Named, offset = 1, hash = "h1"): Promise<Claim> {
      const [answer] = await claim(request(call, offset, hash));
      if (answer?.kind !== "claimed") throw new Error(`expected a claim, got ${answer?.kind}`);
      return answer.claim;
    }
    const settle = ({ route, source, callId, claimId }: Claim, settlement: Settlement) =>
      other.settle([{ route, source, callId, claimId, settlement, routesVersion: "v" }]);
    const rowOf = async ({ route, callId }: Named) => (await ledger.deliveries({ route, callId, limit: 1 }))[0];
    const forbid = ({ callId }: Named) => ledger.forbid(forgottenHash("s", callId));
    const forget = ({ callId }: Named) => ledger.forget({ source: "s", callId, hash: forgottenHash("s", callId) });

    test("is claimed by no process from that moment on; the other calls of the batch are", async () => {
      const [call, free] = [newCall(), newCall()];
      await forbid(call);
      expect(await claim(request(free), request(call))).toMatchObject([{ kind: "claimed" }, { kind: "forgotten" }]);
      expect(await rowOf(call)).toBeUndefined();
    });

    test("is skipped with that reason, whatever its route says of it, and the row keeps nothing of its content", async () => {
      const [call, free] = [newCall(), newCall()];
      await forbid(call);
      expect(await skip(request(call, 3), request(free, 4))).toEqual(["forgotten", "done"]);
      expect(await rowOf(call)).toMatchObject({ state: "skipped", reason: FORGOTTEN_REASON, offset: 3 });
      expect(await rowOf(free)).toMatchObject({ state: "skipped", reason: "when is false" });
      const [proof] = await ledger.proofs({ route: call.route, keys: [{ source: "s", callId: call.callId }] });
      expect(proof?.hash).not.toBe(ledger.fingerprint("h1"));
    });

    test("stays so with each later version, and with one that is older", async () => {
      const call = newCall();
      await settle(await claimed(call, 5), { kind: "delivered", receipt: { id: "1" }, sentFields: [] });
      await forget(call);
      for (const [offset, hash] of [
        [6, "h2"],
        [7, "h3"],
        [7, "h3"],
        [2, "h0"],
      ] as const) {
        expect(await claim(request(call, offset, hash))).toEqual([{ kind: "forgotten" }]);
        expect(await skip(request(call, offset, hash))).toEqual(["forgotten"]);
      }
      expect(await rowOf(call)).toMatchObject({ state: "skipped", reason: FORGOTTEN_REASON, receipt: undefined, offset: 7, returned: 0 });
    });

    test("is held up by an attempt that is under way, and ends with it", async () => {
      const call = newCall();
      const attempt = await claimed(call);
      await forbid(call);
      expect(await skip(request(call, 2, "h2"))).toEqual(["held"]);
      await settle(attempt, { kind: "delivered", receipt: { id: "1" }, sentFields: [] });
      expect(await skip(request(call, 2, "h2"))).toEqual(["forgotten"]);
    });

    test("is marked where it was waiting, so that it is skipped when it is due", async () => {
      const [call, free] = [newCall(), newCall()];
      free.route = call.route;
      for (const one of [call, free]) await settle(await claimed(one), WAITING);
      await forbid(call);
      const due = await other.claimDue({ route: call.route, worker: "w", leaseMs: 60_000, max: 10 });
      expect(due.find(({ callId }) => callId === call.callId)).toMatchObject({ forgotten: true });
      expect(due.find(({ callId }) => callId === free.callId)?.forgotten).toBeUndefined();
    });

    test("is put on no route by a replay", async () => {
      const [call, dead] = [newCall(), newCall()];
      await settle(await claimed(dead), { kind: "dead", errorCode: "400", reason: "never", body });
      for (const one of [call, dead]) await forbid(one);
      const items = [call, dead].map((one) => ({ ...request(one, 9), body }));
      expect(await other.enqueue({ items, dueInMs: 0, only: "all", again: true })).toEqual(["skipped", "dead"]);
      expect(await rowOf(call)).toBeUndefined();
    });

    test("is found among others by its hash", async () => {
      const call = newCall();
      const hash = forgottenHash("s", call.callId);
      await forbid(call);
      const others = Array.from({ length: 450 }, () => randomUUID());
      expect(await other.forgottenAmong([...others, hash])).toEqual(new Set([hash]));
      expect(await other.forgottenAmong([])).toEqual(new Set());
    });
  });
}
