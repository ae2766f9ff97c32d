import type { ControlLedger, RouteControl } from "../controls.ts";
import { recordAction } from "./actions.ts";
import type { Row } from "./rows.ts";
import type { Sql } from "./sql.ts";

export function controlQueries(sql: Sql): ControlLedger {
  const { all, transaction, nowMs, greatest } = sql;

  return {
    async controls() {
      const routes = await all(
        "SELECT route, pause, skip_before, skip_reason FROM route_state WHERE pause IS NOT NULL OR skip_before IS NOT NULL",
      );
      const holds = await all(`SELECT key, not_before - ${nowMs} AS for_ms FROM destination_state WHERE not_before > ${nowMs}`);
      return {
        routes: routes.map(toControl),
        holds: holds.map((row) => ({ key: String(row.key), forMs: Number(row.for_ms) })),
      };
    },
    pause: ({ route, kind, reason, by }) =>
      transaction(function* () {
        const [now] = yield { text: `SELECT ${nowMs} AS now` };
        const changed = yield {
          text: `INSERT INTO route_state AS r (route, pause) VALUES ($1, $2)
            ON CONFLICT (route) DO UPDATE SET pause = excluded.pause WHERE r.pause IS NULL RETURNING route`,
          values: [route, JSON.stringify({ kind, reason, by, at: Number(now?.now) })],
        };
        if (changed.length > 0) yield* recordAction(sql, { by, route, action: "pause", detail: reason });
        return changed.length > 0;
      }),
    resume: ({ route, by, skipBefore }) =>
      transaction(function* () {
        if (skipBefore)
          yield {
            text: `INSERT INTO route_state AS r (route, skip_before, skip_reason) VALUES ($1, coalesce(CAST($2 AS bigint), ${nowMs}), $3)
              ON CONFLICT (route) DO UPDATE SET skip_before = ${greatest}(coalesce(r.skip_before, 0), excluded.skip_before),
                skip_reason = excluded.skip_reason`,
            values: [route, skipBefore.before ?? null, skipBefore.reason],
          };
        const changed = yield {
          text: "UPDATE route_state SET pause = NULL WHERE route = $1 AND pause IS NOT NULL RETURNING route",
          values: [route],
        };
        if (skipBefore) yield* recordAction(sql, { by, route, action: "skip", detail: skipBefore.reason });
        if (changed.length > 0) yield* recordAction(sql, { by, route, action: "resume", detail: "" });
        return changed.length > 0;
      }),

    async reserve({ key, count, intervalMs }) {
      const spanMs = Math.ceil(count * intervalMs);
      const [row] = await all(
        `INSERT INTO destination_state AS d (key, next_at) VALUES ($1, ${nowMs} + CAST($2 AS bigint))
         ON CONFLICT (key) DO UPDATE SET next_at = ${greatest}(${greatest}(d.next_at, d.not_before), ${nowMs}) + CAST($2 AS bigint)
         RETURNING next_at - CAST($2 AS bigint) - ${nowMs} AS wait_ms`,
        [key, spanMs],
      );
      return Math.max(0, Number(row?.wait_ms ?? 0));
    },
    async holdBack({ key, forMs }) {
      await all(
        `INSERT INTO destination_state AS d (key, not_before) VALUES ($1, ${nowMs} + CAST($2 AS bigint))
         ON CONFLICT (key) DO UPDATE SET not_before = ${greatest}(d.not_before, excluded.not_before)`,
        [key, Math.ceil(forMs)],
      );
    },
  };
}

function toControl(row: Row): RouteControl {
  return {
    route: String(row.route),
    pause: row.pause === null ? undefined : JSON.parse(String(row.pause)),
    skipBefore: row.skip_before === null ? undefined : { before: Number(row.skip_before), reason: String(row.skip_reason) },
  };
}
