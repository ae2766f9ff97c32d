import type { Outcome } from "../../src/connector/index.ts";
import type { Column } from "./columns.ts";
import type { HoldsNumber, Row } from "./record.ts";

/** A row's end: `written`, or the outcome that its delivery gets instead. */
export type RowResult = "written" | Outcome;

/** One table of one database. Each engine is behind it; what a row is, and what becomes of its outcome, they need not know. */
export interface Store {
  /** For receipts: `calls`, or `analytics.calls`. */
  readonly table: string;
  /** What one statement takes, where the engine has a limit: of the row as it goes over the wire. `batchBytes`: what several rows have together, if less. */
  readonly limit?: { maxBytes: number; batchBytes?: number; bytesOf(row: Row): number };
  /** Absent: its columns of JSON keep every number. */
  readonly holdsNumber?: HoldsNumber;
  /**
   * Makes the table, or adds the columns it lacks; never changes or drops one. Safe in several processes at once.
   * @throws {OpenError} when the table is not ours, or a column has a type that cannot hold what we write.
   */
  prepare(columns: readonly Column[]): Promise<void>;
  /**
   * Writes rows by their key: a new row, or the cells that are not null of the one that is there. One result per row, in order.
   * A row that the database refuses is refused alone. Prepares the columns that it has not seen.
   * @throws {OpenError} as `prepare`; errors of the network as they come.
   */
  upsert(rows: Row[], columns: readonly Column[], options: { signal: AbortSignal }): Promise<RowResult[]>;
  /** Deletes a row by its key; `false`: there was none. @throws as `upsert`. */
  erase(key: string, options: { signal: AbortSignal }): Promise<boolean>;
  /** Behind the last `erase`: what was deleted is not in the store's own files any more. Resolves with what stays, for people. */
  afterErase?(options: { signal: AbortSignal }): Promise<string | undefined>;
  /** A row as it stands there, by column, its values as people read them; undefined: there is none. @throws as `upsert`. */
  read(key: string, options: { signal: AbortSignal }): Promise<Record<string, unknown> | undefined>;
  close(): Promise<void>;
}
