import type { Dialect } from "./conflicts.ts";
import type { Row } from "./rows.ts";

export type SqlValue = string | number | null | Uint8Array;

/** One statement in the SQL that both engines speak; parameters are `$1`, `$2`, … */
export interface Sql extends Dialect {
  /** The function that gives the larger of two values. */
  greatest: string;
  all(text: string, values?: SqlValue[]): Promise<Row[]>;
  /** All of them or none: the rows of each, in order. */
  transaction(statements: Statement[]): Promise<Row[][]>;
}

export interface Statement {
  text: string;
  values?: SqlValue[];
}

/** `($2, $3), ($4, $5)`: `count` groups of `width` parameters, behind those that are `taken`. */
export function placeholders(count: number, width: number, taken = 0): string {
  const group = (index: number) => Array.from({ length: width }, (_, column) => `$${taken + width * index + column + 1}`).join(", ");
  return Array.from({ length: count }, (_, index) => `(${group(index)})`).join(", ");
}
