import type { LogBindingLedger } from "../log-binding.ts";
import { recordAction } from "./actions.ts";
import { toPosition } from "./rows.ts";
import type { Sql } from "./sql.ts";

const BOUND_LOG = { text: "SELECT value FROM meta WHERE key = 'log'" };

export function logBindingQueries(sql: Sql): LogBindingLedger {
  const { all, transaction, greatest } = sql;

  return {
    async boundLog() {
      const [row] = await all(BOUND_LOG.text);
      return row && String(row.value);
    },
    bindLog: ({ identity, earlier = [] }) =>
      transaction(function* () {
        yield { text: "INSERT INTO meta (key, value) VALUES ('log', $1) ON CONFLICT (key) DO NOTHING", values: [identity] };
        for (const name of earlier) yield { text: "UPDATE meta SET value = $1 WHERE key = 'log' AND value = $2", values: [identity, name] };
        const [bound] = yield BOUND_LOG;
        return String(bound?.value);
      }),
    adoptLog: ({ identity, from, by }) =>
      transaction(function* () {
        yield {
          text: "INSERT INTO meta (key, value) VALUES ('log', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
          values: [identity],
        };
        yield { text: "DELETE FROM route_positions" };
        yield { text: "DELETE FROM log_ends" };
        // Offsets of the log that was replaced.
        yield { text: "DELETE FROM lost_ranges" };
        yield { text: "UPDATE route_state SET start = $1 WHERE start IS NOT NULL", values: [JSON.stringify(from)] };
        // The record may not be in the new log; where it is, the next attempt removes this reason.
        yield {
          text: "UPDATE deliveries SET reason = 'begun for a record of the log that was replaced' WHERE state = 'sending' AND body IS NULL",
        };
        yield* recordAction(sql, { by, route: "", action: "adopt-log", detail: identity });
      }),
    noteSeen: (ends) =>
      transaction(function* () {
        for (const { partition, offset } of ends)
          yield {
            text: `INSERT INTO log_ends AS e (log_partition, log_offset) VALUES ($1, $2)
              ON CONFLICT (log_partition) DO UPDATE SET log_offset = ${greatest}(e.log_offset, excluded.log_offset)`,
            values: [partition, offset],
          };
      }),
    async seen() {
      const rows = await all(
        `SELECT log_partition, max(log_offset) AS log_offset FROM
           (SELECT log_partition, log_offset FROM log_ends UNION ALL SELECT log_partition, log_offset FROM route_positions) AS known
         GROUP BY log_partition ORDER BY log_partition`,
      );
      return rows.map(toPosition);
    },
  };
}
