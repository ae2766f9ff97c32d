import type { RoutesFileLedger, RoutesFileRow } from "../routes-files.ts";
import type { Row } from "./rows.ts";
import type { Sql } from "./sql.ts";

const SELECT = "SELECT version, text, good_at FROM routes_files";

export function routesFileQueries({ all, nowMs }: Sql): RoutesFileLedger {
  return {
    async keepRoutesFile({ version, text }) {
      await all(
        `INSERT INTO routes_files AS f (version, text, good_at) VALUES ($1, $2, ${nowMs}) ON CONFLICT (version) DO UPDATE SET good_at = excluded.good_at`,
        [version, text],
      );
    },
    async routesFile(version) {
      const [row] = await (version === undefined
        ? all(`${SELECT} ORDER BY good_at DESC LIMIT 1`)
        : all(`${SELECT} WHERE version = $1`, [version]));
      return row && toRoutesFile(row);
    },
    routesFiles: async () => (await all(`${SELECT} ORDER BY good_at DESC, version`)).map(toRoutesFile),
  };
}

function toRoutesFile(row: Row): RoutesFileRow {
  return { version: String(row.version), text: String(row.text), goodAt: Number(row.good_at) };
}
