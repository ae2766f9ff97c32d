import type { Pool, PoolClient } from "pg";
import { UsageError } from "../../errors.ts";
import type { Dialect } from "../conflicts.ts";
import { paddedKeys } from "../fingerprint.ts";

/** Unix ms by the database's clock; `clock_timestamp` goes on within a transaction. */
export const NOW_MS = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

export const DIALECT: Dialect = { nowMs: NOW_MS, last: (text, length) => `right(${text}, ${length})` };

/** "PbLedger": the advisory lock under which one process at a time migrates. */
const MIGRATION_LOCK = 0x50624c67;

/** Step n brings the schema to version n + 1. Only ever appended to; additive within a major version. */
const MIGRATIONS: (string | ((client: PoolClient) => Promise<void>))[] = [
  `
  CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL);
  CREATE TABLE deliveries (
    route text NOT NULL,
    source text NOT NULL,
    call_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('sending', 'delivered', 'skipped', 'waiting', 'dead')),
    claim_id text,
    claimed_by text,
    claimed_until bigint NOT NULL DEFAULT 0,
    ambiguous smallint NOT NULL DEFAULT 0,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL,
    hash text NOT NULL,
    sent_fields text NOT NULL DEFAULT '[]',
    attempts integer NOT NULL DEFAULT 0,
    due_at bigint,
    error_code text,
    reason text,
    receipt text,
    routes_version text,
    accepted_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    body bytea,
    PRIMARY KEY (route, source, call_id)
  ) WITH (fillfactor = 80);
  CREATE INDEX deliveries_by_call ON deliveries (call_id);
  CREATE INDEX deliveries_open ON deliveries (route, state, due_at) WHERE state IN ('sending', 'waiting', 'dead');
  CREATE INDEX deliveries_by_state ON deliveries (route, state);
  CREATE TABLE route_state (route text PRIMARY KEY, start text);
  CREATE TABLE route_positions (route text NOT NULL, log_partition integer NOT NULL, log_offset bigint NOT NULL, PRIMARY KEY (route, log_partition));
  CREATE TABLE workers (worker text PRIMARY KEY, beat_at bigint NOT NULL, state text NOT NULL);
  `,
  `
  ALTER TABLE deliveries ADD COLUMN aged_ms bigint NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN paced smallint NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN replay smallint NOT NULL DEFAULT 0;
  ALTER TABLE route_state ADD COLUMN pause text;
  ALTER TABLE route_state ADD COLUMN skip_before bigint;
  ALTER TABLE route_state ADD COLUMN skip_reason text;
  CREATE INDEX deliveries_replayed ON deliveries (route) WHERE replay = 1;
  CREATE TABLE actions (at bigint NOT NULL, by_whom text NOT NULL, route text NOT NULL, action text NOT NULL, detail text NOT NULL);
  CREATE TABLE destination_state (key text PRIMARY KEY, not_before bigint NOT NULL DEFAULT 0, next_at bigint NOT NULL DEFAULT 0);
  CREATE TABLE routes_files (version text PRIMARY KEY, text text NOT NULL, good_at bigint NOT NULL);
  CREATE TABLE replays (id text PRIMARY KEY, spec text NOT NULL, updated_at bigint NOT NULL);
  CREATE TABLE forgotten (hash text PRIMARY KEY, at bigint NOT NULL);
  CREATE TABLE lost_ranges (
    route text NOT NULL, log_partition bigint NOT NULL, from_offset bigint NOT NULL, to_offset bigint NOT NULL, at bigint NOT NULL,
    PRIMARY KEY (route, log_partition, from_offset)
  );
  `,
  `
  ALTER TABLE deliveries ADD COLUMN awaits text;
  ALTER TABLE deliveries ADD COLUMN found integer;
  CREATE INDEX deliveries_awaiting ON deliveries (route, awaits, state, source, call_id) WHERE awaits IS NOT NULL;
  CREATE INDEX deliveries_unmatched ON deliveries (updated_at) WHERE found <> 1;
  `,
  async (client) => {
    await client.query(`
      ALTER TABLE deliveries ADD COLUMN versions text NOT NULL DEFAULT '';
      ALTER TABLE deliveries ADD COLUMN returned integer NOT NULL DEFAULT 0;
      ALTER TABLE deliveries ADD COLUMN returned_at bigint;
      CREATE TABLE log_ends (log_partition integer PRIMARY KEY, log_offset bigint NOT NULL);
      INSERT INTO meta VALUES ('fingerprint_key', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''));
    `);
    const { inner, outer } = paddedKeys(await fingerprintKey(client));
    await client.query(
      `UPDATE deliveries SET hash = encode(sha256($2::bytea || sha256($1::bytea || convert_to(hash, 'UTF8'))), 'hex')
       WHERE length(hash) = 64 OR hash = 'unreadable'`,
      [inner, outer],
    );
  },
  `
  ALTER TABLE lost_ranges ADD COLUMN kind text NOT NULL DEFAULT 'retention';
  ALTER TABLE lost_ranges ADD COLUMN reason text NOT NULL DEFAULT '';
  ALTER TABLE lost_ranges ADD COLUMN accepted_at bigint;
  `,
];

export async function fingerprintKey(client: Pick<PoolClient, "query">): Promise<string> {
  const { rows } = await client.query("SELECT value FROM meta WHERE key = 'fingerprint_key'");
  return String(rows[0]?.value);
}

/**
 * Brings the schema up to date; of several processes that start at once, one does it and the others find it done.
 * @throws {UsageError} when a newer program made it.
 */
export async function migrate(options: { pool: Pool; schema: string; name: string }): Promise<void> {
  const { pool, schema, name } = options;
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`);
    await client.query("CREATE TABLE IF NOT EXISTS patchbay_ledger_version (version integer NOT NULL)");
    const version = await versionOf(client);
    if (version > MIGRATIONS.length) {
      throw new UsageError(
        `the ledger ${name} was made by a newer Patchbay: it has version ${version}, this program knows ${MIGRATIONS.length}`,
        {
          hint: "Run the newer program, or give another database (--ledger or PATCHBAY_LEDGER).",
        },
      );
    }
    // The steps touch every row of a large ledger: its size decides how long they take.
    if (version < MIGRATIONS.length) await client.query("SET LOCAL statement_timeout = 0");
    for (const step of MIGRATIONS.slice(version)) await (typeof step === "string" ? client.query(step) : step(client));
    if (version < MIGRATIONS.length) {
      await client.query("DELETE FROM patchbay_ledger_version");
      await client.query("INSERT INTO patchbay_ledger_version VALUES ($1)", [MIGRATIONS.length]);
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

async function versionOf(client: PoolClient): Promise<number> {
  const { rows } = await client.query("SELECT max(version) AS version FROM patchbay_ledger_version");
  return Number(rows[0]?.version ?? 0);
}
