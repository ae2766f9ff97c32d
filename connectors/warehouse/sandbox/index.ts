import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Sandbox, SandboxOptions } from "../../../src/connector/index.ts";
import { KEY, quoted, TABLE_COLUMNS } from "../columns.ts";
import { withDuckDbFile } from "../engines/duckdb/file.ts";
import { DUCKDB_TYPES, readDuckDbRows } from "../engines/duckdb/store.ts";

const TABLE = "calls";

/** The stand-in is the thing itself: a DuckDB file. There is no API between, so that there are no limits and no latency either. */
export function createSandbox(_options: SandboxOptions = {}): Sandbox {
  let path: string | undefined;
  const refused = new Set<string>();

  return {
    example: {},
    settings({ folder }) {
      path = join(folder, "warehouse.duckdb");
      return { url: `duckdb:${path}` };
    },
    refuse(key) {
      refused.add(key);
      // Uses of one file go one after the other: what is sent from now on meets the constraint.
      if (path !== undefined) void constrain(path, [...refused]);
    },
    async records() {
      if (path === undefined || !existsSync(path)) return [];
      const rows = await readDuckDbRows({ path, table: TABLE });
      return rows.map((row) => ({
        key: String(row.delivery_key),
        id: String(row.delivery_key),
        line: `${TABLE}: ${row.call_id} · ${row.direction} · ${row.call_outcome} · ${row.duration_seconds} s`,
        body: row,
      }));
    },
  };
}

/** Recreates the table with its rows and a constraint that refuses these keys, as its owner might have. */
function constrain(path: string, keys: string[]): Promise<void> {
  return withDuckDbFile({ path }, async (connection) => {
    const checks = keys.map((key) => `, CHECK (${quoted(KEY)} <> '${key.replaceAll("'", "''")}')`);
    const definitions = TABLE_COLUMNS.map(
      ({ name, kind }) => `${quoted(name)} ${DUCKDB_TYPES[kind][0]}${name === KEY ? " PRIMARY KEY" : ""}`,
    );
    await connection.run(`CREATE TABLE constrained (${definitions.join(", ")}${checks.join("")})`);
    const before = await connection.runAndReadAll(`SELECT 1 FROM pragma_table_info('${TABLE}')`).catch(() => undefined);
    if (before) await connection.run(`INSERT INTO constrained BY NAME SELECT * FROM ${TABLE}; DROP TABLE ${TABLE}`);
    await connection.run(`ALTER TABLE constrained RENAME TO ${TABLE}`);
  });
}
