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
  /^MERGE INTO ("\w+"\.){2}"\w+" AS t\nUSING \(SELECT [^;]+ FROM TABLE\(FLATTEN\(INPUT => PARSE_JSON\(\?\)\)\) AS r\) AS s\nON t\."\w+" = s\."\w+"\nWHEN MATCHED THEN UPDATE SET [^;]+\nWHEN NOT MATCHED THEN INSERT \([^;]+\)\nVALUES \([^;]+\)$/,
  /^DELETE FROM ("\w+"\.){2}"\w+" WHERE "\w+" = \?$/,
  /^INSERT INTO ("\w+"\.){2}"\w+" VALUES [^;]+$/,
];

/** Runs a statement of Snowflake's with its binds. @throws {Refused}, and DuckDB's errors */
export async function statement(
  scratch: Scratch,
  sql: string,
  texts: string[],
): Promise<{ rows: Record<string, unknown>[]; changed: number }> {
  if (!SHAPES.some((shape) => shape.test(sql)))
    throw new Refused("001003", "42000", "SQL compilation error: syntax error line 1 at position 0");
  if (sql.startsWith("SELECT")) {
    const columns = texts[0] === CONTEXT.schema ? await scratch.columns(texts[1] ?? "") : [];
    const described = ({ name, type, mustBeFilled, fallback }: (typeof columns)[number]) => ({
      COLUMN_NAME: name,
      DATA_TYPE: TYPES[type] ?? type,
      IS_NULLABLE: mustBeFilled ? "NO" : "YES",
      COLUMN_DEFAULT: fallback,
    });
    return { rows: columns.map(described), changed: 0 };
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
  }
  return scratch.run(inDuckDb(sql), texts);
}

const TYPES: Record<string, string> = {
  VARCHAR: "TEXT",
  DOUBLE: "FLOAT",
  "DECIMAL(38,0)": "NUMBER",
  INTEGER: "NUMBER",
  "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ",
  JSON: "VARIANT",
};

function inDuckDb(sql: string): string {
  return (
    sql
      .replace(/(?:"\w+"\.){2}("\w+")/g, "$1")
      // A primary key is taken and not enforced.
      .replace(/, PRIMARY KEY \("\w+"\)/, "")
      .replace(/("\w+") VARCHAR\((\d+)\)/g, "$1 VARCHAR CHECK (length($1) <= $2)")
      .replace(/TABLE\(FLATTEN\(INPUT => PARSE_JSON\(\?\)\)\) AS r/, "(SELECT unnest(json_extract($1::JSON, '$[*]')) AS value) AS r")
      .replace(/PARSE_JSON\(([^()]+)\)/g, "CAST($1 AS JSON)")
      .replace(/r\.value:"(\w+)"::VARCHAR/g, "json_extract_string(r.value, '$.$1')")
      .replace(/TO_TIMESTAMP_TZ\((.*?\)), 'AUTO'\)/g, "CAST($1 AS TIMESTAMPTZ)")
      .replace(/CURRENT_TIMESTAMP\(\)/g, "now()")
      .replace(/TIMESTAMP_TZ/g, "TIMESTAMPTZ")
      .replace(/\bFLOAT\b/g, "DOUBLE")
      .replace(/\bNUMBER\b/g, "DECIMAL")
      .replace(/\bVARIANT\b/g, "JSON")
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
