/** What a ledger knows of the log that it belongs to, for both engines: the log's identity, and how far it has reached at least. */
import { noteStatements } from "./actions.ts";
import type { Ledger } from "./ledger.ts";
import type { Row } from "./rows.ts";
import type { Sql } from "./sql.ts";

export function logQueries(sql: Sql): Pick<Ledger, "bindLog" | "boundLog" | "adoptLog" | "noteSeen" | "seen"> {
  const { all, transaction, greatest } = sql;
  async function boundLog(): Promise<string | undefined> {
    const [row] = await all("SELECT value FROM meta WHERE key = 'log'");
    return row && String(row.value);
  }

  return {
    boundLog,
    async bindLog({ identity, earlier = [] }) {
      await all("INSERT INTO meta (key, value) VALUES ('log', $1) ON CONFLICT (key) DO NOTHING", [identity]);
      for (const name of earlier) await all("UPDATE meta SET value = $1 WHERE key = 'log' AND value = $2", [identity, name]);
      return (await boundLog()) ?? identity;
    },
    async adoptLog({ identity, from, by }) {
      await transaction([
        {
          text: "INSERT INTO meta (key, value) VALUES ('log', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
          values: [identity],
        },
        { text: "DELETE FROM route_positions" },
        { text: "DELETE FROM log_ends" },
        // Offsets of the log that was replaced.
        { text: "DELETE FROM lost_ranges" },
        { text: "UPDATE route_state SET start = $1 WHERE start IS NOT NULL", values: [JSON.stringify(from)] },
        // Begun for a record that may not be in the log any more; where it is, the next attempt takes this away.
        {
          text: "UPDATE deliveries SET reason = 'begun for a record of the log that was replaced' WHERE state = 'sending' AND body IS NULL",
        },
        ...noteStatements(sql, { by, route: "", action: "adopt-log", detail: identity }),
      ]);
    },
    async noteSeen(ends) {
      await transaction(
        ends.map(({ partition, offset }) => ({
          text: `INSERT INTO log_ends AS e (log_partition, log_offset) VALUES ($1, $2)
            ON CONFLICT (log_partition) DO UPDATE SET log_offset = ${greatest}(e.log_offset, excluded.log_offset)`,
          values: [partition, offset],
        })),
      );
    },
    async seen() {
      const rows = await all(
        `SELECT log_partition, max(log_offset) AS log_offset FROM
           (SELECT log_partition, log_offset FROM log_ends UNION ALL SELECT log_partition, log_offset FROM route_positions) AS known
         GROUP BY log_partition ORDER BY log_partition`,
      );
      return rows.map((row: Row) => ({ partition: Number(row.log_partition), offset: Number(row.log_offset) }));
    },
  };
}
