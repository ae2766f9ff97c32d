/** What a route will never read, for both engines: `controls.ts`. */
import { noteStatements } from "./actions.ts";
import type { ControlLedger, LostRange } from "./controls.ts";
import type { Row } from "./rows.ts";
import type { Sql } from "./sql.ts";

export function lostQueries(sql: Sql): Pick<ControlLedger, "noteLost" | "lost" | "acceptLost"> {
  const { all, transaction, nowMs, greatest } = sql;
  return {
    async noteLost({ route, partition, from, to, kind, reason }) {
      // The same range again says nothing new; one that has grown is another loss.
      const grown = "excluded.to_offset > l.to_offset";
      await all(
        `INSERT INTO lost_ranges AS l (route, log_partition, from_offset, to_offset, at, kind, reason) VALUES ($1, $2, $3, $4, ${nowMs}, $5, $6)
         ON CONFLICT (route, log_partition, from_offset) DO UPDATE SET
           to_offset = ${greatest}(l.to_offset, excluded.to_offset),
           kind = CASE WHEN ${grown} THEN excluded.kind ELSE l.kind END,
           reason = CASE WHEN ${grown} THEN excluded.reason ELSE l.reason END,
           accepted_at = CASE WHEN ${grown} THEN NULL ELSE l.accepted_at END`,
        [route, partition, from, to, kind, reason],
      );
    },
    async lost() {
      return (await all("SELECT * FROM lost_ranges ORDER BY route, log_partition, from_offset")).map(toLost);
    },
    async acceptLost({ route, by, reason }) {
      const open = (await all("SELECT * FROM lost_ranges WHERE route = $1 AND accepted_at IS NULL", [route])).map(toLost);
      if (open.length === 0) return [];
      const places = open.map(({ partition, from, to }) => `${partition}:${from}-${to - 1}`).join(", ");
      await transaction([
        ...open.map(({ partition, from, to }) => ({
          text: `UPDATE lost_ranges SET accepted_at = ${nowMs}
            WHERE route = $1 AND log_partition = $2 AND from_offset = $3 AND to_offset = $4`,
          values: [route, partition, from, to],
        })),
        ...noteStatements(sql, { by, route, action: "accept-loss", detail: `${reason} (${places})` }),
      ]);
      return open;
    },
  };
}

function toLost(row: Row): LostRange {
  return {
    route: String(row.route),
    partition: Number(row.log_partition),
    from: Number(row.from_offset),
    to: Number(row.to_offset),
    at: Number(row.at),
    kind: row.kind === "unreadable" ? "unreadable" : "retention",
    reason: String(row.reason),
    acceptedAt: row.accepted_at === null ? undefined : Number(row.accepted_at),
  };
}
