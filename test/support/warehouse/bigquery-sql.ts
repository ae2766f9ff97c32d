import { withVendorNumbers } from "./numbers.ts";
import type { Scratch } from "./scratch.ts";

export const PROJECT = "acme-calls";
export const DATASET = "voice";
export const LOCATION = "EU";

/** A statement is not taken: HTTP status, reason and message are the answer's. */
export class Refused extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** DuckDB's types as `tables.get` names them. */
export const LEGACY: Record<string, string> = {
  VARCHAR: "STRING",
  DOUBLE: "FLOAT",
  BIGINT: "INTEGER",
  INTEGER: "INTEGER",
  "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
  JSON: "JSON",
};

/** The parameters that a statement uses: `@rows`. */
export function namesIn(sql: string): string[] {
  return [...new Set([...sql.replace(/'[^']*'/g, "''").matchAll(/@\w+/g)].map(([name]) => name))];
}

/** cloud.google.com/bigquery/docs/schemas, "Column names". */
const RESERVED = /^(_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER|_CHANGE_(SEQUENCE_NUMBER|TYPE|TIMESTAMP))/i;

/** The statements that we send, whole: anything else is a syntax error here. */
const SHAPES = [
  /^CREATE TABLE (IF NOT EXISTS )?`[\w.-]+` \([^;]+\)( CLUSTER BY `\w+`)?$/,
  /^ALTER TABLE `[\w.-]+` (ADD COLUMN IF NOT EXISTS `\w+` \w+(, )?)+$/,
  /^MERGE INTO `[\w.-]+` AS (\w+)\nUSING \(SELECT [^;]+ FROM UNNEST\(JSON_QUERY_ARRAY\(@rows\)\) AS \w+\) AS (\w+)\nON \1\.`\w+` = \2\.`\w+`\nWHEN MATCHED THEN UPDATE SET [^;]+\nWHEN NOT MATCHED THEN INSERT \([^;]+\)\nVALUES \([^;]+\)$/,
  /^DELETE FROM `[\w.-]+` WHERE `\w+` = @key$/,
  /^SELECT TO_JSON_STRING\((\w+)\) AS line FROM `[\w.-]+` AS \1 WHERE `\w+` = @key$/,
  /^INSERT INTO `[\w.-]+` VALUES [^;]+$/,
];

/** What a query gives (one STRING column) or a statement changed. */
export interface Done {
  lines?: string[];
  changed: number;
}

/** Runs a statement of BigQuery's; `named`: its parameters, with the @. @throws {Refused}, and DuckDB's errors */
export async function statement(scratch: Scratch, sql: string, named: Map<string, string>): Promise<Done> {
  if (!SHAPES.some((shape) => shape.test(sql))) throw new Refused(400, "invalidQuery", "Syntax error: Unexpected input");
  const [, table = ""] = /`[\w-]+\.\w+\.(\w+)`/.exec(sql) ?? [];
  if (!sql.startsWith("CREATE") && (await scratch.columns(table)).length === 0) {
    throw new Refused(404, "notFound", `Not found: Table ${PROJECT}:${DATASET}.${table} was not found in location ${LOCATION}`);
  }
  refuseOwnNames(sql);
  if (sql.startsWith("MERGE")) {
    refuseTwins(named.get("@rows") ?? "");
    named.set("@rows", numbersOf(sql, named.get("@rows") ?? ""));
  }
  if (sql.startsWith("ALTER")) {
    // DuckDB adds one column in a statement.
    for (const [addition] of sql.matchAll(/ADD COLUMN IF NOT EXISTS `\w+` \w+/g))
      await scratch.run(`ALTER TABLE "${table}" ${inDuckDb(addition)}`);
    return { changed: 0 };
  }
  if (sql.startsWith("SELECT")) return { lines: await linesOf(scratch, table, sql, [...named.values()]), changed: 0 };
  const { changed } = await scratch.run(inDuckDb(sql), [...named.values()]);
  return { changed };
}

/** TO_JSON_STRING writes a time in ISO 8601 with Z, and no digits of a second that say nothing (in threes). */
async function linesOf(scratch: Scratch, table: string, sql: string, parameters: string[]): Promise<string[]> {
  const iso = (column: string) =>
    `regexp_replace(strftime(make_timestamp(epoch_us(${column})), '%Y-%m-%dT%H:%M:%S.%fZ'), '(\\.000000|000)Z$', 'Z') AS ${column}`;
  const cells = (await scratch.columns(table)).map(({ name, type }) => (type.startsWith("TIMESTAMP") ? iso(`"${name}"`) : `"${name}"`));
  const told = `FROM (SELECT ${cells.join(", ")} FROM "${table}")`;
  const query = inDuckDb(sql)
    .replace("TO_JSON_STRING", "to_json")
    // A function, since the text itself has $'.
    .replace(`FROM "${table}"`, () => told);
  return (await scratch.run(query, parameters)).rows.map(({ line }) => String(line));
}

/** INT64, UINT64 and FLOAT64 are what JSON has there ("PARSE_JSON", wide_number_mode). */
function numbersOf(sql: string, rows: string): string {
  const columns = [...sql.matchAll(/PARSE_JSON\(JSON_VALUE\(\w+, '\$\.(\w+)'\), wide_number_mode=>'round'\)/g)].map(
    ([, name = ""]) => name,
  );
  const holds = (text: string) => /^-?\d+$/.test(text) && BigInt(text) >= -(2n ** 63n) && BigInt(text) < 2n ** 64n;
  const kept = withVendorNumbers({ rows, columns, holds });
  if (kept === undefined) throw new Refused(400, "invalidQuery", "Invalid input to PARSE_JSON: a number cannot be stored");
  return kept;
}

/** A range variable wins over a column of its name, and is the whole row then: said by Google's own analyzer of SQL. */
function refuseOwnNames(sql: string): void {
  const [, target] = /^MERGE INTO `[\w.-]+` AS (\w+)/.exec(sql) ?? [];
  if (target && new RegExp(`[ ,]\\x60${target}\\x60 = `).test(sql)) {
    throw new Refused(400, "invalidQuery", "UPDATE ... SET does not support updating the entire row");
  }
  const name = [...sql.matchAll(/(?:ADD COLUMN IF NOT EXISTS |[(,] ?)`(\w+)` (?:STRING|TIMESTAMP|FLOAT64|INT64|JSON)/g)].find(
    ([, column = ""]) => RESERVED.test(column),
  )?.[1];
  if (name)
    throw new Refused(
      400,
      "invalid",
      `Invalid field name "${name}". Field names are not allowed to start with the (case-insensitive) prefixes`,
    );
}

function refuseTwins(rows: string): void {
  const keys = (JSON.parse(rows) as { delivery_key: string }[]).map(({ delivery_key }) => delivery_key);
  if (new Set(keys).size === keys.length) return;
  throw new Refused(400, "invalidQuery", "UPDATE/MERGE must match at most one source row for each target row");
}

function inDuckDb(sql: string): string {
  return sql
    .replace(/ CLUSTER BY `\w+`/, "")
    .replace(/`[\w-]+\.\w+\.(\w+)`/g, '"$1"')
    .replace(/`?(\w+)`? STRING\((\d+)\)/g, '"$1" VARCHAR CHECK (length("$1") <= $2)')
    .replace(/`/g, '"')
    .replace(
      /UNNEST\(JSON_QUERY_ARRAY\(@rows\)\) AS (\w+)/,
      (_all, item: string) => `(SELECT unnest(json_extract($1::JSON, '$[*]')) AS ${item})`,
    )
    .replace(/JSON_VALUE\(/g, "json_extract_string(")
    .replace(/PARSE_JSON\((.*?), wide_number_mode=>'round'\)/g, "CAST($1 AS JSON)")
    .replace(/CURRENT_TIMESTAMP\(\)/g, "now()")
    .replace(/\bSTRING\b/g, "VARCHAR")
    .replace(/\bFLOAT64\b/g, "DOUBLE")
    .replace(/\bINT64\b/g, "BIGINT")
    .replace(/\bTIMESTAMP\b/g, "TIMESTAMPTZ")
    .replace(/@key/, "$1");
}

/** BigQuery's words for what DuckDB found; they quote the value, as the real ones do. */
export function wordsOf(error: unknown): string {
  const message = error instanceof Error ? error.message : "";
  const value = /'([^']*)'/.exec(message)?.[1] ?? "";
  if (message.startsWith("Conversion")) return `Bad double value: ${value}`;
  if (/CHECK constraint/.test(message)) return `Field agent_id: STRING(15) has maximum length 15 but got a value with length 30: ${value}`;
  if (/NOT NULL/.test(message)) return "Required field delivery_key cannot be null";
  return `Query error: ${message.split("\n")[0]}`;
}
