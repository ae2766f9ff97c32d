import { describe, expect, test } from "vitest";
import type { Outcome } from "../../src/connector/index.ts";
import { createCircuitBreaker, type Permit } from "../../src/delivery/limits/circuit-breaker.ts";

const down: Outcome = { kind: "retry", because: "down", code: "ECONNREFUSED", reason: "nobody listens" };
const server: Outcome = { kind: "retry", because: "server", code: "500", reason: "failed" };
const delivered: Outcome = { kind: "delivered", receipt: { id: "1" } };

/** Time that passes when it is told to. */
function manualClock() {
  let nowMs = 0;
  let sleepers: { atMs: number; wake(): void }[] = [];
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    random: () => 0.5,
    defer: (task: () => void) => void setImmediate(task),
    sleep: (ms: number) => new Promise<void>((resolve) => sleepers.push({ atMs: nowMs + ms, wake: resolve })),
    async pass(ms: number) {
      nowMs += ms;
      const due = sleepers.filter(({ atMs }) => atMs <= nowMs);
      sleepers = sleepers.filter(({ atMs }) => atMs > nowMs);
      for (const { wake } of due) wake();
      // Lets what waits on the sleepers run.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function setUp() {
  const clock = manualClock();
  const causes: (string | undefined)[] = [];
  const breaker = createCircuitBreaker({ clock, signal: new AbortController().signal, onChange: (cause) => causes.push(cause) });
  const never = new AbortController().signal;
  const pass = (key: string) => breaker.pass({ key, signal: never }) as Promise<Permit>;
  const attempt = async (key: string, outcome: Outcome) => (await pass(key)).end({ ...outcome });
  /** Whether the permit has been given by now. */
  async function given(permit: Promise<unknown>): Promise<boolean> {
    return Promise.race([permit.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);
  }
  return { clock, causes, breaker, pass, attempt, given };
}

describe("a breaker", () => {
  test("lets everybody through while the destination answers, whatever it says of single calls", async () => {
    const { breaker, attempt } = setUp();
    for (const outcome of [
      delivered,
      { kind: "rejected", code: "400", reason: "no" },
      { kind: "retry", because: "record", code: "423", reason: "locked" },
      { kind: "retry", because: "rate-limit", code: "429", reason: "slowly" },
    ] satisfies Outcome[]) {
      for (const key of ["a", "b", "c", "d"]) await attempt(key, outcome);
    }
    expect(breaker.cause()).toBeUndefined();
    expect(breaker.room()).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([
    ["nothing reached it", down, "destination down: nobody listens"],
    [
      "it does not let us in",
      { kind: "needs-fix", code: "401", reason: "the token is refused", fix: "Make a new one" },
      "needs a fix: the token is refused. Make a new one",
    ],
  ] satisfies [string, Outcome, string][])("opens at once when %s", async (_, outcome, cause) => {
    const { breaker, causes, attempt } = setUp();
    await attempt("a", outcome);
    expect(breaker.cause()).toBe(cause);
    expect(breaker.room()).toBe(0);
    expect(causes).toEqual([cause]);
  });

  test.each([
    ["5xx", server],
    ["attempts without an answer", { kind: "ambiguous", code: "TimeoutError", reason: "no answer" }],
  ] satisfies [string, Outcome][])("opens on %s only over three different calls in a row", async (_, outcome) => {
    const { breaker, attempt } = setUp();
    for (let times = 0; times < 9; times += 1) await attempt("odd", outcome);
    await attempt("b", outcome);
    expect(breaker.cause()).toBeUndefined();
    await attempt("b", delivered);
    await attempt("odd", outcome);
    await attempt("b", outcome);
    expect(breaker.cause()).toBeUndefined();
    await attempt("c", outcome);
    expect(breaker.cause()).toMatch(/^destination down/);
  });

  test("a look-up that fails, or can never tell, says nothing against a destination: sending may work", async () => {
    const { breaker, attempt } = setUp();
    for (const lookUp of ["failed", "impossible"] as const)
      for (const call of ["a", "b", "c", "d"])
        await attempt(call, { kind: "ambiguous", code: "look_up_failed", reason: "no scope", lookUp });
    expect(breaker.cause()).toBeUndefined();
  });

  test("probes with one delivery at a time, each time another, at growing intervals; a good answer lets all through", async () => {
    const { clock, breaker, causes, pass, attempt, given } = setUp();
    await attempt("a", down);
    const [first, second, third] = [pass("b"), pass("c"), pass("d")];
    expect(await given(first)).toBe(false);
    await clock.pass(1_000);
    expect([await given(first), await given(second)]).toEqual([true, false]);
    (await first).end(down);
    const again = pass("b");
    await clock.pass(1_000);
    expect(await given(second)).toBe(false);
    await clock.pass(1_000);
    expect([await given(second), await given(third)]).toEqual([true, false]);
    (await second).end(delivered);
    expect([await given(third), await given(again)]).toEqual([true, true]);
    expect(breaker.cause()).toBeUndefined();
    expect(causes).toEqual(["destination down: nobody listens", undefined]);
  });

  test("waits as long as the destination asked for, and never longer than half a minute by itself", async () => {
    const { clock, pass, attempt, given } = setUp();
    await attempt("a", { ...down, retryAfterMs: 90_000 } as Outcome);
    const asked = pass("b");
    await clock.pass(89_000);
    expect(await given(asked)).toBe(false);
    await clock.pass(1_000);
    expect(await given(asked)).toBe(true);
    (await asked).end(down);
    for (let probe = 0; probe < 8; probe += 1) {
      const next = pass("c");
      await clock.pass(30_000);
      expect(await given(next)).toBe(true);
      (await next).end(down);
    }
  });

  test("a probe that came to nothing hands on to the next one", async () => {
    const { clock, pass, attempt, given } = setUp();
    await attempt("a", down);
    const [first, second] = [pass("b"), pass("c")];
    await clock.pass(1_000);
    (await first).end(undefined);
    expect(await given(second)).toBe(true);
  });

  test("attempts that began before it opened say nothing: neither their success closes it nor their failure keeps it open", async () => {
    const { clock, breaker, pass, attempt, given } = setUp();
    const [early, other] = [await pass("a"), await pass("b")];
    await attempt("c", down);
    expect(early.isValid()).toBe(false);
    early.end(delivered);
    expect(breaker.cause()).toBeDefined();
    other.end(down);
    const probe = pass("d");
    await clock.pass(1_000);
    expect(await given(probe)).toBe(true);
  });

  test("who gives up waiting is not given a permit later", async () => {
    const { clock, breaker, pass, attempt, given } = setUp();
    await attempt("a", down);
    const leaving = new AbortController();
    const left = breaker.pass({ key: "b", signal: leaving.signal });
    leaving.abort();
    expect(await left).toBeUndefined();
    const next = pass("c");
    await clock.pass(1_000);
    expect(await given(next)).toBe(true);
  });
});
