/** `2025-01-15`, the day it was in `timezone`. */
export function dayIn(ms: number, timezone: string): string {
  return sweden(ms, timezone).slice(0, 10);
}

/** `2025-01-15 15:23:00` */
export function timeIn(ms: number, timezone: string): string {
  return sweden(ms, timezone);
}

/** `15:23:00` */
export function clockIn(ms: number, timezone: string): string {
  return sweden(ms, timezone).slice(-8);
}

/** The one locale whose dates and times are those of ISO 8601. */
function sweden(ms: number, timeZone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" }).format(ms);
}
