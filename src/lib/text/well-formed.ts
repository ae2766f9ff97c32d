import { ExactNumber } from "./exact-number.ts";

/**
 * A JSON value whose texts, and keys, have no half of a surrogate pair: `JSON.stringify` would write it as an escape that many readers refuse
 * (RFC 8259 §8.2). The half becomes U+FFFD.
 */
export function wellFormed<T>(value: T): T;
export function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map((item: unknown) => wellFormed(item));
  if (typeof value !== "object" || value === null || value instanceof ExactNumber) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toWellFormed(), wellFormed(inner)]));
}
