import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { UsageError } from "../errors.ts";
import { explainFileError } from "../lib/files/file-errors.ts";

const FILES = ["log.db", "ledger.db", "warehouse.duckdb"].flatMap((file) => ["", "-wal", "-shm", ".wal"].map((suffix) => file + suffix));
const FOLDERS = ["archive"];

export interface DemoFolder {
  path: string;
  /** A demo that has ended had left files, which are gone now. */
  cleared: boolean;
  release(): void;
}

/**
 * The folder, emptied of what the demo before has left, and held until `release` or the end of the process.
 * @throws {UsageError} while another demo holds it: its files are not removed beneath it.
 */
export function takeDemoFolder(path: string): DemoFolder {
  const held = hold(path);
  const left = [...FILES, ...FOLDERS].map((name) => join(path, name)).filter((one) => existsSync(one));
  for (const one of left) rmSync(one, { recursive: true, force: true });
  return { path, cleared: left.length > 0, release: () => held.close() };
}

/** A lock that the system takes back however its holder ends, as a file with a process id in it would not be. */
function hold(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(path, { recursive: true });
    db = new DatabaseSync(join(path, "running.db"), { timeout: 0 });
    db.exec("BEGIN EXCLUSIVE");
    return db;
  } catch (error) {
    db?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY)
      throw new UsageError(`a demo runs already in ${path}`, {
        hint: "End it with Ctrl-C first, or start this one in another folder: it would remove the files beneath the other one.",
      });
    throw explainFileError(error, { path, what: "the demo's folder" });
  }
}

const SQLITE_BUSY = 5;
