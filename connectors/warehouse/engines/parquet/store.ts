import { mkdirSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { type Secret, splitOnRefusal } from "../../../../src/connector/index.ts";
import { type Column, type ColumnKind, DELIVERED_AT, FILE, KEY, quoted, SOURCE, TARGET, UPDATED_AT } from "../../columns.ts";
import { proveWritten } from "../../proof.ts";
import type { Row } from "../../record.ts";
import { missingColumns } from "../../schema-diff.ts";
import type { RowResult, Store } from "../../store.ts";
import { openErrorOfDuckDb, refusalOfDuckDb } from "../duckdb/errors.ts";
import { withDuckDbFile } from "../duckdb/file.ts";
import { DUCKDB_TYPES, ERASE_PATIENCE_MS, fillIncoming, INCOMING, JSON_COLUMNS, readRow } from "../duckdb/store.ts";
import { removeHalfWritten, replaceFile } from "./file.ts";

const STAMPS = new Set([DELIVERED_AT, UPDATED_AT]);
/** JSON is text in the files: of Parquet's type JSON some readers make bytes (polars 2.1: Binary). */
const PLAIN: ReadonlySet<ColumnKind> = new Set(["text", "json"]);
const DAY = /^dt=(\d{4}-\d{2}-\d{2}|none)$/;

/** Holds nothing: DuckDB's lock on it is what makes one process the owner of the folder, and what ends with that process. */
const LOCK = ".patchbay.duckdb";

/**
 * A folder of Parquet files, one for each day in which calls began (UTC): `dt=2025-01-15/calls.parquet`. A file is never changed: its day is
 * rewritten beside it, and takes its place. That costs a day's rows for each batch: right for thousands of calls a day.
 */
export function openParquetStore(options: { url: Secret; table: string }): Store {
  const { table } = options;
  const folder = resolve(options.url.reveal().slice("parquet:".length));
  const fileOf = (day: string) => join(folder, day, `${table}.parquet`);

  function withFolder<T>(
    signal: AbortSignal | undefined,
    use: (connection: DuckDBConnection) => Promise<T>,
    patienceMs?: number,
  ): Promise<T> {
    mkdirSync(folder, { recursive: true });
    const options = { path: join(folder, LOCK), folder, ...(signal && { signal }), ...(patienceMs !== undefined && { patienceMs }) };
    return withDuckDbFile(options, async (connection) => {
      try {
        return await use(connection);
      } catch (error) {
        signal?.throwIfAborted();
        throw openErrorOfDuckDb(error);
      }
    });
  }

  /** Days that have a file, and the rows of all of them as a query; undefined when there is none. */
  async function readable(
    connection: DuckDBConnection,
    columns: readonly Column[],
  ): Promise<{ sql: string; columns: string[] } | undefined> {
    const days = (await readdir(folder)).filter((name) => DAY.test(name));
    const files: string[] = [];
    for (const day of days) if ((await readdir(join(folder, day))).includes(`${table}.parquet`)) files.push(fileOf(day));
    if (files.length === 0) return undefined;
    const sql = `read_parquet([${files.map(literal).join(", ")}], union_by_name = true, hive_partitioning = false, filename = '${FILE}')`;
    const described = (await connection.runAndReadAll(`DESCRIBE SELECT * EXCLUDE (${FILE}) FROM ${sql}`)).getRowObjectsJS();
    const existing = described.map(({ column_name, column_type }) => ({
      name: String(column_name),
      type: String(column_type).toLowerCase().replace(/\(.*/, ""),
      mustBeFilled: false,
    }));
    missingColumns({ table, existing: { columns: existing, keyIsUnique: true }, wanted: columns, types: DUCKDB_TYPES });
    // Earlier versions wrote them with Parquet's type JSON.
    const ours = existing.filter(({ name, type }) => type === "json" && JSON_COLUMNS.includes(name));
    const texts = ours.map(({ name }) => `CAST(${quoted(name)} AS VARCHAR) AS ${quoted(name)}`);
    const plain = texts.length === 0 ? sql : `(SELECT * REPLACE (${texts.join(", ")}) FROM ${sql})`;
    return { sql: plain, columns: existing.map(({ name }) => name) };
  }

  return {
    table,
    prepare: (columns) =>
      withFolder(undefined, async (connection) => {
        await removeHalfWritten(folder);
        await readable(connection, columns);
      }),

    upsert: (rows, columns, { signal }) =>
      withFolder(signal, async (connection) => {
        const there = await readable(connection, columns);
        const filled = columns.filter(({ name }) => !STAMPS.has(name));
        const merge = async (part: Row[]) => {
          await fillIncoming({ connection, rows: part, columns: filled });
          const made = await connection.runAndReadAll(mergeSql({ there, columns }));
          return proveWritten({ title: "DuckDB", sent: part.length, written: Number(made.getRows()[0]?.[0]) });
        };
        const results = await splitOnRefusal<Row, RowResult>({ items: rows, write: merge, refusalOf: refusalOfDuckDb, signal });
        const good = rows.filter((_row, index) => results[index] === "written");
        if (good.length === 0) return results;
        // What is merged now is the last part that was tried.
        if (good.length < rows.length) await merge(good);
        for (const day of await daysOf(connection, there?.sql)) {
          signal.throwIfAborted();
          const rest = there
            ? `UNION ALL BY NAME SELECT * EXCLUDE (${FILE}) FROM ${there.sql} WHERE ${FILE} = ${literal(fileOf(day))} AND (${KEY} IS NULL OR ${KEY} NOT IN (SELECT ${KEY} FROM ${INCOMING}))`
            : "";
          await writeDay(connection, day, `SELECT * FROM ${MERGED} WHERE ${DAY_SQL} = '${day}' ${rest}`);
        }
        return results;
      }),

    erase: (key, { signal }) =>
      withFolder(
        signal,
        async (connection) => {
          // It may hold the call, and a forgotten call must be in no file.
          await removeHalfWritten(folder);
          const there = await readable(connection, []);
          if (!there) return false;
          const found = await connection.runAndReadAll(`SELECT DISTINCT ${FILE} FROM ${there.sql} WHERE ${quoted(KEY)} = $1`, [key]);
          for (const [file] of found.getRows()) {
            const day = String(file).split("/").at(-2) ?? "";
            await connection.run(
              `CREATE OR REPLACE TEMP TABLE kept AS SELECT * EXCLUDE (${FILE}) FROM ${there.sql} WHERE ${FILE} = ${literal(String(file))} AND ${quoted(KEY)} IS DISTINCT FROM $1`,
              [key],
            );
            await writeDay(connection, day, "SELECT * FROM kept");
          }
          return found.getRows().length > 0;
        },
        ERASE_PATIENCE_MS,
      ),

    // What a process that was killed had moved out of memory; the lock's holder is alone.
    afterErase: ({ signal }) =>
      withFolder(
        signal,
        async () => {
          await rm(join(folder, `${LOCK}.tmp`), { recursive: true, force: true });
          return undefined;
        },
        ERASE_PATIENCE_MS,
      ),

    read: (key, { signal }) =>
      withFolder(signal, async (connection) => {
        const there = await readable(connection, []);
        const row = there && (await readRow({ connection, from: there.sql, key }));
        delete row?.[FILE];
        return row;
      }),

    close: async () => undefined,
  };

  async function writeDay(connection: DuckDBConnection, day: string, sql: string): Promise<void> {
    await replaceFile({
      file: fileOf(day),
      write: async (path) => {
        // Small groups: a group is held in memory, and transcripts are long.
        const result = await connection.runAndReadAll(
          `COPY (${sql}) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)`,
        );
        return Number(result.getRows()[0]?.[0] ?? 0);
      },
    });
  }
}

const MERGED = "temp.patchbay_merged";
const DAY_SQL = `coalesce('dt=' || strftime(start_time AT TIME ZONE 'UTC', '%Y-%m-%d'), 'dt=none')`;

/** Those that the batch's calls belong to, first, and those that have a row of one: a call whose beginning was corrected leaves its old day. */
async function daysOf(connection: DuckDBConnection, there: string | undefined): Promise<string[]> {
  const now = await connection.runAndReadAll(`SELECT DISTINCT ${DAY_SQL} FROM ${MERGED}`);
  const was =
    there && (await connection.runAndReadAll(`SELECT DISTINCT ${FILE} FROM ${there} WHERE ${KEY} IN (SELECT ${KEY} FROM ${INCOMING})`));
  const files = was ? was.getRows().map(([file]) => String(file).split("/").at(-2) ?? "") : [];
  return [...new Set([...now.getRows().map(([day]) => String(day)), ...files])];
}

/**
 * The incoming rows over those that are there, with every column of either. A crash between the files of two days leaves a call in both: the later
 * one counts, and both files are rewritten.
 */
function mergeSql({ there, columns }: { there: { sql: string; columns: string[] } | undefined; columns: readonly Column[] }): string {
  const theirs = new Set(there?.columns);
  const cells = columns
    .filter(({ name }) => !STAMPS.has(name))
    .map(({ name, kind }) => {
      const said = PLAIN.has(kind) ? `${SOURCE}.${quoted(name)}` : `CAST(${SOURCE}.${quoted(name)} AS ${DUCKDB_TYPES[kind][0]})`;
      return `${theirs.has(name) ? `coalesce(${said}, ${TARGET}.${quoted(name)})` : said} AS ${quoted(name)}`;
    });
  const wanted = new Set(columns.map(({ name }) => name));
  const others = [...theirs].filter((name) => !wanted.has(name)).map((name) => `${TARGET}.${quoted(name)}`);
  const since = theirs.has(DELIVERED_AT) ? `coalesce(${TARGET}.${DELIVERED_AT}, now())` : "now()";
  const latest = theirs.has(UPDATED_AT) ? `${TARGET}.${UPDATED_AT} DESC` : `${SOURCE}.${KEY}`;
  const old = there && `(SELECT * FROM ${there.sql} WHERE ${KEY} IN (SELECT ${KEY} FROM ${INCOMING}))`;
  return `CREATE OR REPLACE TEMP TABLE ${MERGED} AS
    SELECT ${[...cells, `${since} AS ${DELIVERED_AT}`, `now() AS ${UPDATED_AT}`, ...others].join(", ")}
    FROM ${INCOMING} AS ${SOURCE} ${old ? `LEFT JOIN ${old} AS ${TARGET} ON ${TARGET}.${KEY} = ${SOURCE}.${KEY}` : ""}
    ${old ? `QUALIFY row_number() OVER (PARTITION BY ${SOURCE}.${KEY} ORDER BY ${latest}) = 1` : ""}`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
