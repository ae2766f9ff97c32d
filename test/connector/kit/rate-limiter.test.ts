import { describe, expect, test } from "vitest";
import { createRateLimiter, RateLimitWaitError } from "../../../src/connector/index.ts";

describe("the rate limiter", () => {
  const signal = new AbortController().signal;
  const aMoment = () => new Promise((resolve) => setImmediate(resolve));
  /** A task that ends on demand, and whether it has begun. */
  const start = (limiter: ReturnType<typeof createRateLimiter>, maxWaitMs = 5_000) => {
    let end = () => {};
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    let began = false;
    const ran = limiter.run(
      () => {
        began = true;
        return done;
      },
      { maxWaitMs, signal },
    );
    ran.catch(() => undefined);
    return { end, ran, began: () => began };
  };

  test("a place that is in use is not given away, and one that was used is free after the time", async () => {
    const limiter = createRateLimiter({ max: 2, perMs: 60 });
    const [a, b, c] = [start(limiter), start(limiter), start(limiter)];
    await aMoment();
    expect([a.began(), b.began(), c.began()]).toEqual([true, true, false]);
    a.end();
    const answeredMs = performance.now();
    await a.ran;
    c.end();
    await c.ran;
    expect(performance.now() - answeredMs).toBeGreaterThanOrEqual(59);
    b.end();
    await b.ran;
  });

  test("a task that would wait too long is refused at once, with about how long", async () => {
    const limiter = createRateLimiter({ max: 1, perMs: 1_000 });
    const a = start(limiter);
    a.end();
    await a.ran;
    const error = await start(limiter, 100).ran.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RateLimitWaitError);
    expect((error as RateLimitWaitError).waitMs).toBeGreaterThan(900);
  });

  test("after a burst starts come evenly, not all at once when the time is over", async () => {
    const limiter = createRateLimiter({ max: 10, perMs: 400, burst: 2 });
    const beganMs: number[] = [];
    await Promise.all(
      Array.from({ length: 6 }, () => limiter.run(async () => void beganMs.push(performance.now()), { maxWaitMs: 5_000, signal })),
    );
    const [first = 0] = beganMs;
    expect(beganMs.filter((ms) => ms - first < 30)).toHaveLength(2);
    expect((beganMs.at(-1) ?? 0) - first).toBeGreaterThanOrEqual(155);
  });

  test("the vendor's word on what others use of the limit counts, and on what they gave back too", async () => {
    const limiter = createRateLimiter({ max: 5, perMs: 10_000 });
    limiter.update({ max: 5, remaining: 0, perMs: 10_000 });
    await expect(start(limiter, 10).ran).rejects.toBeInstanceOf(RateLimitWaitError);
    limiter.update({ max: 5, remaining: 2, perMs: 10_000 });
    const [a, b, c] = [start(limiter), start(limiter), start(limiter, 10)];
    await aMoment();
    expect([a.began(), b.began(), c.began()]).toEqual([true, true, false]);
    a.end();
    b.end();
    await Promise.all([a.ran, b.ran]);
  });

  test("without a limit no task waits; once it is known, earlier tasks count", async () => {
    const limiter = createRateLimiter({ max: Number.POSITIVE_INFINITY, perMs: 10_000, burst: 2 });
    for (let n = 0; n < 9; n += 1) await limiter.run(async () => undefined, { maxWaitMs: 0, signal });
    limiter.update({ max: 10, remaining: 1, perMs: 10_000 });
    await limiter.run(async () => undefined, { maxWaitMs: 0, signal });
    await expect(start(limiter, 10).ran).rejects.toBeInstanceOf(RateLimitWaitError);
  });

  test("a task that is given up while it waits does not start later", async () => {
    const limiter = createRateLimiter({ max: 1, perMs: 30 });
    const a = start(limiter);
    const over = new AbortController();
    let began = false;
    const waiting = limiter.run(
      async () => {
        began = true;
      },
      { maxWaitMs: 5_000, signal: over.signal },
    );
    over.abort(new Error("over"));
    await expect(waiting).rejects.toThrow("over");
    a.end();
    await a.ran;
    const next = start(limiter);
    next.end();
    await next.ran;
    expect(began).toBe(false);
  });
});
