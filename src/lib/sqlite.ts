import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { UsageError } from "../errors.ts";

/** SQL, or what SQL alone cannot do; runs inside the migration's transaction. */
export type Migration = string | ((db: DatabaseSync) => void);

export interface OpenSqliteOptions {
  /** Always a file: `:memory:` has no special meaning here. */
  path: string;
  /** What the file is: `patchbay-log`, `patchbay-ledger`. Stamped into it, so that one kind is never opened as another, and named in errors. */
  application: string;
  /** Steps from an empty file on; step n brings `user_version` to n + 1. Only ever appended to. */
  migrations: readonly Migration[];
  /** How long a statement waits for another process' write. Default 5 s. */
  busyTimeoutMs?: number;
}

/**
 * Opens or makes a SQLite file, its folder included, in WAL mode with `synchronous=FULL`: a commit that returned is on disk.
 * Several processes may open a new file at the same moment; one of them makes it, the others find it made.
 * @throws {UsageError} that names the file and what to do: a folder that cannot be written, a full disk, a file that is locked,
 * damaged, no database, of another application, or made by a newer program.
 */
export function openSqlite(options: OpenSqliteOptions): DatabaseSync {
  const { path, application, busyTimeoutMs = 5_000 } = options;
  if (path === "")
    throw new UsageError(`${application}: the name of its file is missing`, {
      hint: "Write sqlite:<file>, such as sqlite:data/patchbay.db.",
    });
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true });
    db = new DatabaseSync(resolve(path), { timeout: busyTimeoutMs });
    const opened = db;
    whileBusy({ forMs: busyTimeoutMs, work: () => opened.exec("PRAGMA journal_mode=WAL") });
    opened.exec("PRAGMA synchronous=FULL");
    migrate(opened, options);
    return opened;
  } catch (error) {
    db?.close();
    throw explainOpening(error, options);
  }
}

/** Of a SQLite error the primary result code, such as 5 for BUSY (https://sqlite.org/rescode.html); undefined for other errors. */
export function sqliteCode(error: unknown): number | undefined {
  const errcode = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof errcode === "number" ? errcode & 0xff : undefined;
}

/** Runs `work` in one transaction that has the write lock from its beginning; whatever is thrown undoes all of it. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    // SQLite has undone it by itself after some failures (disk full, I/O): a second ROLLBACK would hide the reason.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** Changing a new file to WAL does not wait for other openers: SQLite answers BUSY at once instead of calling the busy handler. */
function whileBusy(options: { forMs: number; work: () => void }): void {
  const deadline = performance.now() + options.forMs;
  for (;;) {
    try {
      options.work();
      return;
    } catch (error) {
      if (sqliteCode(error) !== BUSY || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

function migrate(db: DatabaseSync, { path, application, migrations }: OpenSqliteOptions): void {
  const id = applicationId(application);
  // Without the write lock, so that opening a file that is up to date waits for nobody.
  if (pragma(db, "application_id") === id && pragma(db, "user_version") === migrations.length) return;
  inTransaction(db, () => {
    const owner = pragma(db, "application_id");
    const version = pragma(db, "user_version");
    const isNew = owner === 0 && version === 0 && pragma(db, "schema_version") === 0;
    if (owner !== id && !isNew) {
      throw new UsageError(`${path} is a SQLite file, but no ${application}`, {
        hint: "Give another file; the log and the ledger have one each.",
      });
    }
    if (version > migrations.length) {
      throw new UsageError(
        `${path} was made by a newer program: its version is ${version}, this program knows versions up to ${migrations.length}`,
        {
          hint: "Run the newer program, or give another file.",
        },
      );
    }
    for (const step of migrations.slice(version)) {
      if (typeof step === "string") db.exec(step);
      else step(db);
    }
    db.exec(`PRAGMA application_id=${id}; PRAGMA user_version=${migrations.length}`);
  });
}

/** `PRAGMA application_id` is a signed number of 32 bits. */
function applicationId(application: string): number {
  return createHash("sha256").update(application).digest().readInt32BE(0);
}

const BUSY = 5;

function explainOpening(error: unknown, { path, application }: OpenSqliteOptions): unknown {
  if (error instanceof UsageError) return error;
  const refuse = (why: string, hint: string) => new UsageError(`${application}: ${path} cannot be opened: ${why}`, { hint, cause: error });
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return refuse("its folder cannot be made", "Give a folder that this user may write.");
  if (code === "ENOTDIR" || code === "EEXIST") return refuse("what should be its folder is a file", "Give another path.");
  if (code === "ENOSPC") return refuse("the disk is full", "Make room and start again; nothing was changed.");
  switch (sqliteCode(error)) {
    case undefined:
      return error;
    case BUSY:
    case 6:
      return refuse("another program holds it locked", "End that program, or give another file.");
    case 8:
      return refuse("it is read-only", "Let this user write the file and its folder, or give another file.");
    case 11:
    case 26:
      return refuse("it is damaged, or no SQLite database", "Restore it from a backup, or move it away to start with an empty one.");
    case 13:
      return refuse("the disk is full", "Make room and start again; nothing was changed.");
    case 14:
      return refuse("it cannot be created or read", "Let this user write its folder, or give another file.");
    default:
      return refuse(error instanceof Error ? error.message : "unknown", "Check the disk; nothing was changed.");
  }
}
