/** Copies of a SQLite file that are whole in themselves: while others write it, and before its tables change. */
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";

/** A store that is one file: what a backup needs of it. */
export interface StoreFile {
  /** Absolute. */
  path: string;
  /** Of its tables. */
  version: number;
  /** As {@link copySqlite}. */
  copy(options: { to: string; onProgress?(done: number, of: number): void }): Promise<void>;
}

/** Of one step, between which the event loop turns: 2 MB. */
const PAGES_AT_ONCE = 500;
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Copies a file as it is at one moment to `to`, a new file that only this user may read. `change`: SQL that runs on the copy alone.
 * @throws what SQLite throws; nothing is left at `to` then. An Error where the copy does not pass SQLite's own check.
 */
export async function copySqlite(options: {
  from: string;
  to: string;
  change?: string;
  onProgress?(done: number, of: number): void;
}): Promise<void> {
  const { from, to, change = "", onProgress = () => undefined } = options;
  makePrivate(to);
  try {
    await copyPages({ from, to, onProgress });
    finish(to, change);
  } catch (error) {
    for (const file of [to, `${to}-journal`, `${to}-wal`, `${to}-shm`]) rmSync(file, { force: true });
    throw error;
  }
}

/**
 * Under a transaction of the source: without one, SQLite begins the copy again each time that another process has written
 * (https://sqlite.org/c3ref/backup_finish.html), and under load it never ends.
 */
async function copyPages(options: { from: string; to: string; onProgress(done: number, of: number): void }): Promise<void> {
  const source = new DatabaseSync(options.from, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    source.exec("BEGIN");
    source.prepare("SELECT count(*) FROM sqlite_schema").get();
    await backup(source, options.to, {
      rate: PAGES_AT_ONCE,
      progress: ({ totalPages, remainingPages }) => options.onProgress(totalPages - remainingPages, totalPages),
    });
  } finally {
    source.close();
  }
}

/** One file without a write-ahead log beside it, read once from end to end, and on disk. */
function finish(path: string, change: string): void {
  const copy = new DatabaseSync(path);
  try {
    copy.exec(`PRAGMA secure_delete=ON; PRAGMA journal_mode=DELETE; ${change}`);
    const said = copy
      .prepare("PRAGMA quick_check(1)")
      .all()
      .map((row) => String(Object.values(row)[0]));
    if (said[0] !== "ok") throw new Error(`the copy of the file does not pass SQLite's check: ${said[0]}`);
  } finally {
    copy.close();
  }
  flush(path);
}

const KEPT = /^\.v\d+-\d{8}T\d{6}Z$/;
/** What `patchbay restore --force` has moved aside. */
const ASIDE = /^(-wal|-shm|-journal)?\.before-restore-\d{8}T\d{6}Z$/;

/**
 * Puts a copy beside a file that is about to be changed to a later version, for a way back: `ledger.db.v3-20261127T134512Z`.
 * For {@link OpenSqliteOptions.beforeMigration}. @returns its path. @throws what SQLite throws; then there is no copy.
 */
export function keepBeforeMigration({ path, from }: { path: string; from: number }): string {
  const now = new Date().toISOString().replace(/\.\d+|[-:]/g, "");
  const kept = `${path}.v${from}-${now}`;
  const half = `${kept}.half`;
  makePrivate(half);
  try {
    const reader = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    try {
      reader.prepare("VACUUM INTO ?").run(half);
    } finally {
      reader.close();
    }
    flush(half);
    renameSync(half, kept);
    return kept;
  } catch (error) {
    rmSync(half, { force: true });
    throw error;
  }
}

/** The copies that {@link keepBeforeMigration} has put beside a file, and that are still there. */
export const keptBeforeMigrations = (path: string): string[] => beside(path, KEPT);

/** What was moved aside for a backup that was put back. */
export const movedAside = (path: string): string[] => beside(path, ASIDE);

function beside(path: string, ending: RegExp): string[] {
  const name = basename(path);
  return readdirSync(dirname(path))
    .filter((one) => one.startsWith(name) && ending.test(one.slice(name.length)))
    .map((one) => join(dirname(path), one))
    .sort();
}

/** A copy holds calls too: it goes when they have to. */
export function dropKeptBeforeMigrations(options: { path: string; olderThanMs: number }): void {
  for (const kept of keptBeforeMigrations(options.path))
    if (Date.now() - statSync(kept).mtimeMs > options.olderThanMs) rmSync(kept, { force: true });
}

/** @throws EEXIST where there is a file of that name already. */
function makePrivate(path: string): void {
  closeSync(openSync(path, "wx", 0o600));
}

function flush(path: string): void {
  const file = openSync(path, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
