import type { ClickHouseClient } from "@clickhouse/client";
import { type Column, type ColumnKind, KEY, quoted } from "../../columns.ts";
import { missingColumns, type TypesOf } from "../../schema-diff.ts";

/** What ReplacingMergeTree compares: of rows with one key the greatest is kept. */
export const VERSION = "_version";

/** No whole numbers for a `number`: ClickHouse lets one that is too large wrap around without an error. */
const TYPES: TypesOf = {
  text: ["string"],
  time: ["datetime64"],
  number: ["float64"],
  integer: ["int32", "int64", "uint32", "uint64", "float64"],
  json: ["string"],
};

const MADE: Record<ColumnKind, string> = {
  text: "Nullable(String)",
  time: "Nullable(DateTime64(6, 'UTC'))",
  number: "Nullable(Float64)",
  integer: "Nullable(Int32)",
  json: "Nullable(String)",
};

/** `Nullable(DateTime64(6, 'UTC'))` → `datetime64`. */
function plainType(type: string): string {
  const [, inner] = /^(?:Nullable|LowCardinality)\((.*)\)$/s.exec(type) ?? [];
  return inner === undefined ? type.replace(/\(.*$/s, "").toLowerCase() : plainType(inner);
}

interface Described {
  exists: boolean;
  /** Columns that a row can be written into, in order. */
  names: string[];
  columns: { name: string; type: string }[];
  replacesByKey: boolean;
  /** The server's clock, once for a batch. */
  now: { text: string; microseconds: bigint };
}

export async function describeClickHouseTable(options: {
  client: ClickHouseClient;
  table: string;
  signal?: AbortSignal | undefined;
}): Promise<Described> {
  const { client, table, signal } = options;
  const result = await client.query({
    query: `SELECT toString(now64(6, 'UTC')) AS text,
        (SELECT groupArray((name, type, default_kind)) FROM (SELECT name, type, default_kind FROM system.columns
          WHERE database = currentDatabase() AND table = {table:String} ORDER BY position)) AS columns,
        (SELECT groupArray((engine, engine_full, sorting_key)) FROM system.tables
          WHERE database = currentDatabase() AND name = {table:String}) AS tables`,
    query_params: { table },
    format: "JSONEachRow",
    ...(signal && { abort_signal: signal }),
  });
  const [found] = await result.json<{ text: string; columns: [string, string, string][]; tables: [string, string, string][] }>();
  const { text = "", columns = [], tables = [] } = found ?? {};
  const [engine = "", engineFull = "", sortingKey = ""] = tables[0] ?? [];
  return {
    exists: tables.length > 0,
    names: columns.filter(([, , kind]) => kind === "" || kind === "DEFAULT").map(([name]) => name),
    columns: columns.map(([name, type]) => ({ name, type: plainType(type) })),
    // Shared… in ClickHouse Cloud, Replicated… in clusters.
    replacesByKey:
      /^(Shared|Replicated)?ReplacingMergeTree$/.test(engine) && sortingKey === KEY && new RegExp(`[(, ]${VERSION}\\)`).test(engineFull),
    now: { text, microseconds: microsecondsOf(text) },
  };
}

/** `2025-01-15 14:23:00.123456`, UTC. */
function microsecondsOf(text: string): bigint {
  const [seconds = "", fraction = ""] = text.split(".");
  return BigInt(Date.parse(`${seconds.replace(" ", "T")}Z`)) * 1_000n + BigInt(fraction.padEnd(6, "0").slice(0, 6));
}

/**
 * Makes the table, or adds the columns it lacks. Looks at it for each batch, since columns that others add have to be read back and written again.
 * @throws {OpenError} as `Store.prepare`
 */
export async function makeClickHouseTable(options: {
  client: ClickHouseClient;
  table: string;
  columns: readonly Column[];
  signal?: AbortSignal | undefined;
}): Promise<Described> {
  const { client, table, columns, signal } = options;
  const command = (query: string) => client.command({ query, ...(signal && { abort_signal: signal }) });
  const described = await describeClickHouseTable({ client, table, signal });
  if (!described.exists) {
    const definitions = columns.map(({ name, kind }) => `${quoted(name)} ${name === KEY ? "String" : MADE[kind]}`);
    await command(
      `CREATE TABLE IF NOT EXISTS ${quoted(table)} (${definitions.join(", ")}, ${quoted(VERSION)} UInt64)
       ENGINE = ReplacingMergeTree(${quoted(VERSION)}) ORDER BY ${quoted(KEY)}`,
    );
    return describeClickHouseTable({ client, table, signal });
  }
  const missing = missingColumns({
    table,
    existing: {
      columns: described.columns.map((column) => ({ ...column, mustBeFilled: false })),
      keyIsUnique: described.replacesByKey,
    },
    wanted: columns,
    types: TYPES,
    uniqueKey: {
      lacks: `the table ${table} does not keep one row for each ${KEY}`,
      fix: `Make it with ENGINE = ReplacingMergeTree(${VERSION}) ORDER BY ${KEY} and a column ${VERSION} UInt64, or name another one with \`table\``,
    },
  });
  if (missing.length === 0) return described;
  const additions = missing.map(({ name, kind }) => `ADD COLUMN IF NOT EXISTS ${quoted(name)} ${MADE[kind]}`);
  await command(`ALTER TABLE ${quoted(table)} ${additions.join(", ")}`);
  return describeClickHouseTable({ client, table, signal });
}
