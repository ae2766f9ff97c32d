import { OpenError } from "../../src/connector/index.ts";
import type { RowResult } from "./store.ts";

/**
 * The results of rows in one statement, once the database has said that it has written as many as it was sent: a status of 200 alone says only that it took the statement.
 * `written` undefined: it says no number. The same rows may be sent again either way.
 * @throws {OpenError} unless it has
 */
export function proveWritten(options: { title: string; sent: number; written: number | undefined }): RowResult[] {
  const { title, sent, written } = options;
  if (written === sent) return Array.from({ length: sent }, () => "written");
  if (written === undefined) {
    throw new OpenError({ kind: "ambiguous", code: "not_proven", reason: `${title} does not say how many rows it has written` });
  }
  const reason = `${title} says that it has written ${written} of ${sent} rows`;
  throw new OpenError({ kind: "retry", because: "server", code: "rows_missing", reason });
}

/** A database answered that it has made the table or its columns, and they are not there. */
export function notMade(title: string): OpenError {
  const reason = `${title} has answered that the table is as it should be, and it is not`;
  return new OpenError({ kind: "retry", because: "server", code: "not_made", reason });
}
