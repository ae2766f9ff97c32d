import { createHash } from "node:crypto";
import { ExactNumber, normalDecimal } from "../lib/text/exact-number.ts";

/** JSON with sorted keys and no white space: two texts of the same value give the same bytes. */
export function canonicalJson(value: unknown): string {
  return sorted(value, ({ text }) => normalDecimal(text));
}

/** As {@link canonicalJson}, for readers: a number that a double does not hold is spelled as it came, not `12e3`, which many read as a double. */
export function sortedJson(value: unknown): string {
  return sorted(value, ({ text }) => text);
}

function sorted(value: unknown, spelled: (number: ExactNumber) => string): string {
  if (Array.isArray(value)) return `[${value.map((item) => sorted(item, spelled)).join(",")}]`;
  if (value instanceof ExactNumber) return spelled(value);
  if (typeof value === "object" && value !== null) {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${sorted((value as Record<string, unknown>)[key], spelled)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256 of the canonical JSON, in hex. */
export function contentHash(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}
