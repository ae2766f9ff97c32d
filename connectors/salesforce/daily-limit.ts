import type { Outcome } from "../../src/connector/index.ts";
import type { Session } from "./client.ts";

/** API requests of the last 24 hours, all of the org's integrations together. */
export interface Usage {
  used: number;
  limit: number;
}

/** The limit slides over 24 hours: room comes back little by little, and looking costs a request itself. */
const LOOK_AGAIN_MS = 15 * 60_000;

/** `Sforce-Limit-Info: api-usage=10018/100000`, which may name other limits too (REST API Developer Guide, "Limit Info Header"). */
export function readUsage(header: string | null): Usage | undefined {
  const [, used, limit] = /(?:^|[\s;,])api-usage=(\d+)\/(\d+)/.exec(header ?? "") ?? [];
  return Number(limit) > 0 ? { used: Number(used), limit: Number(limit) } : undefined;
}

/** An answer without the header (a proxy drops it) tells nothing: then it is asked for again no sooner than this. */
const ASK_AGAIN_MS = 60_000;

/** @throws as {@link Session.request} */
export type Hold = (signal: AbortSignal) => Promise<Outcome | undefined>;

/**
 * The wait that all calls get when the org has used up `stopPercent` of its daily limit; undefined when there is room. What we knew a quarter
 * of an hour ago is asked for again.
 */
export function createHold(options: { session: Session; stopPercent: number }): Hold {
  const { session, stopPercent } = options;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  const isNear = () => session.usage !== undefined && session.usage.used * 100 >= session.usage.limit * stopPercent;
  const dueMs = () => Math.max((session.usage?.atMs ?? 0) + LOOK_AGAIN_MS, askedAtMs + ASK_AGAIN_MS);

  return async (signal) => {
    if (!isNear()) return undefined;
    if (performance.now() >= dueMs()) {
      askedAtMs = performance.now();
      // Any request's answer tells; this one is small.
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
