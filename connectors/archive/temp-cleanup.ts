import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

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

/** Longer than a JSON file of a call is being written. */
const WRITTEN_MS = 60_000;
const LOOK_EVERY_MS = 200;

/**
 * For `patchbay forget`: a process that was killed may have left the call's JSON, or its recording, half done. A JSON file that is there for a minute
 * is a left-over: those that are there now are waited for. A recording may be on its way for longer, and is said to be there.
 */
export async function removeUnfinished(folder: string): Promise<string | undefined> {
  await removeLeftOvers({ folder });
  let recordings = 0;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (await isJson(path)) await removeUnlessMoved(path);
    else recordings += 1;
  }
  if (recordings === 0) return undefined;
  return `${recordings} unfinished recording${recordings === 1 ? "" : "s"} in ${folder}, younger than an hour, may be of it: run this once more in an hour`;
}

/** Its writer moves it to its place within milliseconds, if there is one. */
async function removeUnlessMoved(path: string): Promise<void> {
  for (;;) {
    const there = await stat(path).catch(() => undefined);
    if (!there) return;
    if (Date.now() - there.mtimeMs > WRITTEN_MS) return rm(path, { force: true });
    await delay(LOOK_EVERY_MS);
  }
}

async function isJson(path: string): Promise<boolean> {
  try {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, 0);
      return bytesRead === 0 || buffer[0] === "{".charCodeAt(0);
    } finally {
      await file.close();
    }
  } catch (error) {
    // It has come to its place meanwhile.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
}
