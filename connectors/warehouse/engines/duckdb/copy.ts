import { constants, copyFile, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { openErrorOfDuckDb } from "./errors.ts";
import { withDuckDbFile } from "./file.ts";

/** A connector holds the file for one batch at a time. */
const PATIENCE_MS = 60_000;

/**
 * Copies a DuckDB file between two batches: its write-ahead log folded in, and nobody writing. The lock is the process's, and closing any other
 * handle of the file gives it up (fcntl): the copy is read by then, and nothing is written here behind it.
 * @throws {OpenError} when another program holds the file.
 */
export function copyDuckDbFile(options: { path: string; to: string; patienceMs?: number; signal: AbortSignal }): Promise<void> {
  const { path, to, patienceMs = PATIENCE_MS, signal } = options;
  const from = resolve(path);
  return withDuckDbFile({ path: from, patienceMs, signal }, async (connection) => {
    try {
      await connection.run("CHECKPOINT");
      const writeAhead = await stat(`${from}.wal`).catch(() => ({ size: 0 }));
      if (writeAhead.size > 0) throw new Error("the write-ahead log is not folded in");
      await copyFile(from, to, constants.COPYFILE_EXCL);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error;
      await rm(to, { force: true });
      throw openErrorOfDuckDb(error);
    }
  });
}
