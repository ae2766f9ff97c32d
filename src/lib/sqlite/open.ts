import { createHash } from "node:crypto";
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { UsageError } from "../../errors.ts";
import { reasonOfFileError } from "../files/file-errors.ts";
import { assertInPlace, keepInPlace } from "./place.ts";

/** SQL, or what SQL alone cannot do; runs inside the migration's transaction. */
export type Migration = string | ((db: DatabaseSync) => void);

export interface OpenSqliteOptions {
  /** Always a file: `:memory:` has no special meaning here. */
  path: string;
  /** What the file is: `patchbay-log`, `patchbay-ledger`. Stamped into it, so that one kind is never opened as another, and named in errors. */
  application: string;
  /** Steps from an empty file on; step n brings `user_version` to n + 1. Only ever appended to. */
  migrations: readonly Migration[];
  /**
   * Runs before a file of an earlier version is changed, while nobody else can write it; not for a new file. What it throws leaves the file as it is.
   */
  beforeMigration?: ((file: { path: string; from: number; to: number }) => void) | undefined;
  /** How long a statement waits for another process' write. Default 5 s. */
  busyTimeoutMs?: number;
  /** `look`: writes nothing, makes no file, and sees it as it is now; `watch`: the same, and sees what others write meanwhile. Default `write`. */
  access?: SqliteAccess | undefined;
  /** Makes no file, and refuses one of an earlier version. */
  mustExist?: boolean | undefined;
}

export type SqliteAccess = "write" | "look" | "watch";

/**
 * Opens or makes a SQLite file, its folder included, in WAL mode with `synchronous=FULL`: a commit that returned is on disk.
 * Several processes may open a new file at the same moment; one of them makes it, the others find it made.
 * @throws {UsageError} that names the file and what to do: a folder that cannot be written, a full disk, a file that is locked,
 * damaged, no database, of another application, or made by a newer program.
 */
export function openSqlite(options: OpenSqliteOptions): DatabaseSync {
  const { path, application, access = "write", mustExist = access !== "write" } = options;
  if (path === "")
    throw new UsageError(`${application}: the name of its file is missing`, {
      hint: "Write sqlite:<file>, such as sqlite:data/patchbay.db.",
    });
  let db: DatabaseSync | undefined;
  try {
    refuseFolder(path);
    if (!mustExist) mkdirSync(dirname(path), { recursive: true });
    db = connect(options);
    if (mustExist) refuseOtherVersion(db, options);
    else migrate(db, options);
    if (access === "write") keepInPlace(db, path);
    return db;
  } catch (error) {
    db?.close();
    throw explainOpening(error, options);
  }
}

function connect({ path, access = "write", busyTimeoutMs = 5_000 }: OpenSqliteOptions): DatabaseSync {
  const file = resolve(path);
  if (access === "look") {
    // A writer has a write-ahead log beside the file. Without one there is no writer, and SQLite would make one even for a reader.
    if (existsSync(`${file}-wal`)) return new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs });
    const url = pathToFileURL(file);
    url.searchParams.set("immutable", "1");
    return new DatabaseSync(url, { readOnly: true });
  }
  const db = new DatabaseSync(file, { timeout: busyTimeoutMs });
  try {
    if (access === "watch") db.exec("PRAGMA query_only=ON");
    else beginWriting(db, { file, busyTimeoutMs });
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function beginWriting(db: DatabaseSync, { file, busyTimeoutMs }: { file: string; busyTimeoutMs: number }): void {
  // Of a file that may not be written SQLite says so at the first write, which may be hours away.
  accessSync(file, constants.W_OK);
  accessSync(dirname(file), constants.W_OK);
  whileBusy({ forMs: busyTimeoutMs, work: () => db.exec("PRAGMA journal_mode=WAL") });
  db.exec("PRAGMA synchronous=FULL");
  // What is removed is overwritten: a call's text must not stay in free pages (https://sqlite.org/pragma.html#pragma_secure_delete).
  db.exec("PRAGMA secure_delete=ON");
}

function refuseFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw Object.assign(new Error(path), { code: "EISDIR" });
}

/** Of a SQLite error the primary result code, such as 5 for BUSY (https://sqlite.org/rescode.html); undefined for other errors. */
export function sqliteCode(error: unknown): number | undefined {
  const errcode = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof errcode === "number" ? errcode & 0xff : undefined;
}

/**
 * Runs `work` in one transaction that has the write lock from its beginning; whatever is thrown undoes all of it.
 * @throws {FileLostError} when what was written lies in a file that nobody will find again.
 */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  assertInPlace(db);
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    assertInPlace(db);
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

function migrate(db: DatabaseSync, options: OpenSqliteOptions): void {
  const { path, application, migrations, beforeMigration } = options;
  const id = applicationId(application);
  // Without the write lock, so that opening a file that is up to date waits for nobody.
  if (pragma(db, "application_id") === id && pragma(db, "user_version") === migrations.length) return;
  inTransaction(db, () => {
    const version = versionOf(db, options) ?? 0;
    if (version > 0 && version < migrations.length) beforeMigration?.({ path: resolve(path), from: version, to: migrations.length });
    for (const step of migrations.slice(version)) {
      if (typeof step === "string") db.exec(step);
      else step(db);
    }
    db.exec(`PRAGMA application_id=${id}; PRAGMA user_version=${migrations.length}`);
  });
}

/** undefined for a file that holds nothing yet. @throws {UsageError} for a file of something else, or of a newer program. */
function versionOf(db: DatabaseSync, { path, application, migrations }: OpenSqliteOptions): number | undefined {
  const owner = pragma(db, "application_id");
  const version = pragma(db, "user_version");
  if (owner === 0 && version === 0 && pragma(db, "schema_version") === 0) return undefined;
  if (owner !== applicationId(application)) {
    const other = APPLICATIONS.find((one) => applicationId(one) === owner);
    throw new UsageError(`${path} is ${other ? `a ${other}` : "a SQLite file"}, but no ${application}`, {
      hint: other
        ? "Are --log (PATCHBAY_LOG) and --ledger (PATCHBAY_LEDGER) changed about? Each has a file of its own."
        : "Give another file; the log and the ledger have one each.",
    });
  }
  if (version > migrations.length) {
    throw new UsageError(
      `${path} was made by a newer program: its version is ${version}, this program knows versions up to ${migrations.length}`,
      { hint: "Run the newer program, or give another file." },
    );
  }
  return version;
}

const APPLICATIONS = ["patchbay-log", "patchbay-ledger"];

function refuseOtherVersion(db: DatabaseSync, options: OpenSqliteOptions): void {
  const { path, application, migrations } = options;
  const version = versionOf(db, options);
  if (version === undefined) throw new UsageError(`${path} is no ${application} yet: it is empty`, { hint: "`patchbay up` makes it." });
  if (version === migrations.length) return;
  throw new UsageError(`${path} was made by an older program: its version is ${version}, this program's is ${migrations.length}`, {
    hint: "Start `patchbay up` (or `ingress` and `connector`) of this version once: it brings the file up to date.",
  });
}

/** `PRAGMA application_id` is a signed number of 32 bits. */
function applicationId(application: string): number {
  return createHash("sha256").update(application).digest().readInt32BE(0);
}

const BUSY = 5;
const CANNOT_OPEN = 14;

/** SQLite says only that it cannot open a file; the system says why. */
function errorOfOpening(path: string): unknown {
  try {
    closeSync(openSync(path, "r"));
    return undefined;
  } catch (error) {
    // That it is not there is no reason: it was to be made.
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : error;
  }
}

function explainOpening(error: unknown, { path, application, access = "write" }: OpenSqliteOptions): unknown {
  if (error instanceof UsageError) return error;
  const refuse = (why: string, hint: string) => new UsageError(`${application}: ${path} cannot be opened: ${why}`, { hint, cause: error });
  const unreadable = refuse("this user may not read it, or what lies beside it", "Run this as the user that runs Patchbay.");
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return refuse("this user may not write it or its folder", "Give this user the right to both, or give another file.");
  if (code === "ENOTDIR" || code === "EEXIST") return refuse("what should be its folder is a file", "Give another path.");
  if (code === "ENOSPC") return refuse("the disk is full", "Make room and start again; nothing was changed.");
  const file = reasonOfFileError(sqliteCode(error) === CANNOT_OPEN ? errorOfOpening(path) : error);
  if (file) return refuse(file.why, file.hint);
  switch (sqliteCode(error)) {
    case undefined:
      return error;
    case BUSY:
    case 6:
      return refuse("another program holds it locked", "End that program, or give another file.");
    case 3:
    case 8:
      if (access !== "write") return unreadable;
      return refuse("it is read-only", "Let this user write the file and its folder, or give another file.");
    case 11:
    case 26:
      return refuse("it is damaged, or no SQLite database", "Restore it from a backup, or move it away to start with an empty one.");
    case 13:
      return refuse("the disk is full", "Make room and start again; nothing was changed.");
    case CANNOT_OPEN:
      if (access !== "write") return unreadable;
      return refuse("it cannot be created or read", "Let this user write its folder, or give another file.");
    default:
      return refuse(error instanceof Error ? error.message : "unknown", "Check the disk; nothing was changed.");
  }
}
