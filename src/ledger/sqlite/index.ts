/** The embedded ledger: one SQLite file. The contract is `src/ledger/ledger.ts`. */
import { hash } from "node:crypto";
import { resolve } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { UnreachableError } from "../../errors.ts";
import { copySqlite } from "../../lib/sqlite/copy.ts";
import { inTransaction, type OpenSqliteOptions, openSqlite } from "../../lib/sqlite/open.ts";
import { assertInPlace, FileLostError } from "../../lib/sqlite/place.ts";
import { scrubFile } from "../../lib/sqlite/scrub.ts";
import { createFingerprint } from "../fingerprint.ts";
import type { Ledger } from "../ledger.ts";
import { sharedQueries } from "../sql/index.ts";
import type { Row } from "../sql/rows.ts";
import type { Sql, SqlValue } from "../sql/sql.ts";
import { claimStatements } from "./claims.ts";
import { DIALECT, fingerprintKey, MIGRATIONS } from "./schema.ts";
import { settleStatements } from "./settle.ts";

/** @throws {UsageError} when the file cannot be opened, saying why and what to do. */
export async function openSqliteLedger(
  options: Pick<OpenSqliteOptions, "path" | "beforeMigration" | "mustExist" | "access">,
): Promise<Ledger> {
  const { path } = options;
  const db = openSqlite({ ...options, application: "patchbay-ledger", migrations: MIGRATIONS });
  db.function("sha256", { deterministic: true }, (text) => hash("sha256", String(text)));
  const fingerprint = createFingerprint(fingerprintKey(db));
  return {
    name: `sqlite:${path}`,
    engine: "sqlite",
    file: {
      path: resolve(path),
      version: MIGRATIONS.length,
      copy: (options) => copySqlite({ from: resolve(path), change: AS_OF_NOW, ...options }),
    },
    ...sharedQueries(sqlOf(db), fingerprint),
    ...claimStatements(db, fingerprint),
    ...settleStatements(db, fingerprint),
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

/** Changes a copy: the workers are not those of the future, and what waits or is dead may be delivered before the copy is used. */
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
    // The newest rows of a long table are found by `updated_at`: an index on the column would sort all rows that it finds.
    filtered: (column) => `+${column}`,
    counts: `SELECT c.route, c.state, c.n, CASE c.state WHEN 'waiting' THEN (
        SELECT min(due_at) FROM deliveries AS d WHERE d.route = c.route AND d.state = 'waiting') END AS next_due_at
      FROM route_counts AS c`,
    bytes: (parameter) => parameter,
    // A writing transaction of SQLite is alone anyway.
    lockActions: [],
    async all(text, values = []) {
      assertInPlace(db);
      return run(text, values);
    },
    transaction: async (steps) =>
      inTransaction(db, () => {
        const running = steps();
        let step = running.next();
        while (!step.done) step = running.next(run(step.value.text, step.value.values ?? []));
        return step.value;
      }),
  };
}
