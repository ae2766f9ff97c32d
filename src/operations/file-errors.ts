import { UsageError } from "../errors.ts";
import { sqliteCode } from "../lib/sqlite/open.ts";

/** Explains an error of the disk or of its rights, with what to do; other errors as they are. `doing`: `the backup cannot be written`. */
export function explainFileError(error: unknown, doing: string): unknown {
  if (!(error instanceof Error) || error instanceof UsageError) return error;
  const { code = "", path = "" } = error as NodeJS.ErrnoException;
  const where = path === "" ? "" : `: ${path}`;
  const refuse = (why: string, hint: string) => new UsageError(`${doing}${where} ${why}`, { hint, cause: error });
  const sqlite = sqliteCode(error);
  if (code === "ENOSPC" || code === "EDQUOT" || sqlite === 13)
    return refuse("has no room on its disk", "Make room, or use another disk, and run it once more.");
  if (["EACCES", "EPERM", "EROFS"].includes(code) || sqlite === 8)
    return refuse(
      "may not be written by this user",
      "Run it as the user that Patchbay runs as, or give a folder that this user may write.",
    );
  if (["ENOTDIR", "EEXIST", "EISDIR", "EXDEV"].includes(code)) return refuse("is in the way", "Give another folder.");
  if (sqlite === 11 || sqlite === 26)
    return refuse("is damaged, or no SQLite database", "The file that is copied cannot be read to its end: restore an earlier backup.");
  if (sqlite === 5) return refuse("is locked by another program", "End that program, or run it once more.");
  if (code === "EIO" || sqlite === 10) return refuse("is on a disk that answers with an error", "Check the disk.");
  return error;
}
