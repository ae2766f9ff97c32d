import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** Longer than any file is being fetched or written. */
const LEFT_OVER_MS = 3_600_000;

/** Removes what a process that was killed left half done: it may be of a call that was forgotten since. What others are at work on is younger. */
export async function removeLeftOvers(options: { folder: string; prefix?: string }): Promise<void> {
  const { folder, prefix = "" } = options;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(folder, name);
    // Gone meanwhile: another process has removed it.
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > LEFT_OVER_MS) await rm(path, { force: true, recursive: true });
  }
}
