import type { Outcome } from "../../src/connector/index.ts";
import type { Session } from "./client.ts";

/** The limit covers the last 24 hours: room comes back little by little, and asking costs a request itself. */
const ASK_AFTER_MS = 15 * 60_000;

/** An answer without the header (a proxy drops it) says nothing: the next question comes no sooner than this. */
const ASK_AGAIN_MS = 60_000;

/** The outcome of every call while the daily limit is near; undefined while there is room. @throws as {@link Session.request} */
export type DailyLimit = (signal: AbortSignal) => Promise<Outcome | undefined>;

/** The limit is near once the org has used `stopPercent` of it. */
export function createDailyLimit(options: { session: Pick<Session, "usage" | "request">; stopPercent: number }): DailyLimit {
  const { session, stopPercent } = options;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  const isNear = () => session.usage !== undefined && session.usage.used * 100 >= session.usage.limit * stopPercent;
  const dueMs = () => Math.max((session.usage?.atMs ?? 0) + ASK_AFTER_MS, askedAtMs + ASK_AGAIN_MS);

  return async (signal) => {
    if (!isNear()) return undefined;
    if (performance.now() >= dueMs()) {
      askedAtMs = performance.now();
      // The answer to any request says it; this one is small.
      await session.request({ method: "GET", path: "/limits" }, { signal });
    }
    if (!isNear()) return undefined;
    return {
      kind: "retry",
      because: "rate-limit",
      code: "api_limit_near",
      reason: `the org has used up ${stopPercent} % or more of its API requests of the last 24 hours (daily_limit_stop)`,
      retryAfterMs: Math.max(1_000, Math.round(dueMs() - performance.now())),
    };
  };
}
