import { UsageError } from "../../errors.ts";

/** What a file system answers (`man 3 errno`), in words of a person who must do something about it: why, and what to do. */
const ANSWERS: Record<string, [why: string, hint: string]> = {
  ENOENT: ["it is not there", "Is the path right, seen from the working directory?"],
  ENOTDIR: ["a part of its path is a file, not a folder", "Give another path."],
  EISDIR: ["it is a folder, not a file", "Name the file itself."],
  EACCES: ["this user may not read or write it", "Give the user of this process the right to it and its folder."],
  EPERM: ["this user may not read or write it", "Give the user of this process the right to it and its folder."],
  EROFS: ["it lies on a file system that is read-only", "Mount it writable, or give another path."],
  ENOSPC: ["the disk is full", "Make room and start again."],
  EDQUOT: ["this user's quota of the disk is used up", "Make room and start again."],
  EMFILE: ["this process has too many files open", "Raise its limit (ulimit -n)."],
  ENFILE: ["this machine has too many files open", "Raise its limit (fs.file-max)."],
  ELOOP: ["its symbolic links lead in a circle", "Give another path."],
  ENAMETOOLONG: ["its path is too long", "Give a shorter one."],
  EBUSY: ["another program holds it", "End that program, or give another path."],
  ETXTBSY: ["another program holds it", "End that program, or give another path."],
  EIO: ["the disk answers with an error", "Check the disk."],
  EEXIST: ["there is something else in its place", "Give another path."],
  EFBIG: ["it is larger than the file system allows", "Give a path on another file system."],
};

/** Why a file or folder cannot be used, and what to do; undefined for an error of another kind. */
export function reasonOfFileError(error: unknown): { why: string; hint: string } | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const answer = Object.hasOwn(ANSWERS, code) ? ANSWERS[code] : undefined;
  return answer && { why: answer[0], hint: answer[1] };
}

/** Why a file that somebody named cannot be read, in a few words. */
export function whyUnreadable(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" ? "there is no such file" : (reasonOfFileError(error)?.why ?? String(code));
}

/** The error for a person; one of another kind stays what it is. `what` is the file's part, such as "the file of variables". */
export function explainFileError(error: unknown, { path, what }: { path: string; what: string }): unknown {
  const reason = reasonOfFileError(error);
  return reason ? new UsageError(`${what} ${path} cannot be used: ${reason.why}`, { hint: reason.hint, cause: error }) : error;
}
