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
