const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `5m`, `24h`, `14d`: what {@link parseDurationMs} reads. */
export const DURATION = /^(\d{1,6})(ms|s|m|min|h|d)$/;

/** Milliseconds of a time such as `90s` or `14d`; undefined when it is none. */
export function parseDurationMs(text: string): number | undefined {
  const match = DURATION.exec(text);
  return match ? Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? 0) : undefined;
}

/** Milliseconds between two requests of a rate such as `5/s` or `100/min`; undefined when it is none. */
export function parseRateIntervalMs(text: string): number | undefined {
  const match = /^([1-9]\d*)\/(s|min|h)$/.exec(text);
  return match ? (UNIT_MS[match[2] ?? ""] ?? 0) / Number(match[1]) : undefined;
}

/**
 * A duration for people. `two-units`: `2 min 27 s`, `45 s`, `1 h 3 min`. `exact`: every unit that is not zero, `1 h 2 min 5 s`.
 */
export function formatDuration(seconds: number, style: "two-units" | "exact" = "two-units"): string {
  const whole = Math.round(seconds);
  const [h, min, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (style === "two-units") return h > 0 ? `${h} h ${min} min` : min > 0 ? `${min} min ${s} s` : `${s} s`;
  const parts = [h > 0 ? `${h} h` : "", min > 0 ? `${min} min` : "", s > 0 ? `${s} s` : ""];
  return parts.filter((part) => part !== "").join(" ") || "0 s";
}

/** In one unit, for tables: `3 ms`, `4.2 s`, `12 min`, `3.4 h`, `2.1 d`. */
export function formatShortDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${(ms / 3_600_000).toFixed(1)} h`;
  return `${(ms / 86_400_000).toFixed(1)} d`;
}
