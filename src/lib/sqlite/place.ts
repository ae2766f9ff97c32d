/**
 * Whether the files of an open database still are what their names lead to. After `rm data/*`, or after another file was put in their place,
 * SQLite goes on writing to what nobody will find again, without an error (https://sqlite.org/howtocorrupt.html, "unlinked or renamed").
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";

/** What is written now would not be kept. */
export class FileLostError extends Error {
  override readonly name = "FileLostError";
}

/** The database, its write-ahead log, and the index of that: one process that recreates the last and another that has the old one damage it. */
const SUFFIXES = ["", "-wal", "-shm"];

interface File {
  path: string;
  /** Device and inode; undefined as long as it was never there. */
  identity: string | undefined;
}

const filesOf = new WeakMap<DatabaseSync, File[]>();

/** From now on {@link assertInPlace} holds the database to the files that are there now. Again after a change of its journal mode, which makes new ones. */
export function keepInPlace(db: DatabaseSync, path: string): void {
  filesOf.set(
    db,
    SUFFIXES.map((suffix) => ({ path: resolve(path) + suffix, identity: identityOf(resolve(path) + suffix) })),
  );
}

/** Costs some microseconds. @throws {FileLostError} saying which was removed, or replaced; nothing for a database that is not kept in place. */
export function assertInPlace(db: DatabaseSync): void {
  for (const file of filesOf.get(db) ?? []) {
    const now = identityOf(file.path);
    file.identity ??= now;
    if (now !== file.identity)
      throw new FileLostError(`its file ${file.path} was ${now === undefined ? "removed" : "replaced by another"} while it was in use`);
  }
}

function identityOf(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
}
