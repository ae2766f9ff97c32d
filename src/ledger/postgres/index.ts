/** The ledger for containers: PostgreSQL. The contract is `src/ledger/ledger.ts`. */
import { createFingerprint } from "../fingerprint.ts";
import type { Ledger } from "../ledger.ts";
import { sharedQueries } from "../sql/index.ts";
import type { Sql, SqlValue } from "../sql/sql.ts";
import type { ViewLedger } from "../views.ts";
import { claimQueries } from "./claims.ts";
import { connect, type Database } from "./connect.ts";
import { explain } from "./errors.ts";
import { DIALECT, fingerprintKey, migrate, refuseMissingRights, refuseOtherVersion } from "./schema.ts";
import { settleQueries } from "./settle.ts";
import { withoutNul } from "./text.ts";

const RIGHTS = ["SELECT", "INSERT", "UPDATE", "DELETE"] as const;

/**
 * @param options.mustExist makes and migrates nothing. `access` of `look`: it also writes nothing.
 * @throws {UnreachableError} naming host and port, when there is no answer within about 5 s, or when nothing can be written there.
 * @throws {UsageError} for an unreadable URL, a ledger of a newer program, a right that is missing.
 */
export async function openPostgresLedger(options: {
  url: string;
  mustExist?: boolean;
  access?: "write" | "look" | "watch" | undefined;
}): Promise<Ledger> {
  const { access = "write", mustExist = access !== "write" } = options;
  const db = await connect(options.url);
  const { name, pool } = db;
  let fingerprint: ViewLedger["fingerprint"];
  try {
    if (db.readOnly && access === "write") throw Object.assign(new Error("it is read-only"), { code: "25006" });
    if (mustExist) await refuseOtherVersion(db);
    else await migrate(db);
    await refuseMissingRights({ ...db, rights: access === "write" ? RIGHTS : RIGHTS.slice(0, 1) });
    fingerprint = createFingerprint(await fingerprintKey(db));
  } catch (error) {
    await pool.end();
    throw explain(error, db);
  }
  return {
    name,
    engine: "postgres",
    ...sharedQueries(sqlOf(db), fingerprint),
    ...claimQueries(db, fingerprint),
    ...settleQueries(db, fingerprint),
    scrub: async ({ pack }) => (pack ? [KEEPS_REMOVED] : []),
    check: async () => void (await db.query("SELECT 1")),
    close: () => pool.end(),
  };
}

const KEEPS_REMOVED =
  "PostgreSQL keeps the bytes of what was removed in the pages of the ledger's table `deliveries` until VACUUM FULL, and in its WAL and backups";

function sqlOf(db: Database): Sql {
  return {
    ...DIALECT,
    greatest: "greatest",
    filtered: (column) => column,
    counts: `SELECT route, state, count(*)::bigint AS n, min(due_at) FILTER (WHERE state = 'waiting') AS next_due_at
      FROM deliveries GROUP BY route, state`,
    bytes: (parameter) => `${parameter}::bytea`,
    // "PbNo", of this schema: gone with the transaction, and no right is needed for it.
    lockActions: [{ text: `SELECT pg_advisory_xact_lock(hashtext(current_schema()), ${0x50624e6f})` }],
    all: async (text, values = []) => (await db.query(text, storable(values))).rows,
    transaction: (steps) =>
      db.transaction(async (query) => {
        const running = steps();
        let step = running.next();
        while (!step.done) step = running.next((await query(step.value.text, storable(step.value.values ?? []))).rows);
        return step.value;
      }),
  };
}

function storable(values: SqlValue[]): SqlValue[] {
  return values.map((value) => (typeof value === "string" ? withoutNul(value) : value));
}
