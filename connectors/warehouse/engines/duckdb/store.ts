import type { DuckDBConnection } from "@duckdb/node-api";
import { parseJsonExactly, type Secret, splitOnRefusal } from "../../../../src/connector/index.ts";
import { type Column, DELIVERED_AT, KEY, quoted, SOURCE, TABLE_COLUMNS, TARGET, UPDATED_AT, WHOLE_ROW } from "../../columns.ts";
import { proveWritten } from "../../proof.ts";
import type { Row } from "../../record.ts";
import { type ExistingTable, missingColumns, type TypesOf } from "../../schema-diff.ts";
import type { RowResult, Store } from "../../store.ts";
import { isMissingTable, openErrorOfDuckDb, refusalOfDuckDb } from "./errors.ts";
import { withDuckDbFile } from "./file.ts";
import { rewriteDuckDbFile } from "./rewrite.ts";

export const DUCKDB_TYPES: TypesOf = {
  text: ["varchar"],
  time: ["timestamp with time zone"],
  number: ["double", "float", "decimal", "integer", "bigint", "hugeint"],
  integer: ["integer", "bigint", "hugeint", "double"],
  json: ["json", "varchar"],
};

/** Opening plays the write-ahead log back, 0.4 ms a transaction: a quiet route would otherwise pile up a thousand of one row each. */
const BATCHES_PER_CHECKPOINT = 64;

/** A person waits for it, and it comes once. */
export const ERASE_PATIENCE_MS = 10_000;

const STAMPS = new Set([DELIVERED_AT, UPDATED_AT]);
/** Where a batch lies, as texts, before it is merged. */
export const INCOMING = `temp.${SOURCE}`;

/** A table in a DuckDB file. The file is open only while a batch is written; it may be moved away or replaced in between. */
export function openDuckDbStore(options: { url: Secret; table: string; batchesPerCheckpoint?: number }): Store {
  const { url, table, batchesPerCheckpoint = BATCHES_PER_CHECKPOINT } = options;
  const path = url.reveal().slice("duckdb:".length);
  /** Batches since the write-ahead log was last folded into the file by us. */
  let unfolded = 0;

  return {
    table,
    prepare: (columns) => withDuckDbFile({ path }, (connection) => makeTable({ connection, table, columns })),

    upsert: (rows, columns, { signal }) =>
      withDuckDbFile({ path, signal }, async (connection) => {
        // Known only now that the file is ours: another one may lie there than at the last batch.
        await makeTable({ connection, table, columns });
        const filled = columns.filter(({ name }) => !STAMPS.has(name));
        const sql = upsertSql(table, filled);
        unfolded += 1;
        try {
          const results = await splitOnRefusal<Row, RowResult>({
            items: rows,
            write: async (part) => {
              await fillIncoming({ connection, rows: part, columns: filled });
              const { rowsChanged } = await connection.run(sql);
              return proveWritten({ title: "DuckDB", sent: part.length, written: rowsChanged });
            },
            refusalOf: refusalOfDuckDb,
            signal,
          });
          if (unfolded >= batchesPerCheckpoint) await fold(connection);
          return results;
        } catch (error) {
          signal.throwIfAborted();
          throw openErrorOfDuckDb(error);
        }
      }),

    erase: (key, { signal }) =>
      withDuckDbFile({ path, patienceMs: ERASE_PATIENCE_MS, signal }, async (connection) => {
        const result = await connection.runAndReadAll(`DELETE FROM ${quoted(table)} WHERE ${quoted(KEY)} = $1 RETURNING 1`, [key]);
        // What was deleted must not stay readable in the write-ahead log.
        await fold(connection);
        return result.getRows().length > 0;
      }),

    afterErase: ({ signal }) => rewriteDuckDbFile({ path, signal }),

    read: (key, { signal }) =>
      withDuckDbFile({ path, signal }, (connection) =>
        readRow({ connection, from: quoted(table), key }).catch((error) => {
          throw openErrorOfDuckDb(error);
        }),
      ),

    async close() {
      // The file alone then holds everything.
      if (unfolded > 0) await withDuckDbFile({ path }, fold).catch(() => undefined);
    },
  };

  /** Not at any price: the rows are durable already, and the next one does it. */
  async function fold(connection: DuckDBConnection): Promise<void> {
    await connection.run("CHECKPOINT").catch(() => undefined);
    unfolded = 0;
  }
}

export const JSON_COLUMNS = TABLE_COLUMNS.filter(({ kind }) => kind === "json").map(({ name }) => name);

/** One row, its values as JSON has them. `to_json` would read the numbers in a JSON as doubles, so that its own text is taken. */
export async function readRow(options: {
  connection: DuckDBConnection;
  from: string;
  key: string;
}): Promise<Record<string, unknown> | undefined> {
  const { connection, from, key } = options;
  const found = await connection.runAndReadAll(
    `SELECT to_json(${WHOLE_ROW})::VARCHAR AS ${WHOLE_ROW}, * FROM (SELECT * FROM ${from}) AS ${WHOLE_ROW} WHERE ${quoted(KEY)} = $1`,
    [key],
  );
  const [row] = found.getRowObjectsJson();
  if (!row) return undefined;
  const texts = JSON_COLUMNS.flatMap((name) => (typeof row[name] === "string" ? [[name, parseJsonExactly(row[name])]] : []));
  return { ...JSON.parse(String(row[WHOLE_ROW])), ...Object.fromEntries(texts) };
}

async function makeTable(options: { connection: DuckDBConnection; table: string; columns: readonly Column[] }): Promise<void> {
  const { connection, table, columns } = options;
  try {
    const existing = await describeTable(connection, table);
    if (!existing) {
      const definitions = columns.map(({ name, kind }) => `${quoted(name)} ${DUCKDB_TYPES[kind][0]}${name === KEY ? " PRIMARY KEY" : ""}`);
      await connection.run(`CREATE TABLE IF NOT EXISTS ${quoted(table)} (${definitions.join(", ")})`);
      return;
    }
    for (const { name, kind } of missingColumns({ table, existing, wanted: columns, types: DUCKDB_TYPES })) {
      await connection.run(`ALTER TABLE ${quoted(table)} ADD COLUMN IF NOT EXISTS ${quoted(name)} ${DUCKDB_TYPES[kind][0]}`);
    }
  } catch (error) {
    throw openErrorOfDuckDb(error);
  }
}

async function describeTable(connection: DuckDBConnection, table: string): Promise<ExistingTable | undefined> {
  // Ten times as quick as information_schema, which matters where each batch looks. It takes no parameter; a table's name holds no quotes.
  const described = await connection
    .runAndReadAll(
      `SELECT name, lower(regexp_replace(type, '\\(.*', '')), "notnull" AND dflt_value IS NULL, pk FROM pragma_table_info('${table}')`,
    )
    .catch((error: unknown) => {
      if (isMissingTable(error)) return undefined;
      throw error;
    });
  const rows = described?.getRows();
  if (!rows || rows.length === 0) return undefined;
  const primary = rows.filter(([, , , inKey]) => inKey === true).map(([name]) => name);
  return {
    columns: rows.map(([name, type, mustBeFilled]) => ({ name: String(name), type: String(type), mustBeFilled: mustBeFilled === true })),
    keyIsUnique: (primary.length === 1 && primary[0] === KEY) || (await hasUniqueKey(connection, table)),
  };
}

/** A unique constraint is as good as a primary key; asked for only where there is none. */
async function hasUniqueKey(connection: DuckDBConnection, table: string): Promise<boolean> {
  const found = await connection.runAndReadAll(
    `SELECT 1 FROM duckdb_constraints() WHERE database_name = current_database() AND schema_name = 'main' AND table_name = $1
       AND constraint_type = 'UNIQUE' AND constraint_column_names = [$2]`,
    [table, KEY],
  );
  return found.getRows().length > 0;
}

/** The appender takes texts as they are, in half the time and a quarter of the memory of one JSON parameter. */
export async function fillIncoming(options: { connection: DuckDBConnection; rows: Row[]; columns: Column[] }): Promise<void> {
  const { connection, rows, columns } = options;
  await connection.run(`CREATE TEMP TABLE IF NOT EXISTS ${INCOMING} (${columns.map(({ name }) => `${quoted(name)} varchar`).join(", ")})`);
  await connection.run(`DELETE FROM ${INCOMING}`);
  const [catalog, table] = INCOMING.split(".") as [string, string];
  const appender = await connection.createAppender(table, "main", catalog);
  try {
    for (const { cells } of rows) {
      for (const { name } of columns) {
        const cell = cells.get(name) ?? null;
        if (cell === null) appender.appendNull();
        else appender.appendVarchar(cell);
      }
      appender.endRow();
    }
  } finally {
    appender.closeSync();
  }
}

function upsertSql(table: string, columns: Column[]): string {
  const names = columns.map(({ name }) => quoted(name));
  const values = columns.map(({ name, kind }) => (kind === "text" ? quoted(name) : `CAST(${quoted(name)} AS ${DUCKDB_TYPES[kind][0]})`));
  const updates = names.filter((name) => name !== quoted(KEY)).map((name) => `${name} = coalesce(excluded.${name}, ${TARGET}.${name})`);
  return `INSERT INTO ${quoted(table)} AS ${TARGET} (${[...names, DELIVERED_AT, UPDATED_AT].join(", ")})
    SELECT ${[...values, "now()", "now()"].join(", ")} FROM ${INCOMING}
    ON CONFLICT (${quoted(KEY)}) DO UPDATE SET ${[...updates, `${UPDATED_AT} = now()`].join(", ")}`;
}

/** Rows as they lie in the file, oldest first, for the sandbox and tests. Empty when there is no table yet. */
export async function readDuckDbRows(options: { path: string; table: string }): Promise<Record<string, unknown>[]> {
  const { path, table } = options;
  return withDuckDbFile({ path, readOnly: true }, async (connection) => {
    if (!(await describeTable(connection, table))) return [];
    const result = await connection.runAndReadAll(`SELECT * FROM ${quoted(table)} ORDER BY ${DELIVERED_AT}, ${KEY}`);
    return result.getRowObjectsJson();
  });
}
