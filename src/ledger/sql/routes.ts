import type { RouteLedger } from "../routes.ts";
import type { LogPosition } from "../types.ts";
import { recordAction } from "./actions.ts";
import { toPosition } from "./rows.ts";
import type { Sql, SqlValue } from "./sql.ts";

export function routeQueries(sql: Sql): RouteLedger {
  const { all, transaction, greatest } = sql;
  return {
    async routeStart({ route, resolve }) {
      const [known] = await all("SELECT start FROM route_state WHERE route = $1 AND start IS NOT NULL", [route]);
      if (known) return positionsOf(known.start);
      const [row] = await all(
        `INSERT INTO route_state AS r (route, start) VALUES ($1, $2)
         ON CONFLICT (route) DO UPDATE SET start = coalesce(r.start, excluded.start) RETURNING start`,
        [route, JSON.stringify(await resolve())],
      );
      return positionsOf(row?.start);
    },
    async routeStarts() {
      const rows = await all("SELECT route, start FROM route_state WHERE start IS NOT NULL");
      return new Map(rows.map(({ route, start }) => [String(route), positionsOf(start)]));
    },
    mirrorPositions: ({ route, positions }) =>
      transaction(function* () {
        for (const { partition, offset } of positions)
          yield {
            text: `INSERT INTO route_positions AS p (route, log_partition, log_offset) VALUES ($1, $2, $3)
              ON CONFLICT (route, log_partition) DO UPDATE SET log_offset = ${greatest}(p.log_offset, excluded.log_offset)`,
            values: [route, partition, offset],
          };
      }),
    async mirroredPositions(route) {
      return (await all("SELECT log_partition, log_offset FROM route_positions WHERE route = $1 ORDER BY 1", [route])).map(toPosition);
    },
    async knownRoutes() {
      const rows = await all(
        "SELECT route FROM route_state WHERE start IS NOT NULL UNION SELECT DISTINCT route FROM deliveries ORDER BY 1",
      );
      return rows.map(({ route }) => String(route));
    },
    renameRoute: ({ from, to }) =>
      transaction(function* () {
        // Removed first: a second process that renames the route at the same time waits here, and then finds nothing.
        const [state] = yield {
          text: "DELETE FROM route_state WHERE route = $1 AND route <> $2 RETURNING start, pause, skip_before, skip_reason",
          values: [from, to],
        };
        if (state)
          yield {
            text: `INSERT INTO route_state AS r (route, start, pause, skip_before, skip_reason) VALUES ($1, $2, $3, $4, $5)
              ON CONFLICT (route) DO UPDATE SET start = excluded.start, pause = excluded.pause, skip_before = excluded.skip_before,
                skip_reason = excluded.skip_reason`,
            values: [to, ...[state.start, state.pause, state.skip_before, state.skip_reason].map((value) => (value ?? null) as SqlValue)],
          };
        const moved = yield {
          text: `UPDATE deliveries SET route = $2 WHERE route = $1 AND NOT EXISTS (
            SELECT 1 FROM deliveries AS n WHERE n.route = $2 AND n.source = deliveries.source AND n.call_id = deliveries.call_id) RETURNING route`,
          values: [from, to],
        };
        yield { text: "DELETE FROM deliveries WHERE route = $1", values: [from] };
        const positions = yield {
          text: "DELETE FROM route_positions WHERE route = $1 RETURNING log_partition, log_offset",
          values: [from],
        };
        // Positions alone were mirrored by a process that did not know yet that the route has been renamed: the new one may be ahead of them.
        if (!state && moved.length === 0) return false;
        for (const { log_partition, log_offset } of positions)
          yield {
            text: `INSERT INTO route_positions AS p (route, log_partition, log_offset) VALUES ($1, $2, $3)
              ON CONFLICT (route, log_partition) DO UPDATE SET log_offset = excluded.log_offset`,
            values: [to, Number(log_partition), Number(log_offset)],
          };
        yield { text: "UPDATE deliveries SET awaits = $2 WHERE awaits = $1", values: [from, to] };
        yield {
          text: `INSERT INTO lost_ranges (route, log_partition, from_offset, to_offset, at, kind, reason, accepted_at)
              SELECT $2, log_partition, from_offset, to_offset, at, kind, reason, accepted_at FROM lost_ranges WHERE route = $1
            ON CONFLICT (route, log_partition, from_offset) DO NOTHING`,
          values: [from, to],
        };
        yield { text: "DELETE FROM lost_ranges WHERE route = $1", values: [from] };
        return true;
      }),
    retireRoute: ({ route, by }) =>
      transaction(function* () {
        const gone = yield { text: "DELETE FROM deliveries WHERE route = $1 RETURNING route", values: [route] };
        yield { text: "UPDATE deliveries SET awaits = NULL WHERE awaits = $1", values: [route] };
        for (const table of ["lost_ranges", "route_positions", "route_state"])
          yield { text: `DELETE FROM ${table} WHERE route = $1`, values: [route] };
        yield* recordAction(sql, { by, route, action: "retire", detail: `${gone.length} rows removed` });
        return gone.length;
      }),
  };
}

const positionsOf = (start: unknown): LogPosition[] => JSON.parse(String(start));
