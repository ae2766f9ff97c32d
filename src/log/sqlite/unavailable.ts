import { LogUnavailableError } from "../../errors.ts";
import { sqliteCode } from "../../lib/sqlite/open.ts";
import { FileLostError } from "../../lib/sqlite/place.ts";

/** SQLite's result codes (https://sqlite.org/rescode.html) in words for a person who must do something about them. */
const REASONS: Record<number, string> = {
  5: "another program holds its file locked",
  6: "another program holds its file locked",
  8: "its file is read-only",
  10: "the disk answers with an error",
  11: "its file is damaged",
  13: "the disk is full",
  14: "its file cannot be opened",
  26: "its file is no SQLite database any more",
};

/** Why the log could not be written; SQLite's own messages never quote what was to be written. */
export function unavailable(name: string, error: unknown): LogUnavailableError {
  if (error instanceof LogUnavailableError) return error;
  const reason = REASONS[sqliteCode(error) ?? 0] ?? (error instanceof Error ? error.message : "unknown");
  const why = error instanceof FileLostError ? `${reason}, and calls would be lost: put it back, or start again with another` : reason;
  return new LogUnavailableError(`${name} cannot be written: ${why}`, { cause: error });
}

/** Trying again does not repair damage. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 11 || code === 26;
}
