import { randomUUID } from "node:crypto";

/** Requests of an app or a service key in ten seconds, and searches of an account in one (Professional; usage guidelines). */
const TEN_SECONDLY = 190;
const SEARCHES_PER_SECOND = 5;

/** HubSpot's rolling limits. A search counts only against its own, and its answers carry no rate headers. */
export function createLimits(): { admit(request: { isSearch: boolean }): { refusal?: Response; headers: Record<string, string> } } {
  const requests = createWindow(10_000);
  const searches = createWindow(1_000);
  return {
    admit({ isSearch }) {
      if (isSearch) {
        return searches.take(SEARCHES_PER_SECOND) < 0 ? { refusal: tooMany("secondly", {}), headers: {} } : { headers: {} };
      }
      const left = requests.take(TEN_SECONDLY);
      const headers = {
        "X-HubSpot-RateLimit-Max": String(TEN_SECONDLY),
        "X-HubSpot-RateLimit-Remaining": String(Math.max(0, left)),
        "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        "X-HubSpot-RateLimit-Daily": "625000",
        "X-HubSpot-RateLimit-Daily-Remaining": "625000",
      };
      return left < 0 ? { refusal: tooMany("ten_secondly_rolling", headers), headers } : { headers };
    },
  };
}

export function tooMany(policy: string, headers: Record<string, string>): Response {
  const body = {
    status: "error",
    message: `You have reached your ${policy} limit.`,
    errorType: "RATE_LIMIT",
    correlationId: randomUUID(),
    policyName: policy.toUpperCase(),
    requestId: randomUUID(),
  };
  return Response.json(body, { status: 429, headers });
}

function createWindow(spanMs: number): { take(limit: number): number } {
  let taken: number[] = [];
  return {
    /** How many more there may be now; below 0: this one is too many. */
    take(limit) {
      const nowMs = performance.now();
      taken = taken.filter((atMs) => atMs > nowMs - spanMs);
      if (taken.length >= limit) return -1;
      taken.push(nowMs);
      return limit - taken.length;
    },
  };
}
