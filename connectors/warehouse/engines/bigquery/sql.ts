import { type Column, type ColumnKind, DELIVERED_AT, ITEM, KEY, SOURCE, TARGET, UPDATED_AT, WHOLE_ROW } from "../../columns.ts";
import type { TypesOf } from "../../schema-diff.ts";

/** As `tables.get` spells them, small letters. */
export const BIGQUERY_TYPES: TypesOf = {
  text: ["string"],
  time: ["timestamp"],
  number: ["float"],
  integer: ["integer", "float"],
  json: ["json"],
};

const MADE: Record<ColumnKind, string> = { text: "STRING", time: "TIMESTAMP", number: "FLOAT64", integer: "INT64", json: "JSON" };
const STAMPS = new Set([DELIVERED_AT, UPDATED_AT]);
const NOW = "CURRENT_TIMESTAMP()";

const name = (identifier: string) => `\`${identifier}\``;

/** Clustered by the key: what MERGE joins on. Not partitioned: a corrected start time would leave the old row behind in another partition. */
export function createTableSql(target: string, columns: readonly Column[]): string {
  const definitions = columns.map((column) => `${name(column.name)} ${MADE[column.kind]}${column.name === KEY ? " NOT NULL" : ""}`);
  return `CREATE TABLE IF NOT EXISTS ${name(target)} (${definitions.join(", ")}) CLUSTER BY ${name(KEY)}`;
}

export function addColumnsSql(target: string, columns: readonly Column[]): string {
  const additions = columns.map((column) => `ADD COLUMN IF NOT EXISTS ${name(column.name)} ${MADE[column.kind]}`);
  return `ALTER TABLE ${name(target)} ${additions.join(", ")}`;
}

/**
 * `@rows`: a JSON array of objects, cells as texts. One STRING parameter for the batch: a struct of 20 fields a row would be twice as many bytes,
 * and the number of parameters is limited. `wide_number_mode`: a number that a double cannot hold exactly is rounded rather than refused.
 */
export function mergeSql(target: string, columns: readonly Column[]): string {
  const filled = columns.filter((column) => !STAMPS.has(column.name));
  const sources = filled.map((column) => `${readSql(column)} AS ${name(column.name)}`);
  const updates = filled
    .filter((column) => column.name !== KEY)
    .map((column) => `${name(column.name)} = COALESCE(${SOURCE}.${name(column.name)}, ${TARGET}.${name(column.name)})`);
  return `MERGE INTO ${name(target)} AS ${TARGET}
USING (SELECT ${sources.join(", ")} FROM UNNEST(JSON_QUERY_ARRAY(@rows)) AS ${ITEM}) AS ${SOURCE}
ON ${TARGET}.${name(KEY)} = ${SOURCE}.${name(KEY)}
WHEN MATCHED THEN UPDATE SET ${[...updates, `${name(UPDATED_AT)} = ${NOW}`].join(", ")}
WHEN NOT MATCHED THEN INSERT (${[...filled.map((column) => name(column.name)), name(DELIVERED_AT), name(UPDATED_AT)].join(", ")})
VALUES (${[...filled.map((column) => `${SOURCE}.${name(column.name)}`), NOW, NOW].join(", ")})`;
}

export function deleteSql(target: string): string {
  return `DELETE FROM ${name(target)} WHERE ${name(KEY)} = @key`;
}

/**
 * One text `line` for the row, whatever columns it has: times in ISO 8601, numbers and JSON as JSON, integers beyond 2^53 as texts
 * (cloud.google.com/bigquery/docs/reference/standard-sql/json_functions, "TO_JSON_STRING").
 */
export function selectSql(target: string): string {
  return `SELECT TO_JSON_STRING(${WHOLE_ROW}) AS line FROM ${name(target)} AS ${WHOLE_ROW} WHERE ${name(KEY)} = @key`;
}

function readSql(column: Column): string {
  const text = `JSON_VALUE(${ITEM}, '$.${column.name}')`;
  if (column.kind === "text") return text;
  return column.kind === "json" ? `PARSE_JSON(${text}, wide_number_mode=>'round')` : `CAST(${text} AS ${MADE[column.kind]})`;
}
