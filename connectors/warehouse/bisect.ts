import type { Outcome } from "../../src/connector/index.ts";
import type { Row } from "./row.ts";
import type { RowResult } from "./store.ts";

/**
 * Writes rows in one statement; when the database refuses a value, halves the batch until the refused rows stand alone.
 * One bad row of 500 costs about 18 statements. `refusalOf` tells a refused value (its outcome) from any other error (undefined, rethrown).
 */
export async function writeBisecting(options: {
  rows: Row[];
  /** One result for each, in order. */
  write(rows: Row[]): Promise<RowResult[]>;
  refusalOf(error: unknown): Outcome | undefined;
  signal: AbortSignal;
}): Promise<RowResult[]> {
  const { rows, write, refusalOf, signal } = options;
  if (rows.length === 0) return [];
  signal.throwIfAborted();
  try {
    return await write(rows);
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw error;
    if (rows.length === 1) return [refusal];
    const middle = rows.length >> 1;
    const first = await writeBisecting({ ...options, rows: rows.slice(0, middle) });
    return [...first, ...(await writeBisecting({ ...options, rows: rows.slice(middle) }))];
  }
}
