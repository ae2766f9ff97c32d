/** The embedded ledger: one SQLite file. The contract is `src/ledger/ledger.ts`. */
import { hash } from "node:crypto";
import { resolve } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { UnreachableError } from "../../errors.ts";
import { copySqlite } from "../../lib/sqlite/copy.ts";
import { inTransaction, type OpenSqliteOptions, openSqlite } from "../../lib/sqlite/open.ts";
import { assertInPlace, FileLostError } from "../../lib/sqlite/place.ts";
import { scrubFile } from "../../lib/sqlite/scrub.ts";
import { controlQueries } from "../control-queries.ts";
import { createFingerprint } from "../fingerprint.ts";
import type { Ledger, LogPosition, RouteCounts, WorkerHeartbeat } from "../ledger.ts";
import { logQueries } from "../log-queries.ts";
import { receiptQueries } from "../receipt-queries.ts";
import { repairQueries } from "../repair-queries.ts";
import { type Row, toDeliveryRow } from "../rows.ts";
import type { Sql, SqlValue } from "../sql.ts";
import { claimStatements } from "./claims.ts";
import { DIALECT, fingerprintKey, MIGRATIONS, NOW_MS } from "./schema.ts";
import { settleStatements } from "./settle.ts";

/** @throws {UsageError} when the file cannot be opened, saying why and what to do. */
export async function openSqliteLedger(
  options: Pick<OpenSqliteOptions, "path" | "beforeMigration" | "mustExist" | "access">,
): Promise<Ledger> {
  const { path } = options;
  const db = openSqlite({ ...options, application: "patchbay-ledger", migrations: MIGRATIONS });
  db.function("sha256", { deterministic: true }, (text) => hash("sha256", String(text)));
  const sql = sqlOf(db);
  const fingerprint = createFingerprint(fingerprintKey(db));
  return {
    name: `sqlite:${path}`,
    engine: "sqlite",
    file: {
      path: resolve(path),
      version: MIGRATIONS.length,
      copy: (options) => copySqlite({ from: resolve(path), change: AS_OF_NOW, ...options }),
    },
    fingerprint,
    ...claimStatements(db, fingerprint),
    ...settleStatements(db, fingerprint),
    ...routeStatements(db),
    ...workerStatements(db),
    ...viewStatements(db),
    ...controlQueries(sql),
    ...receiptQueries(sql),
    ...repairQueries(sql, fingerprint),
    ...logQueries(sql),
    scrub: (options) => scrubFile({ db, path: resolve(path), ...options }),
    async check() {
      try {
        assertInPlace(db);
        db.prepare("SELECT 1 FROM meta LIMIT 1").all();
      } catch (error) {
        const why = error instanceof FileLostError ? `cannot be kept: ${error.message}` : "cannot be read";
        throw new UnreachableError(`the ledger ${path} ${why}`, { address: path, cause: error });
      }
    },
    async close() {
      if (db.isOpen) db.close();
    },
  };
}

/** Of a copy: the processes are none of those to come, and what waits or is dead may have been delivered before it is used. */
const AS_OF_NOW = "DELETE FROM workers; UPDATE deliveries SET ambiguous = 1 WHERE state IN ('waiting', 'dead')";

/** Statements are prepared once; node:sqlite numbers parameters as `?1`. */
function sqlOf(db: DatabaseSync): Sql {
  const prepared = new Map<string, StatementSync>();
  function run(text: string, values: SqlValue[]): Row[] {
    const statement = prepared.get(text) ?? db.prepare(text.replace(/\$(\d+)/g, "?$1"));
    if (prepared.size < 200) prepared.set(text, statement);
    return statement.all(...values);
  }
  return {
    ...DIALECT,
    greatest: "max",
    sha256: (text) => `sha256(${text})`,
    // A writing transaction of SQLite is alone anyway.
    oneNotesAtATime: [],
    async all(text, values = []) {
      assertInPlace(db);
      return run(text, values);
    },
    transaction: async (statements) => inTransaction(db, () => statements.map(({ text, values = [] }) => run(text, values))),
  };
}

function routeStatements(db: DatabaseSync): Pick<Ledger, "routeStart" | "routeStarts" | "mirrorPositions" | "mirroredPositions"> {
  const start = db.prepare("SELECT start FROM route_state WHERE route = ?");
  const begin = db.prepare(
    "INSERT INTO route_state (route, start) VALUES (?, ?) ON CONFLICT DO UPDATE SET start = coalesce(start, excluded.start) RETURNING start",
  );
  const starts = db.prepare("SELECT route, start FROM route_state WHERE start IS NOT NULL");
  const mirror = db.prepare(
    "INSERT INTO route_positions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET log_offset = max(log_offset, excluded.log_offset)",
  );
  const mirrored = db.prepare("SELECT log_partition AS partition, log_offset AS offset FROM route_positions WHERE route = ? ORDER BY 1");

  return {
    async routeStart({ route, resolve }) {
      const known = start.get(route)?.start;
      if (typeof known === "string") return JSON.parse(known);
      return JSON.parse(String(begin.get(route, JSON.stringify(await resolve()))?.start));
    },
    routeStarts: async () => new Map(starts.all().map((row) => [String(row.route), JSON.parse(String(row.start)) as LogPosition[]])),
    async mirrorPositions({ route, positions }) {
      inTransaction(db, () => {
        for (const { partition, offset } of positions) mirror.run(route, partition, offset);
      });
    },
    mirroredPositions: async (route) =>
      mirrored.all(route).map((row) => ({ partition: Number(row.partition), offset: Number(row.offset) })),
  };
}

function workerStatements(db: DatabaseSync): Pick<Ledger, "heartbeat" | "goodbye" | "workers"> {
  const beat = db.prepare(
    `INSERT INTO workers VALUES (?, ${NOW_MS}, ?) ON CONFLICT DO UPDATE SET beat_at = excluded.beat_at, state = excluded.state`,
  );
  const gone = db.prepare("DELETE FROM workers WHERE worker = ?");
  const all = db.prepare(`SELECT state, ${NOW_MS} - beat_at AS age_ms FROM workers ORDER BY worker`);
  return {
    heartbeat: async (state) => void beat.run(state.worker, JSON.stringify(state)),
    goodbye: async (worker) => void gone.run(worker),
    workers: async () =>
      all.all().map((row) => ({ ...(JSON.parse(String(row.state)) as WorkerHeartbeat), ageMs: Math.max(0, Number(row.age_ms)) })),
  };
}

function viewStatements(db: DatabaseSync): Pick<Ledger, "deliveries" | "counts"> {
  const rows = db.prepare(
    `SELECT * FROM deliveries WHERE (:callId IS NULL OR call_id = :callId) AND (:route IS NULL OR route = :route) AND (:state IS NULL OR state = :state)
     ORDER BY updated_at DESC, route LIMIT :limit`,
  );
  const unmatched = db.prepare(
    `SELECT * FROM deliveries WHERE found <> 1 AND state = 'delivered' AND (:callId IS NULL OR call_id = :callId) AND (:route IS NULL OR route = :route)
     ORDER BY updated_at DESC, route LIMIT :limit`,
  );
  const byCall = db.prepare(
    `SELECT * FROM deliveries WHERE call_id = :callId AND (:route IS NULL OR route = :route) AND (:state IS NULL OR state = :state)
     ORDER BY updated_at DESC, route LIMIT :limit`,
  );
  const counts = db.prepare("SELECT route, state, n FROM route_counts");
  const due = db.prepare("SELECT route, min(due_at) AS due_at FROM deliveries WHERE state = 'waiting' GROUP BY route");

  return {
    async deliveries({ callId = null, route = null, state = null, unmatched: only = false, limit }) {
      if (only) return unmatched.all({ callId, route, limit }).map(toDeliveryRow);
      const found = callId === null ? rows.all({ callId, route, state, limit }) : byCall.all({ callId, route, state, limit });
      return found.map(toDeliveryRow);
    },
    async counts() {
      const nextDue = new Map(due.all().map((row) => [String(row.route), Number(row.due_at)]));
      const byRoute = new Map<string, RouteCounts>();
      for (const row of counts.all()) {
        const route = String(row.route);
        const known = byRoute.get(route) ?? {
          route,
          delivered: 0,
          skipped: 0,
          waiting: 0,
          dead: 0,
          sending: 0,
          nextDueAt: nextDue.get(route),
        };
        byRoute.set(route, { ...known, [String(row.state)]: Number(row.n) });
      }
      return [...byRoute.values()].sort((a, b) => a.route.localeCompare(b.route));
    },
  };
}
