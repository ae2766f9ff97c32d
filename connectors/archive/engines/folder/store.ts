import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { OpenError } from "../../../../src/connector/index.ts";
import { folderOf } from "../../settings.ts";
import type { Store } from "../../store.ts";
import { removeLeftOvers, removeUnfinished } from "../../temp-cleanup.ts";
import { outcomeOfFileError } from "./errors.ts";

/**
 * Files that are being written lie here, on the same file system as their places, so that a rename is atomic; and in one folder, so that what a
 * crash leaves is found and removed: it may be of a call that was forgotten since.
 */
const SCRATCH = ".incoming";

/** @throws {OpenError} when the folder cannot be made or written to. */
export async function openFolderStore(options: { url: string }): Promise<Store> {
  const root = folderOf(options.url);
  const scratch = join(root, SCRATCH);
  const pathOf = (name: string) => join(root, ...name.split("/"));

  /** A cleaner may have taken the empty folder. Where the root is gone too, a disk is not mounted: another one must not get the calls. */
  async function openInScratch(path: string) {
    try {
      return await open(path, "wx");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      await mkdir(scratch).catch((made: NodeJS.ErrnoException) => {
        if (made.code !== "EEXIST") throw made;
      });
      return open(path, "wx");
    }
  }

  async function write(name: string, bytes: Buffer, signal: AbortSignal): Promise<void> {
    const path = join(scratch, randomUUID());
    try {
      const file = await openInScratch(path);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await moveIn(name, path, signal);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async function moveIn(name: string, path: string, signal: AbortSignal): Promise<void> {
    const target = pathOf(name);
    const folder = dirname(target);
    const isNew = (await mkdir(folder, { recursive: true })) !== undefined;
    // Another process may have the call by now, and a newer version of it.
    signal.throwIfAborted();
    await rename(path, target);
    await syncFolder(folder);
    // A new folder is an entry of its parent.
    if (isNew) for (let at = folder; at !== root && at !== dirname(at); at = dirname(at)) await syncFolder(dirname(at));
  }

  try {
    await mkdir(scratch, { recursive: true });
    await removeLeftOvers({ folder: scratch });
    // Found out now, rather than by the first call.
    const probe = join(scratch, randomUUID());
    await (await open(probe, "wx")).close();
    await rm(probe);
  } catch (error) {
    const outcome = outcomeOfFileError(error);
    throw outcome ? new OpenError(outcome) : error;
  }

  return {
    scratch,
    linkTo: (name) => pathToFileURL(pathOf(name)).href,
    read: (name, { signal }) => orNothing(readFile(pathOf(name), { signal })),
    write: (name, bytes, { signal }) => write(name, bytes, signal),
    moveIn: (name, file, { signal }) => moveIn(name, file.path, signal),
    async list(prefix) {
      const folder = prefix.slice(0, prefix.lastIndexOf("/"));
      const names = (await orNothing(readdir(pathOf(folder)))) ?? [];
      return names.filter((name) => name.startsWith(basename(prefix))).map((name) => `${folder}/${name}`);
    },
    has: async (name) => (await orNothing(stat(pathOf(name)))) !== undefined,
    async remove(name) {
      await rm(pathOf(name), { force: true });
      await orNothing(syncFolder(dirname(pathOf(name))));
    },
    afterErase: () => removeUnfinished(scratch),
    outcomeOf: outcomeOfFileError,
    close: async () => undefined,
  };
}

/** Undefined where there is no such file or folder. */
async function orNothing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Makes a rename last through a loss of power. Not every system lets a folder be opened or synced (Windows, some network shares). */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["EISDIR", "EPERM", "EINVAL", "ENOTSUP", "EBADF"].includes(code)) throw error;
  }
}
