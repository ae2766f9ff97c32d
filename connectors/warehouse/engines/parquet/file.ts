import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Writes a file beside another and puts it in its place, durably: a reader sees the old one or the new one, also after a crash.
 * With no rows the file goes. `write` gets the path and returns how many rows it wrote.
 */
export async function replaceFile(options: { file: string; write(path: string): Promise<number> }): Promise<void> {
  const { file, write } = options;
  const folder = dirname(file);
  await mkdir(folder, { recursive: true });
  // Not `.parquet`: a reader of the folder must not meet half a file.
  const beside = join(folder, `.${basename(file)}.new`);
  try {
    if ((await write(beside)) === 0) await rm(file, { force: true });
    else {
      await flushed(beside);
      await rename(beside, file);
    }
  } finally {
    await rm(beside, { force: true });
  }
  await flushed(folder);
}

/** What a process that was killed has left beside a file, in each day's folder. Only the holder of the folder's lock may call it: others may be writing. */
export async function removeHalfWritten(folder: string): Promise<void> {
  for (const day of await readdir(folder, { withFileTypes: true })) {
    if (!day.isDirectory() || !day.name.startsWith("dt=")) continue;
    for (const name of await readdir(join(folder, day.name))) {
      if (/^\..+\.parquet\.new$/.test(name)) await rm(join(folder, day.name, name), { force: true });
    }
  }
}

async function flushed(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
