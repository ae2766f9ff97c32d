import { createHash } from "node:crypto";
import { type Delivery, unixMsOf } from "../../src/connector/index.ts";

/** A file's name may have 255 bytes, of which the endings take some (`.recording.meta`). */
const MAX_PART_CHARS = 150;
const KEPT_CHARS = 100;

/** What a receipt's id looks like, so that nothing else is ever taken for a path. */
const PART = String.raw`[\w%-]+(\.[0-9a-f]{32})?`;
const STEM = new RegExp(String.raw`^calls/v1/dt=(\d{4}-\d{2}-\d{2}|unknown)/${PART}/${PART}(#${PART})?$`);

/**
 * Where a call lies: `calls/v1/dt=2025-01-15/voiceinfra/call_01HXYZ123456`, without an ending. It follows from the call alone, never from a clock:
 * each try writes the same place, and so does a replay in a year. The date is start_time's, in UTC.
 * A call that has a receipt stays where it is, also when its start_time was corrected.
 */
export function stemOf({ key, call, previous }: Pick<Delivery<unknown>, "key" | "call" | "previous">): string {
  const kept = previous && stemOfReceipt(previous.id);
  if (kept !== undefined) return kept;
  const startedAtMs = unixMsOf(call.start_time);
  const date = startedAtMs === undefined ? "unknown" : new Date(startedAtMs).toISOString().slice(0, 10);
  return `calls/v1/dt=${/^\d{4}-/.test(date) ? date : "unknown"}/${partOf(call.source)}/${nameOf({ key, call })}`;
}

/** A second record of a call (`record:` on the route) ends in `#` and its suffix, which no encoded call_id does. */
function nameOf({ key, call }: Pick<Delivery<unknown>, "key" | "call">): string {
  const identity = `${call.source}/${call.call_id}`;
  const suffix = key.startsWith(`${identity}#`) ? key.slice(identity.length + 1) : undefined;
  return suffix === undefined ? partOf(call.call_id) : `${partOf(call.call_id)}#${partOf(suffix)}`;
}

/** Of `calls/v1/….json`; undefined when it is no id of ours. */
export function stemOfReceipt(id: string): string | undefined {
  const stem = id.endsWith(".json") ? id.slice(0, -".json".length) : undefined;
  return stem !== undefined && STEM.test(stem) ? stem : undefined;
}

/**
 * One part of a path, percent-encoded but for letters, digits, `_` and `-`: no slash, and no dot, which could be `..` or an ending.
 * What is long, or cannot be encoded as it is, is cut and told apart by its hash, behind a dot, which nothing else has.
 */
function partOf(text: string): string {
  const bytes = Buffer.from(text, "utf8");
  let encoded = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9_-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  if (encoded !== "" && encoded.length <= MAX_PART_CHARS && text.isWellFormed()) return encoded;
  // UTF-16 tells apart what UTF-8 cannot write: halves of surrogate pairs.
  const hash = createHash("sha256").update(Buffer.from(text, "utf16le")).digest("hex");
  return `${encoded.slice(0, KEPT_CHARS).replace(/%[0-9A-F]?$/, "") || "_"}.${hash.slice(0, 32)}`;
}
