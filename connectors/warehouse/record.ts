import { type Delivery, ExactNumber } from "../../src/connector/index.ts";
import { CALL_COLUMNS, type Column, type ColumnKind } from "./columns.ts";

/** One delivery as the database takes it: every cell as text, cast by column there; null says nothing and blanks nothing. */
export interface Row {
  key: string;
  cells: Map<string, string | null>;
  /** Characters in all cells. */
  size: number;
}

/** A value that no database could keep. `message` names the column, never the value. */
export class CellFault extends Error {
  override readonly name = "CellFault";
}

/** Whether a column of JSON keeps this number with every digit; only of numbers that a double alters is it asked. */
export type HoldsNumber = (text: string) => boolean;

const holdsAll: HoldsNumber = () => true;

/** A number that JSON of the engine does not hold becomes a text, digit by digit, rather than another number. @throws {CellFault} */
export function rowOf(delivery: Delivery<{ columns?: Record<string, string> | undefined }>, holds: HoldsNumber = holdsAll): Row {
  const cells = new Map<string, string | null>();
  for (const { name, kind, of } of CALL_COLUMNS) cells.set(name, cellOf({ name, kind }, of(delivery), holds));
  for (const [name, text] of Object.entries(delivery.with.columns ?? {})) cells.set(name, cellOf({ name, kind: "text" }, text, holds));
  let size = 0;
  for (const cell of cells.values()) size += cell?.length ?? 0;
  return { key: delivery.key, cells, size };
}

/** Whether every time of a row is in the years that an engine keeps, bounds included. */
export function withinYears(row: Row, columns: readonly Column[], { from, to }: { from: number; to: number }): boolean {
  return columns.every(({ name, kind }) => {
    const cell = kind === "time" ? row.cells.get(name) : undefined;
    return !cell || (Number(cell.slice(0, 4)) >= from && Number(cell.slice(0, 4)) <= to);
  });
}

const TO_TEXT: Record<ColumnKind, (value: unknown, holds: HoldsNumber) => string | null | undefined> = {
  // Absent and empty are one in a call record: an empty text would blank what a fuller record said.
  text: (value) => (typeof value === "string" ? cleaned(value) || null : undefined),
  time: (value) => (typeof value === "string" ? timeText(value) : undefined),
  number: (value) => (typeof value === "number" && Number.isFinite(value) ? String(value) : undefined),
  integer: (value) => (Number.isSafeInteger(value) ? String(value) : undefined),
  json: (value, holds) =>
    JSON.stringify(value, function (this: Record<string, unknown>, key, inner: unknown) {
      const number = this[key];
      if (number instanceof ExactNumber) return holds(number.text) ? inner : number.text;
      return cleanedInside(inner);
    }),
};

function cellOf(column: Column, value: unknown, holds: HoldsNumber): string | null {
  if (value === undefined || value === null || value === "") return null;
  const text = TO_TEXT[column.kind](value, holds);
  if (text === undefined) throw new CellFault(`${column.name} is not a ${column.kind} that a database can keep`);
  return text;
}

/** PostgreSQL keeps no NUL in text or jsonb (22021, 22P05), and UTF-8 has no half of a surrogate pair. */
function cleaned(text: string): string {
  return text.replaceAll("\u0000", "").toWellFormed();
}

/** Texts and keys of one level: JSON.stringify walks the rest. */
function cleanedInside(value: unknown): unknown {
  if (typeof value === "string") return cleaned(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const keys = Object.keys(value);
  if (keys.every((key) => cleaned(key) === key)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [cleaned(key), inner]));
}

const ISO_8601 = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?(?:\.(\d+))?)?(Z|[+-]\d{2}(?::?\d{2})?)?$/i;

/**
 * An ISO 8601 time as `2025-01-15T14:23:00.123456Z`: UTC, microseconds kept, which is what both engines store.
 * Without a zone it is UTC, whatever the machine's or the session's zone is; without a time it is midnight.
 */
export function timeText(text: string): string | undefined {
  const match = ISO_8601.exec(text.trim());
  if (!match) return undefined;
  const [, year = "", month = "", day = "", time = "00:00", seconds = ":00", fraction = "", zone = "Z"] = match;
  // Date.parse takes 30 February for 2 March; a database refuses it.
  if (new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() !== Number(day) || Number(year) < 1) return undefined;
  const offset = zone.replace(/^([+-]\d{2}):?(\d{2})?$/, (_all, hours: string, minutes = "00") => `${hours}:${minutes}`).toUpperCase();
  const at = new Date(`${year}-${month}-${day}T${time}${seconds}${offset}`);
  // The zone may lead out of the years with four digits, which is what every engine reads.
  if (!(at.getUTCFullYear() >= 1 && at.getUTCFullYear() <= 9999)) return undefined;
  return `${at.toISOString().slice(0, -5)}${fraction ? `.${fraction.slice(0, 6)}` : ""}Z`;
}
