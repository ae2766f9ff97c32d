import { describe, expect, test } from "vitest";
import { decideSettlement } from "../../src/delivery/pipeline/decide-settlement.ts";
import { waitForRoute } from "../../src/delivery/pipeline/wait-for-route.ts";
import type { Claim } from "../../src/ledger/ledger.ts";
import type { DeliveryOutcome } from "../../src/ledger/receipts.ts";
import type { Clock } from "../../src/lib/time/clock.ts";

const ACCEPTED_AT = 1_700_000_000_000;
const body = Buffer.from("{}");
const CLAIM: Claim = {
  route: "chat",
  source: "main",
  callId: "call_1",
  claimId: "1",
  ambiguous: false,
  attempts: 0,
  receipt: undefined,
  sentFields: [],
  agedMs: 0,
  paced: false,
  awaits: undefined,
  replay: false,
};
const route = { maxAgeMs: 86_400_000, to: { connector: { duplicates: "native-key" }, onAmbiguous: "dead" } } as const;
const at = (offset: number) => ({ partition: 0, offset, acceptedAt: ACCEPTED_AT });
const DELIVERED: DeliveryOutcome = { state: "delivered", place: at(5), receipt: { id: "7", url: "https://crm.example/7" } };

/** A wait from its begin to its end, as the worker and the due loop do it, on a clock that moves only while somebody sleeps. */
async function waitFor(options: {
  waitMs: number;
  answer(sinceMs: number): DeliveryOutcome | undefined;
  clockOffMs?: number;
  inPlace?: boolean;
}) {
  const { waitMs, answer, clockOffMs = 0, inPlace = true } = options;
  let nowMs = ACCEPTED_AT;
  const clock: Clock = {
    nowMs: () => nowMs + clockOffMs,
    monotonicMs: () => nowMs,
    random: () => 0.5,
    defer: (task) => task(),
    sleep: async (ms) => {
      nowMs += ms;
    },
  };
  const looks: number[] = [];
  const dueInMs: number[] = [];
  for (let claim = CLAIM; ; ) {
    const found = await waitForRoute({
      after: { route: "crm", title: "CRM", waitMs },
      claim,
      place: at(5),
      mayLookInPlace: () => inPlace,
      ask: async () => {
        looks.push(nowMs - ACCEPTED_AT);
        return { outcome: answer(nowMs - ACCEPTED_AT) };
      },
      clock,
      signal: new AbortController().signal,
    });
    if (!("kind" in found)) return { found, looks, dueInMs, tookMs: nowMs - ACCEPTED_AT };
    const settlement = decideSettlement({ result: found, claim, route, isClosed: false, body, random: () => 0.5, mayReject: () => true });
    if (settlement.kind !== "waiting") throw new Error(settlement.kind);
    const { awaits } = settlement;
    expect(settlement).toMatchObject({ errorCode: "after", reason: "waits for route crm", awaits: "crm", body });
    dueInMs.push(settlement.dueInMs);
    nowMs += settlement.dueInMs;
    claim = { ...CLAIM, awaits };
  }
}

describe("the wait for another route", () => {
  test("ends when it says, to the millisecond, and leaves in mind that something is missing", async () => {
    for (const waitMs of [1, 300, 2_000, 60_000, 3_600_000]) {
      const { found, tookMs } = await waitFor({ waitMs, answer: () => undefined });
      expect({ waitMs, tookMs, found }).toEqual({ waitMs, tookMs: waitMs, found: { related: undefined, awaits: "crm" } });
    }
  });

  test("notices what came within a second and a half, later within a third of the call's age, with few looks", async () => {
    const quick = await waitFor({ waitMs: 60_000, answer: (sinceMs) => (sinceMs >= 600 ? DELIVERED : undefined) });
    expect(quick).toMatchObject({ dueInMs: [], tookMs: 700, found: { related: { title: "CRM", url: "https://crm.example/7" } } });
    for (const atMs of [1_600, 5_000, 20_000, 45_000]) {
      const { tookMs, found } = await waitFor({ waitMs: 60_000, answer: (sinceMs) => (sinceMs >= atMs ? DELIVERED : undefined) });
      expect(found.related).toBeDefined();
      expect(tookMs - atMs).toBeLessThanOrEqual(Math.max(2_000, atMs / 3));
    }
    expect((await waitFor({ waitMs: 60_000, answer: () => undefined })).looks.length).toBeLessThan(20);
  });

  test("is over at once where the other is through without a receipt; given up, it may still come", async () => {
    const skipped = await waitFor({ waitMs: 60_000, answer: () => ({ state: "skipped", place: at(5), receipt: undefined }) });
    expect(skipped).toMatchObject({ tookMs: 0, found: { related: undefined, awaits: undefined } });
    const dead = await waitFor({ waitMs: 60_000, answer: () => ({ state: "dead", place: at(6), receipt: undefined }) });
    expect(dead).toMatchObject({ tookMs: 0, found: { related: undefined, awaits: "crm" } });
  });

  test("goes on where the other has left out, or given up, an older version only: what it makes of this one is not missed", async () => {
    for (const state of ["skipped", "dead"] as const) {
      const answer = (sinceMs: number) => (sinceMs >= 600 ? DELIVERED : ({ state, place: at(4), receipt: undefined } as const));
      const { found } = await waitFor({ waitMs: 60_000, answer });
      expect({ state, url: found.related?.url }).toEqual({ state, url: "https://crm.example/7" });
      const late = await waitFor({ waitMs: 2_000, answer: () => ({ state, place: at(4), receipt: undefined }) });
      expect(late.found).toEqual({ related: undefined, awaits: "crm" });
    }
  });

  test("of an older version in another partition, and of one accepted later there, is told by when they were accepted", async () => {
    const elsewhere = (acceptedAt: number) => ({ partition: 7, offset: 900, acceptedAt });
    const older = await waitFor({
      waitMs: 2_000,
      answer: () => ({ state: "skipped", place: elsewhere(ACCEPTED_AT - 1), receipt: undefined }),
    });
    expect(older.found).toEqual({ related: undefined, awaits: "crm" });
    const newer = await waitFor({
      waitMs: 2_000,
      answer: () => ({ state: "skipped", place: elsewhere(ACCEPTED_AT + 1), receipt: undefined }),
    });
    expect(newer).toMatchObject({ tookMs: 0, found: { related: undefined, awaits: undefined } });
  });

  test("is in the ledger from the first look on where its claim may not be held for it; it ends when it says all the same", async () => {
    const { looks, dueInMs, tookMs } = await waitFor({ waitMs: 5_000, answer: () => undefined, inPlace: false });
    expect({ looks: looks.slice(0, 2), first: dueInMs[0], tookMs }).toEqual({ looks: [0, 2_000], first: 2_000, tookMs: 5_000 });
  });

  test("takes the receipt of an earlier version, whatever becomes of a later one", async () => {
    for (const state of ["sending", "waiting", "dead"] as const) {
      const { found, tookMs } = await waitFor({ waitMs: 60_000, answer: () => ({ ...DELIVERED, state }) });
      expect({ state, tookMs, url: found.related?.url }).toEqual({ state, tookMs: 0, url: "https://crm.example/7" });
    }
  });

  test("is none for a call that was accepted longer ago, and a fast clock makes it shorter, never longer", async () => {
    expect(await waitFor({ waitMs: 60_000, answer: () => undefined, clockOffMs: 3_600_000 })).toMatchObject({ looks: [0], tookMs: 0 });
  });
});
