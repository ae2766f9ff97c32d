import { ExactNumber, normalDecimal } from "../../lib/text/exact-number.ts";
import { unixMsOf } from "../../lib/time/iso-time.ts";
import type { Call } from "../../model/call.ts";
import { VISIBLE_NAMES } from "../compile/template-fields.ts";

const TEXTS = VISIBLE_NAMES.filter(({ type }) => type === "string").map(({ name }) => name);

/** A call as CEL sees it: whole numbers are bigint, times are dates, absent texts are "". */
export function contextOf(call: Call): Record<string, unknown> {
  const context: Record<string, unknown> = {};
  for (const name of TEXTS) context[name] = call[name] ?? "";
  context.duration_seconds = BigInt(Math.trunc(call.duration_seconds));
  context.start_time = momentOf(call.start_time);
  context.end_time = momentOf(call.end_time);
  context.test = call.test;
  context.metadata = toCel(call.metadata ?? {});
  return context;
}

function momentOf(text: string): Date {
  return new Date(unixMsOf(text) ?? Number.NaN);
}

function toCel(value: unknown): unknown {
  if (typeof value === "number") return isInt64(value) ? BigInt(value) : value;
  if (value instanceof ExactNumber) return wholeOf(value.text) ?? Number(value.text);
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toCel(item)]));
  }
  return value;
}

/** CEL's `int`; a larger one that a double holds, such as 1e20, stays a `double`. */
function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
}

/** Calculating with a million digits takes seconds, and nobody counts so far: beyond, it is what a double makes of it. */
const MAX_DIGITS = 1_000;

/** A whole number with every digit; undefined for a fraction. */
function wholeOf(text: string): bigint | undefined {
  const {
    sign = "",
    digits = "",
    exponent = "0",
  } = /^(?<sign>-?)(?<digits>\d+)(?:e(?<exponent>\d+))?$/.exec(normalDecimal(text))?.groups ?? {};
  if (digits === "" || digits.length + Number(exponent) > MAX_DIGITS) return undefined;
  return BigInt(`${sign}${digits}`) * 10n ** BigInt(exponent);
}
