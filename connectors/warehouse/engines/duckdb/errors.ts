import { OpenError, type Outcome } from "../../../../src/connector/index.ts";

/** DuckDB has no error codes: a message begins with the kind of error (`Conversion Error: …`) and may quote values, so it is never passed on. */
const KIND = /^([A-Z][A-Za-z ]+?) Error: /;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "";
}

export function isMissingTable(error: unknown): boolean {
  return /^Catalog Error: .* does not exist/.test(messageOf(error));
}

/** A value did not fit: the row is at fault, not the database. Undefined for every other error. */
export function refusalOfDuckDb(error: unknown): Outcome | undefined {
  const message = messageOf(error);
  const kind = KIND.exec(message)?.[1];
  if (kind !== "Conversion" && kind !== "Constraint" && kind !== "Out of Range") return undefined;
  const column = /NOT NULL constraint failed: \w+\.(\w+)|from source column (\w+)/.exec(message);
  const where = column ? ` in ${column[1] ?? column[2]}` : "";
  return kind === "Constraint"
    ? { kind: "rejected", code: "constraint", reason: `a constraint of the table refuses the row${where}` }
    : { kind: "rejected", code: "conversion", reason: `a value${where} does not fit its column's type` };
}

/** What stops everybody from writing, said by what a person can do about it. Total. */
export function openErrorOfDuckDb(error: unknown): OpenError {
  if (error instanceof OpenError) return error;
  const message = messageOf(error);
  const unusable = (code: string, reason: string, fix: string) => new OpenError({ kind: "needs-fix", code, reason, fix });
  const down = (code: string, reason: string, retryAfterMs: number) =>
    new OpenError({ kind: "retry", because: "down", code, reason, retryAfterMs });

  if (message.includes("Could not set lock on file")) {
    const holder = /PID (\d+)/.exec(message)?.[1];
    return down(
      "locked",
      `another process holds the DuckDB file${holder ? ` (process ${holder})` : ""}; DuckDB lets one write, or several read`,
      5_000,
    );
  }
  if (/not a valid DuckDB database file|newer version|version number/.test(message)) {
    return unusable(
      "not_a_database",
      "the file is not a DuckDB database that this version can read",
      "Name another file in `url`, or move this one away",
    );
  }
  if (/No magic bytes found|too small to be a Parquet file|not a parquet/i.test(message)) {
    return unusable("not_parquet", "a file in the folder is not Parquet, although its name says so", "Move it out of the folder");
  }
  if (
    /Permission denied|Cannot open file|Is a directory|is a directory|Could not read from file|Read-only file system|read-only mode/.test(
      message,
    )
  ) {
    return unusable(
      "cannot_open",
      "the DuckDB file cannot be opened for writing",
      "Check that `url` names a file in a folder that this process may write to",
    );
  }
  if (message.includes("No space left")) return down("disk_full", "the disk that the DuckDB file is on is full", 60_000);
  const kind = KIND.exec(message)?.[1] ?? "unknown";
  if (kind === "Out of Memory") {
    return down(
      "out_of_memory",
      "DuckDB needs more memory than it may take: the transcripts of one day are too long for Parquet files; use a DuckDB file or another database, or take transcript out of `share`",
      60_000,
    );
  }
  return down(`duckdb_${kind.toLowerCase().replaceAll(" ", "_")}`, `DuckDB could not write (${kind} error)`, 30_000);
}
