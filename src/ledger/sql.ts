import type { Row } from "./rows.ts";

export type SqlValue = string | number | null | Uint8Array;

/** One statement in the SQL that both engines speak; parameters are `$1`, `$2`, … */
export interface Sql {
  /** The engine's expression for its clock, Unix ms. */
  nowMs: string;
  /** The function that gives the larger of two values. */
  greatest: string;
  all(text: string, values?: SqlValue[]): Promise<Row[]>;
}

/** `($2, $3), ($4, $5)` for `count` pairs, behind `taken` parameters. */
export function pairs(count: number, taken: number): string {
  return Array.from({ length: count }, (_, index) => `($${taken + 2 * index + 1}, $${taken + 2 * index + 2})`).join(", ");
}
