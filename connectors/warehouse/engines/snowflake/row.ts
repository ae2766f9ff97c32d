import { parseJsonExactly } from "../../../../src/connector/index.ts";
import type { Answer } from "./client.ts";
import { ownName } from "./sql.ts";

/**
 * The first row of an answer, by our names of its columns; undefined where there is none. Cells come as texts, whatever their type is
 * (docs.snowflake.com/en/developer-guide/sql-api/handling-responses); those of a type that we do not write stay so.
 */
export function firstRowOf({ columns, data: [cells] }: Pick<Answer, "columns" | "data">): Record<string, unknown> | undefined {
  return cells && Object.fromEntries(columns.map(({ name, type }, index) => [ownName(name), readCell(type, cells[index] ?? null)]));
}

const READ: Record<string, (text: string) => unknown> = {
  // An integer may have 38 digits.
  fixed: (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text),
  real: (text) => (Number.isFinite(Number(text)) ? Number(text) : text),
  variant: jsonOf,
  timestamp_tz: timeOf,
  timestamp_ltz: timeOf,
};

function readCell(type: string, text: string | null): unknown {
  return text === null ? null : (READ[type.toLowerCase()]?.(text) ?? text);
}

/** Snowflake also prints what JSON does not have (`undefined`, NaN); and the error of a parser would quote the text. */
function jsonOf(text: string): unknown {
  try {
    return parseJsonExactly(text);
  } catch {
    return text;
  }
}

/** `1736950980.123456000 1440`: seconds of the epoch, whatever the zone beside them is. As `2025-01-15T14:23:00.123456Z`. */
function timeOf(text: string): string {
  const microseconds = Math.round(Number.parseFloat(text) * 1e6);
  const wholeMs = new Date(Math.floor(microseconds / 1000));
  if (Number.isNaN(wholeMs.getTime())) return text;
  const digits = String(microseconds - wholeMs.getTime() * 1000).padStart(3, "0");
  return wholeMs
    .toISOString()
    .replace("Z", `${digits}Z`)
    .replace(/\.?0+Z$/, "Z");
}
