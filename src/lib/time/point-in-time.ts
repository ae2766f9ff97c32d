import { DURATION, parseDurationMs } from "./duration.ts";

/** A date alone, or a time that says its zone: without one it would mean another moment on each machine. */
const ISO = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** Unix ms of `2026-01-31`, `2026-01-31T09:00:00Z`, `now`, or of so long ago: `90m`, `2d`. Undefined when it is none of them. */
export function parsePointInTime(text: string, nowMs: number): number | undefined {
  if (text === "now") return nowMs;
  if (DURATION.test(text)) return nowMs - (parseDurationMs(text) ?? 0);
  const ms = ISO.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
