/** Who names a longer wait has made a mistake, and a person would have to undo it. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

/** The part of an outcome that says how long to wait: as asked, a day at most; nothing where nobody asked. */
export function waitOf(askedMs: number | undefined): { retryAfterMs?: number } {
  return askedMs === undefined ? {} : { retryAfterMs: Math.min(askedMs, LONGEST_WAIT_MS) };
}

/**
 * `Retry-After` as milliseconds from now: seconds or an HTTP date (RFC 9110 §10.2.3); undefined when absent, unreadable, or over already: who is
 * refused and told "at once" (0, or a date that our clock has passed) has to find a pause by itself.
 */
export function parseRetryAfterMs(header: string | null | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? "";
  // Fractions are not in the RFC, and are sent; `Date.parse` would read 0.5 as a day.
  const ms = /^\d+(\.\d+)?$/.test(text) ? Math.ceil(Number(text) * 1000) : Date.parse(text) - nowMs;
  return ms > 0 ? ms : undefined;
}
