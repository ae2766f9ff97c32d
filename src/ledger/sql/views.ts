import type { DeliveryState } from "../types.ts";
import { versionsIn } from "../versions.ts";
import type { RouteCounts, RowProof, ViewLedger } from "../views.ts";
import { placeOf, type Row, toDeliveryRow, toKey } from "./rows.ts";
import { chunks, placeholders, type Sql, whereOf } from "./sql.ts";

const COLUMNS = `route, source, call_id, log_partition, log_offset, state, attempts, accepted_at, updated_at, due_at, error_code, reason, receipt,
  awaits, claimed_by, routes_version, returned, returned_at`;

export function viewQueries(sql: Sql, fingerprint: ViewLedger["fingerprint"]): ViewLedger {
  const { all, nowMs, filtered, counts } = sql;
  return {
    fingerprint,
    async deliveries({ callId, route, state, unmatched = false, limit }) {
      const { where, values } = whereOf({
        "call_id =": callId,
        [`${filtered("route")} =`]: route,
        [`${filtered("state")} =`]: unmatched ? "delivered" : state,
      });
      const rows = await all(
        `SELECT ${COLUMNS} FROM deliveries WHERE ${where} ${unmatched ? "AND found <> 1" : ""}
         ORDER BY updated_at DESC, route LIMIT $${values.length + 1}`,
        [...values, limit],
      );
      return rows.map(toDeliveryRow);
    },
    async counts() {
      const byRoute = new Map<string, RouteCounts>();
      for (const { route: id, state, n, next_due_at } of await all(counts)) {
        const route = String(id);
        const known = byRoute.get(route) ?? { route, delivered: 0, skipped: 0, waiting: 0, dead: 0, sending: 0, nextDueAt: undefined };
        const nextDueAt = next_due_at === null ? known.nextDueAt : Number(next_due_at);
        byRoute.set(route, { ...known, [String(state)]: Number(n), nextDueAt });
      }
      return [...byRoute.values()].sort((a, b) => a.route.localeCompare(b.route));
    },
    async proofs({ route, keys }) {
      const found: RowProof[] = [];
      for (const part of chunks(keys)) {
        const rows = await all(
          `SELECT route, source, call_id, log_partition, log_offset, accepted_at, state, hash, versions, body IS NOT NULL AS has_body,
             CASE WHEN claim_id IS NULL THEN NULL ELSE claimed_until - ${nowMs} END AS left_ms
           FROM deliveries WHERE route = $1 AND (source, call_id) IN (VALUES ${placeholders(part.length, 2, 1)})`,
          [route, ...part.flatMap(({ source, callId }) => [source, callId])],
        );
        found.push(...rows.map(toProof));
      }
      return found;
    },
  };
}

function toProof(row: Row): RowProof {
  return {
    ...toKey(row),
    ...placeOf(row),
    state: String(row.state) as DeliveryState,
    hash: String(row.hash),
    earlier: versionsIn(String(row.versions)),
    hasBody: Boolean(row.has_body),
    claimLeftMs: row.left_ms === null ? undefined : Number(row.left_ms),
  };
}
