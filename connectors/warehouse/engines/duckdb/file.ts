import { mkdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { openErrorOfDuckDb } from "./errors.ts";

/** Other processes hold the file for a query or two: it is worth waiting for them a little. */
const PATIENCE_MS = 2_000;
const TRY_AGAIN_MS = 100;
/** Of a use that waits for longer: a busy connector leaves the file for a few milliseconds between two batches. */
const TRY_AGAIN_SOON_MS = 5;

/**
 * Small, because a connector is one of many processes on one machine: batches are of 4 MB at most, and writing 500 rows
 * into a table of two million takes the same time and memory with these as with all cores.
 */
const CONFIG = {
  threads: "1",
  memory_limit: "256MB",
  autoinstall_known_extensions: "false",
  autoload_known_extensions: "false",
};

/**
 * A day's file is rewritten through it, and DuckDB moves 2048 rows at a time, several times over, whatever the size of a row group: 2100 transcripts
 * of 50 KB do not fit into 256 MB. A limit, not a size: it is used only where a day needs it.
 */
const MEMORY_WITH_FOLDER = { memory_limit: "1GB" };

/**
 * Opens a DuckDB file, and closes it again, so that others can read it in between. One use at a time in this process:
 * DuckDB's lock is the process's (fcntl), so a second instance on the file would be let in, and closing one drops the lock of both.
 *
 * @throws {OpenError} when another process holds the file, or it cannot be opened.
 */
export function withDuckDbFile<T>(
  options: {
    path: string;
    readOnly?: boolean;
    /** Files below it may be read and written too. */
    folder?: string;
    /** How long another process that holds the file is waited for. Default 2 s. */
    patienceMs?: number;
    signal?: AbortSignal;
  },
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const { path, readOnly = false, folder, patienceMs = PATIENCE_MS, signal } = options;
  const key = realPathOf(path);
  const turn = (tails.get(key) ?? Promise.resolve()).then(() => openAndUse({ path, readOnly, folder, patienceMs, signal, use }));
  const tail = turn.then(
    () => undefined,
    () => undefined,
  );
  tails.set(key, tail);
  tail.then(() => {
    if (tails.get(key) === tail) tails.delete(key);
  });
  return turn;
}

/** The last use of each file that is under way in this process. */
const tails = new Map<string, Promise<void>>();

/** Two spellings of one file must share one queue. Makes the folder. */
function realPathOf(path: string): string {
  const absolute = resolve(path);
  try {
    mkdirSync(dirname(absolute), { recursive: true });
    return realpathSync(absolute);
  } catch {
    try {
      return join(realpathSync(dirname(absolute)), basename(absolute));
    } catch {
      return absolute;
    }
  }
}

async function openAndUse<T>(options: {
  path: string;
  readOnly: boolean;
  folder: string | undefined;
  patienceMs: number;
  signal: AbortSignal | undefined;
  use: (connection: DuckDBConnection) => Promise<T>;
}): Promise<T> {
  const { path, readOnly, folder, patienceMs, signal, use } = options;
  const instance = await openPatiently({ path, readOnly, folder, patienceMs, signal });
  try {
    const connection = await instance.connect();
    const interrupt = () => connection.interrupt();
    signal?.addEventListener("abort", interrupt, { once: true });
    try {
      await keepIn(connection, folder);
      if (!readOnly) await writeAheadOnly(connection);
      return await use(connection);
    } finally {
      signal?.removeEventListener("abort", interrupt);
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/** Nothing is fetched from the network or read beside the file (or outside the folder), whatever a query says. */
async function keepIn(connection: DuckDBConnection, folder: string | undefined): Promise<void> {
  if (folder !== undefined) await connection.run(`SET allowed_directories = ['${folder.replaceAll("'", "''")}/']`);
  await connection.run("SET enable_external_access = false");
}

/**
 * A checkpoint rewrites the whole key index: 0.3 s at 300,000 rows, on the event loop, if closing does it each time.
 * The write-ahead log is as durable, and readers see it. It is folded in at 4 MB, and by its writer now and then.
 */
async function writeAheadOnly(connection: DuckDBConnection): Promise<void> {
  await connection.run("PRAGMA disable_checkpoint_on_shutdown");
  await connection.run("SET checkpoint_threshold = '4MB'");
}

async function openPatiently(options: {
  path: string;
  readOnly: boolean;
  folder: string | undefined;
  patienceMs: number;
  signal: AbortSignal | undefined;
}): Promise<DuckDBInstance> {
  const { path, readOnly, folder, patienceMs, signal } = options;
  const config = { ...CONFIG, ...(folder === undefined ? {} : MEMORY_WITH_FOLDER), ...(readOnly ? { access_mode: "READ_ONLY" } : {}) };
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const giveUpAtMs = performance.now() + patienceMs;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const before = inodeOf(path);
      const instance = await DuckDBInstance.create(path, config);
      // Another file was put in its place between the opening and the lock: what is written into the old one would be gone.
      if (before === undefined || before === inodeOf(path)) return instance;
      instance.closeSync();
    } catch (error) {
      const trouble = openErrorOfDuckDb(error);
      const locked = "code" in trouble.outcome && trouble.outcome.code === "locked";
      if (!locked || performance.now() >= giveUpAtMs) throw trouble;
      await delay(patienceMs > PATIENCE_MS ? TRY_AGAIN_SOON_MS : TRY_AGAIN_MS, undefined, { signal });
    }
  }
}

/** Undefined where there is no file yet. */
function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
