import { expect, test } from "vitest";
import { createRateLimiter } from "../../src/delivery/limits/rate-limiter.ts";
import { parseRetryAfterMs } from "../../src/lib/net/retry-after.ts";
import { systemClock } from "../../src/lib/time/clock.ts";

const NOW_MS = Date.parse("2026-01-15T12:00:00Z");

test.each([
  ["37", 37_000],
  [" 2 ", 2_000],
  ["0.5", 500],
  ["1.337", 1_337],
  ["Thu, 15 Jan 2026 12:00:30 GMT", 30_000],
  // Says nothing that one could wait for.
  ["0", undefined],
  ["Thu, 15 Jan 2026 11:59:57 GMT", undefined],
  ["soon", undefined],
  ["", undefined],
  [undefined, undefined],
])("Retry-After: %s is waited for as %s ms", (header, expected) => {
  expect(parseRetryAfterMs(header, NOW_MS)).toBe(expected);
});

test("an API that refuses and asks for no wait at all is given one all the same", () => {
  const pacer = createRateLimiter({ ledger: { reserve: async () => 0, holdBack: async () => undefined }, clock: systemClock });
  expect(pacer.hold({ key: "slack", retryAfterMs: 0 })).toBeGreaterThan(1_000);
});
