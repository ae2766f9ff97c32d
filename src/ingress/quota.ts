/** How much of the log a source may fill. A sender who has gone mad, or who knows a secret, must not fill the disk for all. */
import { UsageError } from "../errors.ts";

/** A million calls of 10 kB: more than any line of ours has seen. */
export const DEFAULT_QUOTA_BYTES = 10_000_000_000;
const HOUR_MS = 3_600_000;
const HOURS = 24;
const ALARMS = [0.5, 0.9];

export interface Quota {
  /** Whether the source has used up what it may store in 24 hours. */
  isUsedUp(source: string): boolean;
  /** So much of it was stored. */
  add(source: string, bytes: number): void;
  /** Of what a source may store in 24 hours, from 0 on. */
  usedRatio(): [source: string, ratio: number][];
}

interface Used {
  byHour: Map<number, number>;
  bytes: number;
  alarmed: number;
}

/**
 * Counts by the hour over the last 24, in this process, since its start.
 * @param options.bytesPerDay `Infinity`: counts, and refuses nothing.
 * @param options.onAlarm a source has passed a half, or nine tenths, of it.
 */
export function createQuota(options: {
  bytesPerDay: number;
  monotonicMs: () => number;
  onAlarm: (alarm: { source: string; storedBytes: number; quotaBytes: number; ratio: number }) => void;
}): Quota {
  const { bytesPerDay, monotonicMs, onAlarm } = options;
  const sources = new Map<string, Used>();

  function usedOf(source: string): Used {
    const used = sources.get(source) ?? { byHour: new Map(), bytes: 0, alarmed: 0 };
    sources.set(source, used);
    const oldest = Math.floor(monotonicMs() / HOUR_MS) - HOURS;
    for (const [hour, bytes] of used.byHour) {
      if (hour > oldest) break;
      used.byHour.delete(hour);
      used.bytes -= bytes;
    }
    return used;
  }

  return {
    isUsedUp: (source) => usedOf(source).bytes >= bytesPerDay,
    add(source, bytes) {
      const used = usedOf(source);
      const hour = Math.floor(monotonicMs() / HOUR_MS);
      used.byHour.set(hour, (used.byHour.get(hour) ?? 0) + bytes);
      used.bytes += bytes;
      const passed = ALARMS.filter((alarm) => used.bytes >= alarm * bytesPerDay).length;
      const ratio = ALARMS[passed - 1];
      if (passed > used.alarmed && ratio !== undefined) onAlarm({ source, storedBytes: used.bytes, quotaBytes: bytesPerDay, ratio });
      used.alarmed = passed;
    },
    usedRatio: () => [...sources.keys()].map((source) => [source, usedOf(source).bytes / bytesPerDay]),
  };
}

const UNITS: Record<string, number> = { MB: 1_000_000, GB: 1_000_000_000, TB: 1_000_000_000_000 };

/**
 * `500MB`, `10GB`, or `none`.
 * @throws {UsageError} for anything else.
 */
export function readQuota(text: string): number {
  if (text === "none") return Number.POSITIVE_INFINITY;
  const [, number = "", unit = ""] = /^(\d+)\s*(MB|GB|TB)$/.exec(text) ?? [];
  const bytes = Number(number) * (UNITS[unit] ?? 0);
  if (bytes > 0) return bytes;
  throw new UsageError(`PATCHBAY_SOURCE_QUOTA cannot be "${text}"`, {
    hint: "It is what a source may store in 24 hours: 500MB, 10GB (the default), or none.",
  });
}
