import { memoize } from "../cache/memoize.ts";
import { unixMsOf } from "./iso-time.ts";

const TIME = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" } as const;
/** To make one takes longer than all else of a message. */
const formatIn = memoize((timeZone) => new Intl.DateTimeFormat("en-GB", { timeZone, ...TIME }));

/** `15 Jan 2025, 15:23 CET`; the text as it came when it cannot be read. */
export function formatTime(iso: string, timezone: string): string {
  const atMs = unixMsOf(iso);
  return atMs === undefined ? iso : formatIn(timezone).format(atMs);
}
