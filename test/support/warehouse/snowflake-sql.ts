import { parseJsonExactly } from "../../../src/connector/index.ts";
import { withVendorNumbers } from "./numbers.ts";
import type { Scratch } from "./scratch.ts";

export const CONTEXT = { database: "ANALYTICS", schema: "VOICE", warehouse: "LOADING", role: "LOADER" };

/** A statement is not taken: code, SQLSTATE and message are the answer's. */
export class Refused extends Error {
  readonly code: string;
  readonly sqlState: string;
  constructor(code: string, sqlState: string, message: string) {
    super(message);
    this.code = code;
    this.sqlState = sqlState;
  }
}

/** The statements that we send, whole: anything else is a syntax error here. */
const SHAPES = [
  /^SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE, COLUMN_DEFAULT FROM "ANALYTICS"\.INFORMATION_SCHEMA\.COLUMNS WHERE TABLE_SCHEMA = \? AND TABLE_NAME = \? ORDER BY ORDINAL_POSITION$/,
  /^CREATE TABLE (IF NOT EXISTS )?("\w+"\.){2}"\w+" \([^;]+\)$/,
  /^ALTER TABLE ("\w+"\.){2}"\w+" ADD COLUMN IF NOT EXISTS "\w+" [\w(),]+$/,
  /^MERGE INTO ("\w+"\.){2}"\w+" AS (\w+)\nUSING \(SELECT [^;]+ FROM TABLE\(FLATTEN\(INPUT => PARSE_JSON\(\?\)\)\) AS \w+\) AS (\w+)\nON \2\."\w+" = \3\."\w+"\nWHEN MATCHED THEN UPDATE SET [^;]+\nWHEN NOT MATCHED THEN INSERT \([^;]+\)\nVALUES \([^;]+\)$/,
  /^DELETE FROM ("\w+"\.){2}"\w+" WHERE "\w+" = \?$/,
  /^SELECT \* FROM ("\w+"\.){2}"\w+" WHERE "\w+" = \?$/,
  /^INSERT INTO ("\w+"\.){2}"\w+" VALUES [^;]+$/,
];

/** What a query gives, each cell as the SQL API writes it, and how many rows a statement changed. */
export interface Done {
  columns: { name: string; type: string }[];
  cells: (string | null)[][];
  changed: number;
}

/** Looks at the table, and nothing else: it is asked before every first statement. */
export const isDescribe = (sql: string) => sql.includes("INFORMATION_SCHEMA");

/** Runs a statement of Snowflake's with its binds. @throws {Refused}, and DuckDB's errors */
export async function statement(scratch: Scratch, sql: string, texts: string[]): Promise<Done> {
  if (!SHAPES.some((shape) => shape.test(sql)))
    throw new Refused("001003", "42000", "SQL compilation error: syntax error line 1 at position 0");
  if (isDescribe(sql)) {
    const columns = texts[0] === CONTEXT.schema ? await scratch.columns(texts[1] ?? "") : [];
    return {
      columns: ["COLUMN_NAME", "DATA_TYPE", "IS_NULLABLE", "COLUMN_DEFAULT"].map((name) => ({ name, type: "text" })),
      cells: columns.map(({ name, type, mustBeFilled, fallback }) => [name, TYPES[type] ?? type, mustBeFilled ? "NO" : "YES", fallback]),
      changed: 0,
    };
  }
  const [, path = "", table = ""] = /((?:"\w+"\.){2})"(\w+)"/.exec(sql) ?? [];
  if (path !== '"ANALYTICS"."VOICE".')
    throw new Refused("002003", "02000", "SQL compilation error: Schema does not exist or not authorized.");
  if (!sql.startsWith("CREATE") && (await scratch.columns(table)).length === 0) {
    throw new Refused("002003", "42S02", `SQL compilation error: Object '${table}' does not exist or not authorized.`);
  }
  if (sql.startsWith("MERGE")) {
    const keys = (JSON.parse(texts[0] ?? "") as { delivery_key: string }[]).map(({ delivery_key }) => delivery_key);
    if (new Set(keys).size < keys.length) throw new Refused("100090", "42P18", "Duplicate row detected during DML action");
    return { columns: [], cells: [], changed: (await scratch.run(inDuckDb(sql), [numbersOf(sql, texts[0] ?? "")])).changed };
  }
  if (sql.startsWith("SELECT")) return { ...(await rowsOf(scratch, table, inDuckDb(sql), texts)), changed: 0 };
  return { columns: [], cells: [], changed: (await scratch.run(inDuckDb(sql), texts)).changed };
}

/** Up to 38 digits without an exponent are kept, anything else is a double ("PARSE_JSON", usage notes). */
function numbersOf(sql: string, rows: string): string {
  const columns = [...sql.matchAll(/PARSE_JSON\(\w+\.value:"(\w+)"::VARCHAR\)/g)].map(([, name = ""]) => name);
  const holds = (text: string) => !/e/i.test(text) && text.replace(/\D/g, "").length <= 38;
  const kept = withVendorNumbers({ rows, columns, holds });
  if (kept === undefined) throw new Refused("100069", "22P02", "Error parsing JSON");
  return kept;
}

/** Every cell as text, as "Handling responses" has it; a VARIANT is printed over several lines. */
async function rowsOf(scratch: Scratch, table: string, sql: string, texts: string[]): Promise<Pick<Done, "columns" | "cells">> {
  const columns = (await scratch.columns(table)).map(({ name, type }) => ({ name, type: WIRE_TYPES[TYPES[type] ?? ""] ?? "text" }));
  const selected = columns.map(({ name, type }) => (type === "timestamp_tz" ? `epoch_us("${name}") AS "${name}"` : `"${name}"`));
  const { rows } = await scratch.run(sql.replace("*", selected.join(", ")), texts);
  const print = ({ name, type }: (typeof columns)[number], cell: unknown) => {
    if (cell === null || cell === undefined) return null;
    if (type === "variant") return JSON.stringify(parseJsonExactly(String(cell)), null, 2);
    // The zone of what we wrote is UTC; CURRENT_TIMESTAMP has the session's, which is America/Los_Angeles where nobody changed it.
    return type === "timestamp_tz" ? `${epochSeconds(BigInt(String(cell)))} ${name.endsWith("_AT") ? 1440 - 480 : 1440}` : String(cell);
  };
  return { columns, cells: rows.map((row) => columns.map((column) => print(column, row[column.name]))) };
}

/** Nine digits of a second: `1736950980.123456000`. */
function epochSeconds(microseconds: bigint): string {
  const [sign, size] = microseconds < 0n ? ["-", -microseconds] : ["", microseconds];
  return `${sign}${size / 1_000_000n}.${String(size % 1_000_000n).padStart(6, "0")}000`;
}

const TYPES: Record<string, string> = {
  VARCHAR: "TEXT",
  DOUBLE: "FLOAT",
  "DECIMAL(38,0)": "NUMBER",
  INTEGER: "NUMBER",
  "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ",
  JSON: "VARIANT",
};

/** Types as an answer's `rowType` names them. */
const WIRE_TYPES: Record<string, string> = {
  TEXT: "text",
  FLOAT: "real",
  NUMBER: "fixed",
  TIMESTAMP_TZ: "timestamp_tz",
  VARIANT: "variant",
};

function inDuckDb(sql: string): string {
  return (
    sql
      .replace(/(?:"\w+"\.){2}("\w+")/g, "$1")
      // A primary key is taken and not enforced.
      .replace(/, PRIMARY KEY \("\w+"\)/, "")
      .replace(/("\w+") VARCHAR\((\d+)\)/g, "$1 VARCHAR CHECK (length($1) <= $2)")
      .replace(
        /TABLE\(FLATTEN\(INPUT => PARSE_JSON\(\?\)\)\) AS (\w+)/,
        (_all, item: string) => `(SELECT unnest(json_extract($1::JSON, '$[*]')) AS value) AS ${item}`,
      )
      .replace(/PARSE_JSON\(([^()]+)\)/g, "CAST($1 AS JSON)")
      .replace(/(\w+)\.value:"(\w+)"::VARCHAR/g, "json_extract_string($1.value, '$.$2')")
      .replace(/TO_TIMESTAMP_TZ\((.*?\)), 'AUTO'\)/g, "CAST($1 AS TIMESTAMPTZ)")
      .replace(/CURRENT_TIMESTAMP\(\)/g, "now()")
      .replace(/(?<!")\bTIMESTAMP_TZ\b/g, "TIMESTAMPTZ")
      .replace(/(?<!")\bFLOAT\b/g, "DOUBLE")
      .replace(/(?<!")\bNUMBER\b/g, "DECIMAL")
      .replace(/(?<!")\bVARIANT\b/g, "JSON")
      .replace(/ = \?$/, " = $1")
  );
}

/** Snowflake's words for what DuckDB found; they quote the value, as the real ones do. */
export function wordsOf(error: unknown): { code: string; sqlState: string; message: string } {
  const message = error instanceof Error ? error.message : "";
  const value = /'([^']*)'/.exec(message)?.[1] ?? "";
  if (message.startsWith("Conversion")) return { code: "100038", sqlState: "22018", message: `Numeric value '${value}' is not recognized` };
  if (/CHECK constraint/.test(message))
    return { code: "100078", sqlState: "22000", message: `String '${value}' is too long and would be truncated` };
  if (/NOT NULL/.test(message)) return { code: "100072", sqlState: "22000", message: "NULL result in a non-nullable column" };
  return { code: "000904", sqlState: "42000", message: `SQL compilation error: ${message.split("\n")[0]}` };
}
