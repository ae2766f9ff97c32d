import { OpenError } from "../../src/connector.ts";

/**
 * That a database has written as many rows as it was sent: a status of 200 alone says only that it took the statement.
 * `written` undefined: it says no number. The same rows may be sent again either way.
 * @throws {OpenError} unless it has
 */
export function proveWritten(options: { title: string; sent: number; written: number | undefined }): void {
  const { title, sent, written } = options;
  if (written === sent) return;
  if (written === undefined) {
    throw new OpenError({ kind: "ambiguous", code: "not_proven", reason: `${title} does not say how many rows it has written` });
  }
  const reason = `${title} says that it has written ${written} of ${sent} rows`;
  throw new OpenError({ kind: "retry", because: "server", code: "rows_missing", reason });
}
