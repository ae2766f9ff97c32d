import { waitOf } from "../../lib/net/retry-after.ts";
import type { Failure, LimitScope } from "../../model/outcome.ts";

type WithoutCode<T> = T extends { code: string } ? Omit<T, "code"> : T;
type NeedsFix = Extract<Failure, { kind: "needs-fix" }>;

/** What a vendor's code or status means: an outcome without the code that it came with. `fix` may be the connector's usual one. */
export type Meaning = WithoutCode<Exclude<Failure, NeedsFix>> | (Omit<NeedsFix, "code" | "fix"> & { fix?: string });

/** Nothing was taken, from nobody: the vendor, its region or the way to it is not there. */
export const down = (reason: string, retryAfterMs?: number): Meaning => ({ kind: "retry", because: "down", reason, ...wait(retryAfterMs) });
/** The vendor failed, because of this call or of all: whether other calls fail too decides. */
export const serverFailed = (reason: string): Meaning => ({ kind: "retry", because: "server", reason });
/** This call, later: a lock, a conflict. */
export const tryLater = (reason: string, retryAfterMs?: number): Meaning => ({
  kind: "retry",
  because: "record",
  reason,
  ...wait(retryAfterMs),
});
export const rateLimited = (reason: string, options: { scope?: LimitScope; retryAfterMs?: number } = {}): Meaning => ({
  kind: "retry",
  because: "rate-limit",
  reason,
  ...options,
});
/** A person must correct something, and every call waits for it. */
export const needsFix = (reason: string, fix?: string): Meaning => ({
  kind: "needs-fix",
  reason,
  ...(fix === undefined ? {} : { fix }),
});
/** As {@link needsFix}; the destination is gone for good, and its routes stop. */
export const gone = (reason: string, fix?: string): Meaning => ({ ...(needsFix(reason, fix) as NeedsFix), stopsRoute: true });
export const rejected = (reason: string): Meaning => ({ kind: "rejected", reason });
export const ambiguous = (reason: string): Meaning => ({ kind: "ambiguous", reason });
export const skipped = (reason: string): Meaning => ({ kind: "skipped", reason });

/**
 * The outcome of a meaning. `retryAfterMs`: what the answer asks for; it wins over the meaning's own wait. `fix` is used where the meaning has none.
 * `shown` goes behind the reason in brackets: `HTTP 413`, or the vendor's code.
 */
export function toOutcome(
  meaning: Meaning,
  options: { code: string; fix?: string; retryAfterMs?: number | undefined; shown?: string | undefined },
): Failure {
  const { code, fix = "", retryAfterMs, shown } = options;
  const reason = shown === undefined ? meaning.reason : `${meaning.reason} (${shown})`;
  if (meaning.kind === "skipped") return { ...meaning, reason };
  if (meaning.kind === "needs-fix") return { fix, ...meaning, code, reason };
  if (meaning.kind !== "retry") return { ...meaning, code, reason };
  return { ...meaning, code, reason, ...waitOf(retryAfterMs) } as Failure;
}

/** By code: a list of `[meaning, "its codes with blanks between"]`. */
export function byCode<Value>(list: readonly (readonly [Value, string])[]): ReadonlyMap<string, Value> {
  return new Map(list.flatMap(([value, codes]) => codes.split(/\s+/).map((code) => [code, value] as const)));
}

function wait(retryAfterMs: number | undefined): { retryAfterMs?: number } {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}
