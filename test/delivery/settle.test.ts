import { describe, expect, test } from "vitest";
import type { Connector, Outcome } from "../../src/connector.ts";
import { settlementOf } from "../../src/delivery/settle.ts";

const body = Buffer.from("{}");

function settle(outcome: Outcome, options: { attempts?: number; ambiguous?: boolean; duplicates?: Connector["duplicates"] } = {}) {
  const { attempts = 0, ambiguous = false, duplicates = "native-key" } = options;
  return settlementOf({ outcome, connector: { duplicates }, attempts, ambiguous, sentFields: ["summary"], body, random: () => 0.5 });
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

  test("what the destination asked for is kept in full", () => {
    const settlement = settle({ kind: "retry", because: "rate-limit", code: "429", reason: "slow down", retryAfterMs: 37_000 });
    expect(settlement).toMatchObject({ kind: "waiting", dueInMs: 37_000 });
  });

  const down: Outcome = { kind: "retry", because: "down", code: "ECONNREFUSED", reason: "nobody listens" };
  const unauthorized: Outcome = { kind: "unauthorized", code: "401", reason: "the token is refused", fix: "Make a new one" };

  test.each([down, unauthorized])("the destination's own trouble ($kind) leaves the call where it was", (outcome) => {
    expect(settle(outcome, { attempts: 2 })).toEqual({ kind: "released" });
  });

  test.each([down, unauthorized])(
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
