import { memoize } from "../../src/connector/index.ts";

/** `2025-01-15`, the day it was in `timezone`. */
export function dayIn(ms: number, timezone: string): string {
  return inSweden(timezone).format(ms).slice(0, 10);
}

/** `2025-01-15 15:23:00` */
export function timeIn(ms: number, timezone: string): string {
  return inSweden(timezone).format(ms);
}

/** `15:23:00` */
export function clockIn(ms: number, timezone: string): string {
  return inSweden(timezone).format(ms).slice(-8);
}

/** The one locale whose dates and times are those of ISO 8601. Making one costs more than all the rest of a Task. */
const inSweden = memoize((timeZone) => new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" }));
