import type { Pool, PoolClient, QueryConfig, QueryResult } from "pg";
import { UsageError } from "../../errors.ts";
import { paddedKeys } from "../fingerprint.ts";
import { SEALED_HEAD, sealsOfOld } from "../seals.ts";
import type { Dialect } from "../sql/conflicts.ts";

/** Unix ms by the database's clock; `clock_timestamp` advances within a transaction. */
export const NOW_MS = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

export const DIALECT: Dialect = {
  nowMs: NOW_MS,
  sha256: (text) => `encode(sha256(convert_to(${text}, 'UTF8')), 'hex')`,
  last: (text, length) => `right(${text}, ${length})`,
};

interface Queries {
  query(text: string, values?: unknown[]): Promise<QueryResult>;
}

/** "PbLedger": the advisory lock under which one process at a time migrates. */
const MIGRATION_LOCK = 0x50624c67;
const MIGRATE_WITHIN_MS = 24 * 3_600_000;

/** Step n brings the schema to version n + 1. Steps are appended, never changed; additive within a major version. */
const MIGRATIONS: (string | ((client: Queries) => Promise<void>))[] = [
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
  async (client) => {
    await client.query(`
      ALTER TABLE actions ADD COLUMN seq bigint;
      ALTER TABLE actions ADD COLUMN by_system text NOT NULL DEFAULT '';
      ALTER TABLE actions ADD COLUMN seal text NOT NULL DEFAULT '';
      CREATE UNIQUE INDEX actions_by_seq ON actions (seq);
    `);
    const { rows } = await client.query("SELECT ctid::text AS id, at, by_whom AS by, route, action, detail FROM actions ORDER BY at, ctid");
    const seals = sealsOfOld(rows.map((row) => ({ ...row, at: Number(row.at) })));
    for (const [index, { seq, seal }] of seals.entries())
      await client.query("UPDATE actions SET seq = $1, seal = $2 WHERE ctid = $3::tid", [seq, seal, rows[index]?.id]);
    const last = seals.at(-1);
    if (last) await client.query("INSERT INTO meta VALUES ($1, $2)", [SEALED_HEAD, `${last.seq}-${last.seal}`]);
  },
  `
  ALTER TABLE lost_ranges ADD COLUMN kind text NOT NULL DEFAULT 'retention';
  ALTER TABLE lost_ranges ADD COLUMN reason text NOT NULL DEFAULT '';
  ALTER TABLE lost_ranges ADD COLUMN accepted_at bigint;
  `,
];

const VERSION_TABLE = "patchbay_ledger_version";

/** Every table of a ledger. */
export const TABLES = [
  VERSION_TABLE,
  ...MIGRATIONS.flatMap((step) => [...String(step).matchAll(/CREATE TABLE (\w+)/g)].map(([, name]) => name as string)),
];

interface MigrateOptions {
  pool: Pool;
  schema: string;
  name: string;
}

/** Earlier versions ignored schema= beside options=, and made their tables in public: deliveries that wait there must not be lost. */
async function refuseLeftBehind(client: PoolClient, { schema, name }: MigrateOptions): Promise<void> {
  if (schema === "public" || (await versionOf(client, { schema: "public", name })) === undefined) return;
  throw new UsageError(`the ledger ${name} has its tables in the schema public, not in ${schema}`, {
    hint: `An earlier version put them there. Take schema= out of its URL, or move each: ALTER TABLE public.deliveries SET SCHEMA ${schema}.`,
  });
}

export async function fingerprintKey(client: Queries): Promise<string> {
  const { rows } = await client.query("SELECT value FROM meta WHERE key = 'fingerprint_key'");
  return String(rows[0]?.value);
}

/**
 * Brings the schema up to date; of several processes that start at once, one does it. The right to create a schema is needed only where there is
 * none.
 * @throws {UsageError} when a newer program made it.
 */
export async function migrate(options: MigrateOptions & { hasOptions: boolean }): Promise<void> {
  const { pool, schema, hasOptions } = options;
  const client = await pool.connect();
  try {
    // Without the lock, so that opening an up-to-date ledger never waits.
    if ((await versionOf(client, options)) === MIGRATIONS.length) return;
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    const there = await client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
    if (there.rowCount === 0) await client.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`);
    await client.query(`SET LOCAL search_path TO "${schema}"`);
    const known = await versionOf(client, options);
    if (known === undefined && hasOptions) await refuseLeftBehind(client, options);
    if (known === undefined) await client.query(`CREATE TABLE ${VERSION_TABLE} (version integer NOT NULL)`);
    const version = known ?? 0;
    // The steps touch every row of a large ledger: its size decides how long they take.
    if (version < MIGRATIONS.length) await client.query("SET LOCAL statement_timeout = 0");
    const patient: Queries = { query: (text, values = []) => client.query(patiently(text, values)) };
    for (const step of MIGRATIONS.slice(version)) await (typeof step === "string" ? patient.query(step) : step(patient));
    if (version < MIGRATIONS.length) {
      await client.query(`DELETE FROM ${VERSION_TABLE}`);
      await client.query(`INSERT INTO ${VERSION_TABLE} VALUES ($1)`, [MIGRATIONS.length]);
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/** For commands: makes nothing. @throws {UsageError} when there is no ledger, or one of another version. */
export async function refuseOtherVersion(options: MigrateOptions): Promise<void> {
  const { pool, schema, name } = options;
  const client = await pool.connect();
  try {
    const version = await versionOf(client, options);
    if (version === MIGRATIONS.length) return;
    if (version === undefined) {
      throw new UsageError(`there is no ledger in the schema ${schema} of ${name}`, {
        hint: "`patchbay up` (or `connector`) makes it. Another one is named with --ledger (PATCHBAY_LEDGER).",
      });
    }
    throw new UsageError(
      `the ledger ${name} was made by an older Patchbay: it has version ${version}, this program's is ${MIGRATIONS.length}`,
      {
        hint: "Start `patchbay up` (or `connector`) of this version once: it brings the ledger up to date.",
      },
    );
  } finally {
    client.release();
  }
}

/** pg knows a time limit for each query; its types do not. Without values PostgreSQL takes several statements at once. */
function patiently(text: string, values: unknown[]): QueryConfig {
  const config = { text, query_timeout: MIGRATE_WITHIN_MS };
  return values.length === 0 ? config : { ...config, values };
}

/** undefined where there is no ledger yet. @throws {UsageError} when a newer program made it. */
async function versionOf(client: PoolClient, { schema, name }: Pick<MigrateOptions, "schema" | "name">): Promise<number | undefined> {
  const there = await client.query(
    "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = $1 AND relname = $2",
    [schema, VERSION_TABLE],
  );
  if (there.rowCount === 0) return undefined;
  const { rows } = await client.query(`SELECT max(version) AS version FROM "${schema}".${VERSION_TABLE}`);
  const version = Number(rows[0]?.version ?? 0);
  if (version <= MIGRATIONS.length) return version;
  throw new UsageError(
    `the ledger ${name} was made by a newer Patchbay: it has version ${version}, this program knows ${MIGRATIONS.length}`,
    { hint: "Run the newer program, or give another database (--ledger or PATCHBAY_LEDGER)." },
  );
}

/** @throws {UsageError} naming the grant that is missing, at the start rather than at the first call that needs it. */
export async function refuseMissingRights(options: MigrateOptions & { rights: readonly string[] }): Promise<void> {
  const { pool, schema, name, rights } = options;
  const { rows } = await pool.query(
    `SELECT current_user AS role, has_schema_privilege($1, 'USAGE') AS usage, array_remove(ARRAY(
       SELECT r FROM unnest($2::text[]) AS r WHERE EXISTS (
         SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = ANY ($3::text[]) AND NOT has_table_privilege(c.oid, r))), NULL) AS missing`,
    [schema, rights, TABLES],
  );
  const { role, usage, missing } = rows[0];
  if (usage && missing.length === 0) return;
  const grants = [
    ...(usage ? [] : [`GRANT USAGE ON SCHEMA ${schema} TO ${role}`]),
    ...(missing.length === 0 ? [] : [`GRANT ${missing.join(", ")} ON ALL TABLES IN SCHEMA ${schema} TO ${role}`]),
  ];
  throw new UsageError(`the ledger ${name} does not let the role ${role} do what Patchbay has to`, { hint: `${grants.join("; ")}.` });
}
