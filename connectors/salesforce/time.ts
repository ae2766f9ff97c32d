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

/** Making one costs more than all the rest of a Task. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** The one locale whose dates and times are those of ISO 8601. */
function sweden(ms: number, timeZone: string): string {
  const format = formats.get(timeZone) ?? new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  formats.set(timeZone, format);
  return format.format(ms);
}
