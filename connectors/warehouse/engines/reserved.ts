/** Names that a column cannot have in a database, in quotes or not. Each says why, or undefined. Other key words need quotes only, which our statements have. */

/** PostgreSQL docs, "System Columns". `oid` is free since version 12. */
const POSTGRES = new Set(["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"]);

export function inPostgres(name: string): string | undefined {
  return POSTGRES.has(name) ? "is a system column of PostgreSQL" : undefined;
}

/** "this column name is reserved for persistent virtual column" (code 44); the other virtual columns can be hidden by one of a table. Tried on 26.7. */
const CLICKHOUSE = new Set(["_row_exists", "_block_number", "_block_offset"]);

export function inClickHouse(name: string): string | undefined {
  if (name === "_version") return "is the column by which Patchbay's table in ClickHouse knows the newest row";
  return CLICKHOUSE.has(name) ? "is a virtual column of ClickHouse" : undefined;
}

/** cloud.google.com/bigquery/docs/schemas, "Column names": no column's name begins so, in capitals or not. */
const BIGQUERY = [
  "_table_",
  "_file_",
  "_partition",
  "_row_timestamp",
  "__root__",
  "_colidentifier",
  "_change_sequence_number",
  "_change_type",
  "_change_timestamp",
];

export function inBigQuery(name: string): string | undefined {
  const prefix = BIGQUERY.find((one) => name.startsWith(one));
  return prefix === undefined ? undefined : `begins with ${prefix}, which BigQuery keeps for itself`;
}

/** docs.snowflake.com/en/sql-reference/reserved-keywords: what cannot be the name of a column, or be named in an expression. */
const SNOWFLAKE = new Set(
  `constraint current_date current_time current_timestamp current_user localtime localtimestamp
   case cast false true try_cast when`.split(/\s+/),
);

export function inSnowflake(name: string): string | undefined {
  return SNOWFLAKE.has(name) ? "is a word that Snowflake takes for no column" : undefined;
}
