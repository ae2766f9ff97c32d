import { chmodSync, closeSync, existsSync, fsyncSync, openSync, readdirSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { quoted } from "../../columns.ts";
import { withDuckDbFile } from "./file.ts";

/** Its batches hold the file for milliseconds each, and one after the other. */
const PATIENCE_MS = 30_000;
const FRESH = "patchbay_fresh";

/**
 * Writes a DuckDB file from new and puts it in the old one's place: a deleted row's text stays in blocks that the file still has, through CHECKPOINT
 * and VACUUM (https://duckdb.org/docs/current/operations_manual/footprint_of_duckdb/reclaiming_space). Others that want the file wait meanwhile.
 * @returns why it could not be done, a sentence for people.
 */
export async function rewriteDuckDbFile({ path, signal }: { path: string; signal: AbortSignal }): Promise<string | undefined> {
  try {
    // A link stays one: the file that it leads to is replaced.
    const real = realpathSync(path);
    const fresh = `${real}.rewrite`;
    await withDuckDbFile({ path: real, folder: dirname(real), patienceMs: PATIENCE_MS, signal }, async (connection) => {
      // What a process that was killed had moved out of memory, or left half written; only one at a time has the file.
      rmSync(`${real}.tmp`, { recursive: true, force: true });
      removeFresh(fresh);
      try {
        await copyInto({ connection, fresh });
        putInPlace({ fresh, path: real });
      } finally {
        removeFresh(fresh);
      }
    });
    return movedAside(real);
  } catch {
    return `${path} may still have the bytes of what was deleted, since it could not be written from new now: run this once more, or copy it by COPY FROM DATABASE and delete the old file`;
  }
}

/** What `patchbay restore --force` has left beside the file. */
function movedAside(path: string): string | undefined {
  const files = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.before-restore-`));
  if (files.length === 0) return undefined;
  return `${files.join(", ")} in ${dirname(path)} may hold it: delete it once you need it no more`;
}

function removeFresh(fresh: string): void {
  for (const file of [fresh, `${fresh}.wal`]) rmSync(file, { recursive: true, force: true });
}

async function copyInto({ connection, fresh }: { connection: DuckDBConnection; fresh: string }): Promise<void> {
  const [[database]] = (await connection.runAndReadAll("SELECT current_database()")).getRows() as [[string]];
  await connection.run(`ATTACH '${fresh.replaceAll("'", "''")}' AS ${FRESH}`);
  await connection.run(`COPY FROM DATABASE ${quoted(database)} TO ${FRESH}`);
  if ((await contentsOf(connection, FRESH)) !== (await contentsOf(connection, database))) throw new Error("the copy is not the same");
  await connection.run(`CHECKPOINT ${FRESH}`);
  await connection.run(`DETACH ${FRESH}`);
  // Beside the new file, the old one's write-ahead log would be taken for its own.
  await connection.run("CHECKPOINT");
}

/** Tables with their rows, views, indexes: what must be the same in both. */
async function contentsOf(connection: DuckDBConnection, database: string): Promise<string> {
  const tables = (
    await connection.runAndReadAll(
      "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = $1 AND NOT internal ORDER BY ALL",
      [database],
    )
  ).getRows() as [string, string][];
  const counted = [];
  for (const [schema, table] of tables) {
    const result = await connection.runAndReadAll(`SELECT count(*) FROM ${[database, schema, table].map(quoted).join(".")}`);
    counted.push(`${schema}.${table} ${result.getRows()[0]?.[0]}`);
  }
  const others = await connection.runAndReadAll(
    `SELECT 'view', schema_name, view_name FROM duckdb_views() WHERE database_name = $1 AND NOT internal
     UNION ALL SELECT 'index', schema_name, index_name FROM duckdb_indexes() WHERE database_name = $1
     UNION ALL SELECT 'constraint', schema_name, table_name || constraint_text FROM duckdb_constraints() WHERE database_name = $1
     UNION ALL SELECT 'sequence', schema_name, sequence_name FROM duckdb_sequences() WHERE database_name = $1 ORDER BY ALL`,
    [database],
  );
  return JSON.stringify([counted, others.getRows()]);
}

function putInPlace({ fresh, path }: { fresh: string; path: string }): void {
  if (existsSync(`${path}.wal`) && statSync(`${path}.wal`).size > 0) throw new Error("the write-ahead log is not folded in");
  chmodSync(fresh, statSync(path).mode & 0o777);
  const file = openSync(fresh, "r+");
  fsyncSync(file);
  closeSync(file);
  renameSync(fresh, path);
}
