import type { PoolClient } from "pg";
import { type Column, KEY, quoted } from "../../columns.ts";
import { type ExistingTable, missingColumns, type TypesOf } from "../../schema-diff.ts";

export const POSTGRES_TYPES: TypesOf = {
  text: ["text", "character varying"],
  time: ["timestamp with time zone"],
  number: ["double precision", "numeric", "real", "integer", "bigint"],
  integer: ["integer", "bigint", "numeric", "double precision"],
  json: ["jsonb", "json"],
};

/**
 * A transaction whose statements end before the attempt does, so that the server says how it ended.
 * The limits are set inside it: poolers such as PgBouncer refuse them as parameters of the connection.
 */
export async function inTransaction(options: { client: PoolClient; timeoutMs: number }, run: () => Promise<void>): Promise<void> {
  const { client, timeoutMs } = options;
  const statementMs = Math.max(1, Math.floor(timeoutMs * 0.9));
  await client.query(
    `BEGIN; SET LOCAL statement_timeout = ${statementMs}; SET LOCAL lock_timeout = ${Math.min(5_000, Math.ceil(statementMs / 2))}`,
  );
  try {
    await run();
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/**
 * Makes the table, or adds what it lacks. Looks first: a role without the right to make anything can still write into a table that is complete.
 * `CREATE TABLE IF NOT EXISTS` of two sessions at once can fail on the catalogue's own keys (23505), hence the advisory lock.
 */
export async function makePostgresTable(options: {
  client: PoolClient;
  /** For people. */
  table: string;
  /** For SQL, quoted. */
  target: string;
  columns: readonly Column[];
  timeoutMs: number;
}): Promise<void> {
  const { client, table, target, columns, timeoutMs } = options;
  if ((await lacking()).length === 0) return;
  await inTransaction({ client, timeoutMs }, async () => {
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`patchbay warehouse ${table}`]);
    const definitions = columns.map(({ name, kind }) => `${quoted(name)} ${POSTGRES_TYPES[kind][0]}${name === KEY ? " PRIMARY KEY" : ""}`);
    await client.query(`CREATE TABLE IF NOT EXISTS ${target} (${definitions.join(", ")})`);
    const additions = (await lacking()).map(({ name, kind }) => `ADD COLUMN IF NOT EXISTS ${quoted(name)} ${POSTGRES_TYPES[kind][0]}`);
    if (additions.length > 0) await client.query(`ALTER TABLE ${target} ${additions.join(", ")}`);
  });

  /** All of them when there is no table. */
  async function lacking(): Promise<readonly Column[]> {
    const existing = await describeTable(client, target);
    return existing ? missingColumns({ table, existing, wanted: columns, types: POSTGRES_TYPES }) : columns;
  }
}

async function describeTable(client: PoolClient, target: string): Promise<ExistingTable | undefined> {
  const columns = await client.query<{ name: string; type: string; must_be_filled: boolean }>(
    `SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type,
            a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS must_be_filled
     FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`,
    [target],
  );
  if (columns.rows.length === 0) return undefined;
  const keys = await client.query(
    `SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
     WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL AND a.attname = $2`,
    [target, KEY],
  );
  return {
    columns: columns.rows.map(({ name, type, must_be_filled }) => ({ name, type, mustBeFilled: must_be_filled })),
    keyIsUnique: keys.rows.length > 0,
  };
}
