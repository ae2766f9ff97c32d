/** The ledger for containers: PostgreSQL. The contract is `src/ledger/ledger.ts`. */
import { controlQueries } from "../control-queries.ts";
import { createFingerprint } from "../fingerprint.ts";
import type { Ledger, LogPosition, RouteCounts, WorkerHeartbeat } from "../ledger.ts";
import { logQueries } from "../log-queries.ts";
import { receiptQueries } from "../receipt-queries.ts";
import { repairQueries } from "../repair-queries.ts";
import { type Row, toDeliveryRow } from "../rows.ts";
import type { Sql, SqlValue } from "../sql.ts";
import { claimQueries } from "./claims.ts";
import { connect, type Database, explain } from "./connect.ts";
import { DIALECT, fingerprintKey, migrate, NOW_MS } from "./schema.ts";
import { settleQueries } from "./settle.ts";
import { withoutNul } from "./text.ts";

/**
 * @throws {UnreachableError} naming host and port, when there is no answer within about 5 s.
 * @throws {UsageError} for an unreadable URL or a ledger of a newer program.
 */
export async function openPostgresLedger(options: { url: string }): Promise<Ledger> {
  const db = connect(options.url);
  const { name, pool, schema } = db;
  let fingerprint: Ledger["fingerprint"];
  try {
    await migrate({ pool, schema, name });
    fingerprint = createFingerprint(await fingerprintKey(pool));
  } catch (error) {
    await pool.end();
    throw explain(error, { name, address: name.slice("postgres://".length).split("/", 1)[0] ?? "" });
  }
  const sql = sqlOf(db);
  return {
    name,
    engine: "postgres",
    fingerprint,
    ...claimQueries(db, fingerprint),
    ...settleQueries(db, fingerprint),
    ...routeQueries(db),
    ...workerQueries(db),
    ...viewQueries(db),
    ...controlQueries(sql),
    ...receiptQueries(sql),
    ...repairQueries(sql, fingerprint),
    ...logQueries(sql),
    check: async () => void (await db.query("SELECT 1")),
    close: () => pool.end(),
  };
}

function sqlOf(db: Database): Sql {
  return {
    ...DIALECT,
    greatest: "greatest",
    all: async (text, values = []) => (await db.query(text, storable(values))).rows,
    transaction: (statements) => db.transaction(statements.map(({ text, values = [] }) => ({ text, values: storable(values) }))),
  };
}

function storable(values: SqlValue[]): SqlValue[] {
  return values.map((value) => (typeof value === "string" ? withoutNul(value) : value));
}

function routeQueries(db: Database): Pick<Ledger, "routeStart" | "routeStarts" | "mirrorPositions" | "mirroredPositions"> {
  return {
    async routeStart({ route, resolve }) {
      const known = await db.query("SELECT start FROM route_state WHERE route = $1 AND start IS NOT NULL", [route]);
      if (known.rows[0]) return JSON.parse(known.rows[0].start);
      const { rows } = await db.query(
        "INSERT INTO route_state AS r VALUES ($1, $2) ON CONFLICT (route) DO UPDATE SET start = coalesce(r.start, excluded.start) RETURNING start",
        [route, JSON.stringify(await resolve())],
      );
      return JSON.parse(rows[0]?.start);
    },
    async routeStarts() {
      const { rows } = await db.query("SELECT route, start FROM route_state WHERE start IS NOT NULL");
      return new Map(rows.map((row: Row) => [String(row.route), JSON.parse(String(row.start)) as LogPosition[]]));
    },
    async mirrorPositions({ route, positions }) {
      await db.query(
        `INSERT INTO route_positions AS p SELECT $1, partition, "offset" FROM jsonb_to_recordset($2::jsonb) AS item(partition integer, "offset" bigint)
         ON CONFLICT (route, log_partition) DO UPDATE SET log_offset = greatest(p.log_offset, excluded.log_offset)`,
        [route, JSON.stringify(positions)],
      );
    },
    async mirroredPositions(route) {
      const { rows } = await db.query("SELECT log_partition, log_offset FROM route_positions WHERE route = $1 ORDER BY 1", [route]);
      return rows.map((row: Row) => ({ partition: Number(row.log_partition), offset: Number(row.log_offset) }));
    },
  };
}

function workerQueries(db: Database): Pick<Ledger, "heartbeat" | "goodbye" | "workers"> {
  return {
    async heartbeat(state) {
      await db.query(
        `INSERT INTO workers VALUES ($1, ${NOW_MS}, $2) ON CONFLICT (worker) DO UPDATE SET beat_at = excluded.beat_at, state = excluded.state`,
        [state.worker, withoutNul(JSON.stringify(state))],
      );
    },
    goodbye: async (worker) => void (await db.query("DELETE FROM workers WHERE worker = $1", [worker])),
    async workers() {
      const { rows } = await db.query(`SELECT state, ${NOW_MS} - beat_at AS age_ms FROM workers ORDER BY worker`);
      return rows.map((row: Row) => ({ ...(JSON.parse(String(row.state)) as WorkerHeartbeat), ageMs: Math.max(0, Number(row.age_ms)) }));
    },
  };
}

const COLUMNS = `route, source, call_id, log_partition, log_offset, state, attempts, accepted_at, updated_at, due_at, error_code, reason, receipt,
  awaits, claimed_by, routes_version, returned, returned_at`;

function viewQueries(db: Database): Pick<Ledger, "deliveries" | "counts"> {
  return {
    async deliveries({ callId, route, state, unmatched = false, limit }) {
      const wanted = Object.entries({ call_id: callId, route, state: unmatched ? "delivered" : state }).filter(
        ([, value]) => value !== undefined,
      );
      const where = wanted.map(([column], index) => `${column} = $${index + 1}`).join(" AND ") || "true";
      const alsoWanted = unmatched ? "AND found <> 1" : "";
      const values = wanted.map(([, value]) => withoutNul(String(value)));
      const { rows } = await db.query(
        `SELECT ${COLUMNS} FROM deliveries WHERE ${where} ${alsoWanted} ORDER BY updated_at DESC, route LIMIT $${values.length + 1}`,
        [...values, limit],
      );
      return rows.map(toDeliveryRow);
    },
    async counts() {
      const { rows } = await db.query(
        "SELECT route, state, count(*)::bigint AS n, min(due_at) FILTER (WHERE state = 'waiting') AS next_due_at FROM deliveries GROUP BY route, state ORDER BY route",
      );
      const byRoute = new Map<string, RouteCounts>();
      for (const row of rows) {
        const known = byRoute.get(row.route) ?? {
          route: row.route,
          delivered: 0,
          skipped: 0,
          waiting: 0,
          dead: 0,
          sending: 0,
          nextDueAt: undefined,
        };
        const nextDueAt = row.next_due_at === null ? known.nextDueAt : Number(row.next_due_at);
        byRoute.set(row.route, { ...known, [row.state]: Number(row.n), nextDueAt });
      }
      return [...byRoute.values()];
    },
  };
}
