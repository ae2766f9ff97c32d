import type { LossLedger, LostRange } from "../losses.ts";
import { recordAction } from "./actions.ts";
import type { Row } from "./rows.ts";
import type { Sql } from "./sql.ts";

export function lossQueries(sql: Sql): LossLedger {
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
    acceptLost: ({ route, by, reason }) =>
      transaction(function* () {
        const changed = yield {
          text: `UPDATE lost_ranges SET accepted_at = ${nowMs} WHERE route = $1 AND accepted_at IS NULL RETURNING *`,
          values: [route],
        };
        const accepted = changed.map(toLost).sort((a, b) => a.partition - b.partition || a.from - b.from);
        const places = accepted.map(({ partition, from, to }) => `${partition}:${from}-${to - 1}`).join(", ");
        if (accepted.length > 0) yield* recordAction(sql, { by, route, action: "accept-loss", detail: `${reason} (${places})` });
        return accepted;
      }),
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
