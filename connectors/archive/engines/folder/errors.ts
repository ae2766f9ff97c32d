import { down, type Failure, type Meaning, needsFix, rejected, toOutcome } from "../../../../src/connector/index.ts";

const notOurs = needsFix(
  "the archive's folder may not be written to",
  "Give the user that Patchbay runs as write access to the folder in `url`",
);
const noFolder = needsFix("the archive's `url` leads through something that is no folder", "Give `url` a folder: file:data/archive");

const MEANINGS: Record<string, Meaning> = {
  ENOSPC: down("the disk of the archive is full: make room, or enlarge it; calls wait meanwhile"),
  EDQUOT: down("the quota of the archive's disk is used up: raise it, or make room; calls wait meanwhile"),
  EACCES: notOurs,
  EPERM: notOurs,
  EROFS: needsFix("the archive's disk is mounted read-only", "Mount it for writing, or give `url` another folder"),
  ENOTDIR: noFolder,
  EEXIST: noFolder,
  ELOOP: noFolder,
  EFBIG: rejected("the file is larger than the archive's disk takes"),
  ENAMETOOLONG: rejected("the call's name is longer than the archive's disk takes"),
};

/** What an error of the file system means; undefined when it is none. Its message has a path, and with it the call's id: it is not passed on. */
export function outcomeOfFileError(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string" || !("syscall" in error)) return undefined;
  const { code } = error;
  // A failing or vanished disk, too many open files: nothing is wrong with the call.
  return toOutcome(MEANINGS[code] ?? down(`the archive's disk cannot be written to (${code})`), { code });
}
