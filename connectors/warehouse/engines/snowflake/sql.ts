import { type Column, type ColumnKind, DELIVERED_AT, ITEM, KEY, quoted, SOURCE, TARGET, UPDATED_AT } from "../../columns.ts";
import type { TypesOf } from "../../schema-diff.ts";

/** As INFORMATION_SCHEMA spells them, small letters. No NUMBER for a `number`: it has no fractions by default. */
export const SNOWFLAKE_TYPES: TypesOf = {
  text: ["text"],
  time: ["timestamp_tz", "timestamp_ltz"],
  number: ["float"],
  integer: ["number", "float"],
  json: ["variant"],
};

const MADE: Record<ColumnKind, string> = {
  text: "VARCHAR",
  time: "TIMESTAMP_TZ",
  number: "FLOAT",
  integer: "NUMBER(38,0)",
  json: "VARIANT",
};
const STAMPS = new Set([DELIVERED_AT, UPDATED_AT]);
const NOW = "CURRENT_TIMESTAMP()";

/** Upper-case, which is what a name without quotes means there: nobody has to quote it. */
export const name = (identifier: string) => quoted(identifier.toUpperCase());

/** Of a column there: ours again. One that was made in quotes with small letters is another than ours, and keeps its quotes. */
export const ownName = (column: string) => (column === column.toUpperCase() ? column.toLowerCase() : quoted(column));

export const describeSql = (database: string) =>
  `SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE, COLUMN_DEFAULT FROM ${quoted(database)}.INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`;

/** The primary key is for people and tools: Snowflake does not enforce it. */
export function createTableSql(target: string, columns: readonly Column[]): string {
  const definitions = columns.map((column) => `${name(column.name)} ${MADE[column.kind]}${column.name === KEY ? " NOT NULL" : ""}`);
  return `CREATE TABLE IF NOT EXISTS ${target} (${definitions.join(", ")}, PRIMARY KEY (${name(KEY)}))`;
}

export function addColumnSql(target: string, column: Column): string {
  return `ALTER TABLE ${target} ADD COLUMN IF NOT EXISTS ${name(column.name)} ${MADE[column.kind]}`;
}

/** One bind, the batch as a JSON array of objects with cells as texts. PARSE_JSON is not allowed in VALUES, hence SELECT. */
export function mergeSql(target: string, columns: readonly Column[]): string {
  const filled = columns.filter((column) => !STAMPS.has(column.name));
  const sources = filled.map((column) => `${readSql(column)} AS ${name(column.name)}`);
  const updates = filled
    .filter((column) => column.name !== KEY)
    .map((column) => `${name(column.name)} = COALESCE(${SOURCE}.${name(column.name)}, ${TARGET}.${name(column.name)})`);
  return `MERGE INTO ${target} AS ${TARGET}
USING (SELECT ${sources.join(", ")} FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS ${ITEM}) AS ${SOURCE}
ON ${TARGET}.${name(KEY)} = ${SOURCE}.${name(KEY)}
WHEN MATCHED THEN UPDATE SET ${[...updates, `${name(UPDATED_AT)} = ${NOW}`].join(", ")}
WHEN NOT MATCHED THEN INSERT (${[...filled.map((column) => name(column.name)), name(DELIVERED_AT), name(UPDATED_AT)].join(", ")})
VALUES (${[...filled.map((column) => `${SOURCE}.${name(column.name)}`), NOW, NOW].join(", ")})`;
}

export function deleteSql(target: string): string {
  return `DELETE FROM ${target} WHERE ${name(KEY)} = ?`;
}

/** Every column, also those that others have added: the answer says the type of each. */
export function selectSql(target: string): string {
  return `SELECT * FROM ${target} WHERE ${name(KEY)} = ?`;
}

function readSql(column: Column): string {
  const text = `${ITEM}.value:"${column.name}"::VARCHAR`;
  if (column.kind === "text") return text;
  if (column.kind === "json") return `PARSE_JSON(${text})`;
  // AUTO, whatever the account's TIMESTAMP_INPUT_FORMAT is.
  return column.kind === "time" ? `TO_TIMESTAMP_TZ(${text}, 'AUTO')` : `${text}::${MADE[column.kind]}`;
}
