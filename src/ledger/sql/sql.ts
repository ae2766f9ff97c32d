import { chunk } from "../../lib/chunk.ts";
import type { Dialect } from "./conflicts.ts";
import type { Row } from "./rows.ts";

export type SqlValue = string | number | null | Uint8Array;

/** One statement in the SQL that both engines speak; parameters are `$1`, `$2`, … */
export interface Sql extends Dialect {
  /** The function that gives the larger of two values. */
  greatest: string;
  /** A column in a condition that must not choose the index. */
  filtered(column: string): string;
  /** A parameter that holds bytes, where the column does not say so. */
  bytes(parameter: string): string;
  /** `route, state, n, next_due_at` of all deliveries. */
  counts: string;
  /** Runs before an action is recorded: another transaction that records one waits until this one ends. */
  lockActions: Statement[];
  all(text: string, values?: SqlValue[]): Promise<Row[]>;
  /**
   * Runs all steps in one transaction, or none of them, and resolves with what they return. PostgreSQL ends a transaction over a deadlock:
   * then they run again from the beginning, so they change nothing but the database.
   */
  transaction<T>(steps: () => Steps<T>): Promise<T>;
}

export interface Statement {
  text: string;
  values?: SqlValue[];
}

/**
 * The steps of one transaction: each `yield` runs a statement and gives its rows.
 * A generator, not an async function: on SQLite all callers share one connection, and nothing else may run on it between two steps.
 */
export type Steps<T> = Generator<Statement, T, Row[]>;

/** `($2, $3), ($4, $5)`: `count` groups of `width` parameters, behind those that are `taken`. */
export function placeholders(count: number, width: number, taken = 0): string {
  const group = (index: number) => Array.from({ length: width }, (_, column) => `$${taken + width * index + column + 1}`).join(", ");
  return Array.from({ length: count }, (_, index) => `(${group(index)})`).join(", ");
}

/** The conditions that are given, of `{ "route =": route }`, with their parameters from `$1` on. */
export function whereOf(asked: Record<string, SqlValue | undefined>): { where: string; values: SqlValue[] } {
  const given = Object.entries(asked).filter((one): one is [string, SqlValue] => one[1] !== undefined);
  return { where: given.map(([left], index) => `${left} $${index + 1}`).join(" AND ") || "1 = 1", values: given.map(([, value]) => value) };
}

/** Rows in one statement: a few parameters each. */
const MAX_ROWS = 200;

/** Parts of a list that is too long for one statement. */
export function chunks<Item>(items: Item[]): Item[][] {
  return chunk(items, MAX_ROWS);
}
