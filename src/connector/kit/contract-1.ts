/** Names of contract 1 that have a better one in the kit. Connectors from outside may use them as long as the contract's version is 1. */
import type { Failure } from "../../model/outcome.ts";
import { createCache } from "./cache.ts";
import { classifyHttp, edgeMeanings } from "./classify-http.ts";

export { abortable as untilAborted } from "../../lib/async/timeout.ts";
export { memoize as remembered } from "../../lib/cache/memoize.ts";
export { booleanSetting as flag } from "../../lib/text/boolean-setting.ts";
export { formatDuration as durationText } from "../../lib/time/duration.ts";
export { formatTime as timeText } from "../../lib/time/format-time.ts";
export { classifyHttp as outcomeOfStatus } from "./classify-http.ts";

/** Each value lives as long as its `set` says. */
export function createExpiringCache<Value>(options: { maxEntries: number }) {
  const { get, set, delete: remove } = createCache<Value>({ ...options, ttlMs: 0 });
  return { get, set: (key: string, value: Value, forMs: number) => set(key, value, forMs), delete: remove };
}

/** What a status says of the way to an API, of its region or of the account; undefined where it may speak of the call. */
export function outcomeOfEdge(
  status: number,
  options: { title: string; fix: string; retryAfter: string | null | undefined },
): Extract<Failure, { kind: "retry" | "needs-fix" }> | undefined {
  const { title, fix, retryAfter } = options;
  if (!(status in edgeMeanings(title))) return undefined;
  const answer = { status, headers: { "retry-after": retryAfter ?? undefined } };
  return classifyHttp(answer, { title, fix, duplicates: "none" }) as Extract<Failure, { kind: "retry" | "needs-fix" }>;
}
