/** Makes sure that what was removed from a SQLite file is not in its bytes any more. */
import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { dropKeptBeforeMigrations, keptBeforeMigrations, movedAside } from "./copy.ts";
import { sqliteCode } from "./open.ts";
import { keepInPlace } from "./place.ts";

/** Packing holds every writer up for a second for each 80 MB; the others wait for 5 s. */
const MAX_PACKED_AT_WORK_BYTES = 256_000_000;
const TRIES = 50;
const TRY_AGAIN_MS = 100;

/** {@link scrubSqlite}, and the same for the copies beside the file that upgrades have left. */
export async function scrubFile(options: { db: DatabaseSync; path: string; pack: boolean; keepCopiesMs?: number }): Promise<string[]> {
  const { path, keepCopiesMs } = options;
  if (keepCopiesMs !== undefined) dropKeptBeforeMigrations({ path, olderThanMs: keepCopiesMs });
  const may = "and may hold it: delete it once you need it no more";
  return [
    ...(await scrubSqlite(options)),
    ...keptBeforeMigrations(path).map((copy) => `${copy} is a copy from before an upgrade, ${may}`),
    ...movedAside(path).map((file) => `${file} was moved aside when a backup was put back, ${may}`),
  ];
}

/**
 * Empties the write-ahead log, which keeps what stood in the file before. With `pack` the file is written from new: `secure_delete` overwrites
 * what is removed, but not the copies that SQLite leaves in a page when it divides it (seen for one removed row of 300).
 * @returns sentences for people about what may still lie there; none is the good answer.
 */
export async function scrubSqlite(options: { db: DatabaseSync; path: string; pack: boolean }): Promise<string[]> {
  const { db, path, pack } = options;
  const packed = !pack || packFile({ db, path });
  const stays = packed
    ? []
    : [
        `pieces of up to 4 KB may lie between other records of ${path}, which is too large to be packed while a process works with it: stop it, and run this once more`,
      ];
  if (!(await emptyWriteAhead(db))) stays.push(`${path}-wal holds it for as long as another program reads the file: run this once more`);
  return stays;
}

function packFile({ db, path }: { db: DatabaseSync; path: string }): boolean {
  const alone = isAlone(db);
  try {
    if (!alone && statSync(path).size > MAX_PACKED_AT_WORK_BYTES) return false;
    db.exec("VACUUM");
    return true;
  } catch (error) {
    // Busy, or no room for it: it can be done later.
    if (sqliteCode(error) === undefined) throw error;
    return false;
  } finally {
    if (alone) {
      db.exec("PRAGMA journal_mode=WAL");
      // The write-ahead log is another file now.
      keepInPlace(db, path);
    }
  }
}

/** Leaving the WAL mode is possible only where no other connection has the file open (https://sqlite.org/wal.html). The caller goes back to it. */
export function isAlone(db: DatabaseSync): boolean {
  return withoutWaiting(db, () => {
    try {
      return db.prepare("PRAGMA journal_mode=DELETE").get()?.journal_mode === "delete";
    } catch (error) {
      if (sqliteCode(error) === undefined) throw error;
      return false;
    }
  });
}

/** A reader holds it up: for milliseconds, as a rule. */
async function emptyWriteAhead(db: DatabaseSync): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    if (tryToEmptyWriteAhead(db)) return true;
    if (tries === TRIES) return false;
    await sleep(TRY_AGAIN_MS);
  }
}

/** Once, without waiting for anybody. */
export function tryToEmptyWriteAhead(db: DatabaseSync): boolean {
  return withoutWaiting(db, () => Number(db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.busy) === 0);
}

/** SQLite waits on the thread: an ingress would not answer meanwhile. */
function withoutWaiting<T>(db: DatabaseSync, work: () => T): T {
  const before = Number(db.prepare("PRAGMA busy_timeout").get()?.timeout);
  db.exec("PRAGMA busy_timeout=0");
  try {
    return work();
  } finally {
    db.exec(`PRAGMA busy_timeout=${before}`);
  }
}
