import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Sandbox, SandboxOptions } from "../../src/connector.ts";
import { readDuckDbRows } from "./duckdb.ts";

const TABLE = "calls";

/** The stand-in is the thing itself: a DuckDB file. There is no API between, so that there are no limits and no latency either. */
export function createSandbox(_options: SandboxOptions = {}): Sandbox {
  let path: string | undefined;

  return {
    example: {},
    settings({ folder }) {
      path = join(folder, "warehouse.duckdb");
      return { url: `duckdb:${path}` };
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
