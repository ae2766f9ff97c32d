import { describe, expect, test } from "vitest";
import type { Connector, Outcome } from "../../src/connector/index.ts";
import { decideSettlement } from "../../src/delivery/pipeline/decide-settlement.ts";

const body = Buffer.from("{}");

interface Case {
  attempts?: number;
  ambiguous?: boolean;
  agedMs?: number;
  duplicates?: Connector["duplicates"];
  destinationStands?: boolean;
  limitedForMs?: number;
  maxAgeMs?: number;
}

function settle(outcome: Outcome, options: Case = {}) {
  const { attempts = 0, ambiguous = false, agedMs = 0, duplicates = "native-key", destinationStands = false, limitedForMs } = options;
  return decideSettlement({
    result: { kind: "attempted", outcome, limitedForMs, sentFields: ["summary"], awaits: undefined, try: 1, durationMs: 1 },
    claim: { attempts, ambiguous, agedMs, awaits: undefined, receipt: undefined, replay: false },
    route: { maxAgeMs: options.maxAgeMs ?? 86_400_000, to: { connector: { duplicates }, onAmbiguous: "dead" } },
    isClosed: destinationStands,
    body,
    random: () => 0.5,
    mayReject: () => true,
  });
}

describe("the outcome table", () => {
  test("delivered keeps the receipt and which fields were sent", () => {
    expect(settle({ kind: "delivered", receipt: { id: "7" } })).toEqual({
      kind: "delivered",
      receipt: { id: "7" },
      sentFields: ["summary"],
    });
  });

  test("skipped keeps the reason", () => {
    expect(settle({ kind: "skipped", reason: "a person deleted it" })).toEqual({ kind: "skipped", reason: "a person deleted it" });
  });

  test("rejected is a dead letter at once, with its body", () => {
    const settlement = settle({ kind: "rejected", code: "VALIDATION_ERROR", reason: "the title is too long" });
    expect(settlement).toEqual({ kind: "dead", errorCode: "VALIDATION_ERROR", reason: "the title is too long", body });
  });

  test.each([
    [0, 30_000],
    [1, 300_000],
    [2, 3_600_000],
    [9, 3_600_000],
  ])("retry after %i failed attempts waits %i ms", (attempts, dueInMs) => {
    const settlement = settle({ kind: "retry", because: "record", code: "423", reason: "locked" }, { attempts });
    expect(settlement).toMatchObject({ kind: "waiting", dueInMs, errorCode: "423", ambiguous: false, body });
  });

  test("a call that waits for somebody to be entered neither ages nor fails, however long its route lets it wait", () => {
    const outcome: Outcome = {
      kind: "retry",
      because: "not-yet",
      code: "no_person_yet",
      reason: "nobody has the number yet",
      retryAfterMs: 720_000,
    };
    const settlement = settle(outcome, { agedMs: 90_000_000, maxAgeMs: 86_400_000 });
    expect(settlement).toMatchObject({ kind: "waiting", dueInMs: 720_000, errorCode: "no_person_yet", paced: true });
  });

  test("what the destination asked for is kept in full", () => {
    const settlement = settle({ kind: "retry", because: "record", code: "423", reason: "locked", retryAfterMs: 37_000 });
    expect(settlement).toMatchObject({ kind: "waiting", dueInMs: 37_000 });
  });

  const limited: Outcome = { kind: "retry", because: "rate-limit", code: "429", reason: "slow down", retryAfterMs: 37_000 };

  test("a rate limit of the whole destination is no failure: the call stays where it was", () => {
    expect(settle(limited, { agedMs: 99_000_000 })).toEqual({ kind: "released" });
  });

  test("a rate limit of one target lets its call wait, without an attempt or age being counted", () => {
    expect(settle(limited, { limitedForMs: 37_000, agedMs: 99_000_000 })).toMatchObject({ kind: "waiting", dueInMs: 37_000, paced: true });
  });

  const locked: Outcome = { kind: "retry", because: "record", code: "423", reason: "locked" };

  test("the last wait ends with max_age, and what fails then is given up, with what it last said", () => {
    expect(settle(locked, { attempts: 5, maxAgeMs: 4_000_000, agedMs: 3_990_000 })).toMatchObject({ kind: "waiting", dueInMs: 10_000 });
    const settlement = settle(locked, { attempts: 6, maxAgeMs: 4_000_000, agedMs: 4_000_000, ambiguous: true });
    expect(settlement).toEqual({
      kind: "dead",
      errorCode: "max_age",
      reason: "given up after 1 h of tries: locked",
      ambiguous: true,
      body,
    });
  });

  test("a 5xx is the call's failure while the destination answers others, and the destination's once it stands", () => {
    const failed: Outcome = { kind: "retry", because: "server", code: "500", reason: "failed" };
    expect(settle(failed)).toMatchObject({ kind: "waiting", dueInMs: 30_000 });
    expect(settle(failed, { destinationStands: true, agedMs: 99_000_000 })).toEqual({ kind: "released" });
  });

  const down: Outcome = { kind: "retry", because: "down", code: "ECONNREFUSED", reason: "nobody listens" };
  const needsFix: Outcome = { kind: "needs-fix", code: "401", reason: "the token is refused", fix: "Make a new one" };

  test.each([down, needsFix])("the destination's own trouble ($kind) leaves the call where it was", (outcome) => {
    expect(settle(outcome, { attempts: 2 })).toEqual({ kind: "released" });
  });

  test.each([down, needsFix])(
    "the destination's own trouble ($kind) does not forget that an earlier attempt may have arrived",
    (outcome) => {
      expect(settle(outcome, { ambiguous: true, duplicates: "find" })).toMatchObject({ kind: "waiting", ambiguous: true });
    },
  );

  test.each(["native-key", "find"] as const)("ambiguous is tried again, marked, where %s protects from a second record", (duplicates) => {
    const settlement = settle({ kind: "ambiguous", code: "TimeoutError", reason: "no answer" }, { duplicates });
    expect(settlement).toMatchObject({ kind: "waiting", ambiguous: true, dueInMs: 5_000 });
  });

  test("ambiguous is a dead letter where sending again could make a second record", () => {
    const settlement = settle({ kind: "ambiguous", code: "TimeoutError", reason: "no answer" }, { duplicates: "none" });
    expect(settlement).toMatchObject({ kind: "dead", errorCode: "ambiguous" });
  });
});
