import pg, { type Pool, type PoolConfig, type QueryConfig, type QueryResult } from "pg";
import { UsageError } from "../../errors.ts";
import { explain, isAboutParameters, isAboutTls } from "./errors.ts";
import { createQualify } from "./qualify.ts";
import type { Tls } from "./tls.ts";
import { type PostgresAddress, readUrl } from "./url.ts";

const STATEMENT_TIMEOUT_MS = 15_000;
const MAX_CONNECTIONS = 4;
const TRY_AGAIN = new Set(["40P01", "40001"]);
const TRIES = 5;

export interface Database {
  /** `postgres://host:5432/database`, without credentials. */
  name: string;
  address: string;
  schema: string;
  pool: Pool;
  /** A standby, or set so: nothing can be written. */
  readOnly: boolean;
  /** Its URL has options= of the session. */
  hasOptions: boolean;
  /** @throws {UnreachableError} when there is no answer; later calls connect again by themselves. */
  query(text: string, values?: unknown[]): Promise<QueryResult>;
  /**
   * The same for a statement that runs for every batch of calls: prepared once for each connection, under its name, and again whenever its runs
   * have doubled, since the plan of an empty table reads a large one from end to end.
   * It must name the columns that it returns: after a migration PostgreSQL refuses a kept `*` ("cached plan must not change result type").
   */
  queryOften(statement: { name: string; text: string }, values: unknown[]): Promise<QueryResult>;
  /** All of its queries or none; it runs again from its beginning after a deadlock. @throws as {@link query} does. */
  transaction<T>(work: (query: Database["query"]) => Promise<T>): Promise<T>;
}

/**
 * Connects, to `postgres://user:password@host:5432/database?schema=patchbay`; the schema is `public` unless given.
 * Tables are named with their schema, and nothing is asked of the session: through a pooler each statement may have another one.
 * @throws {UsageError} for a URL that cannot be used, {UnreachableError} when there is no answer, or none that we can work with.
 */
export async function connect(url: string): Promise<Database> {
  const where = readUrl(url);
  const { name, address, schema } = where;
  const { pool, server } = await openPool(where);
  const qualify = createQualify(schema);
  const runs = new Map<string, number>();

  function planOf(statement: string): string {
    const run = (runs.get(statement) ?? 0) + 1;
    runs.set(statement, run);
    return `${statement}-${Math.floor(Math.log2(run))}`;
  }

  // The pool closes a connection on which anything failed: the next one may reach another primary.
  const query = ({ text, ...config }: QueryConfig & { text: string }): Promise<QueryResult> =>
    tryAgain(() => pool.query({ ...config, text: qualify(text) }));

  async function inTransaction<T>(work: (query: Database["query"]) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    let failed: Error | undefined;
    try {
      await client.query("BEGIN");
      const result = await work((text, values = []) => client.query(qualify(text), values));
      await client.query("COMMIT");
      return result;
    } catch (error) {
      failed = error as Error;
      await client.query("ROLLBACK").catch(() => undefined);
      throw error;
    } finally {
      client.release(failed);
    }
  }

  /** A deadlock or serialization failure undoes everything, and the same may succeed now. */
  async function tryAgain<T>(run: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await run();
      } catch (error) {
        if (tries < TRIES && TRY_AGAIN.has((error as { code?: string }).code ?? "")) continue;
        throw explain(error, where);
      }
    }
  }

  return {
    name,
    address,
    schema,
    pool,
    readOnly: server.readOnly,
    hasOptions: where.options !== undefined,
    query: (text, values = []) => query({ text, values }),
    // Below 1.21 PgBouncer does not know a statement's name on the next connection, or knows it already.
    queryOften: ({ name, text }, values) => query(server.pooled ? { text, values } : { name: planOf(name), text, values }),
    transaction: (work) => tryAgain(() => inTransaction(work)),
  };
}

interface Server {
  readOnly: boolean;
  /** There is a pooler in between: it gives out process ids of its own. */
  pooled: boolean;
}

/** Tries to connect with or without TLS where the URL leaves it open, and without the session's parameters where a pooler refuses them. */
async function openPool(where: PostgresAddress): Promise<{ pool: Pool; server: Server }> {
  let first: unknown;
  for (const ssl of where.tls) {
    try {
      return await openWith(where, ssl);
    } catch (error) {
      first ??= error;
      if (!isAboutTls(error)) throw explain(error, where);
    }
  }
  throw explain(first, where);
}

async function openWith(where: PostgresAddress, ssl: Tls): Promise<{ pool: Pool; server: Server }> {
  try {
    return await tryPool({ ...configOf(where, ssl), statement_timeout: STATEMENT_TIMEOUT_MS }, where);
  } catch (error) {
    if (!isAboutParameters(error)) throw error;
  }
  try {
    return await tryPool(configOf(where, ssl), where);
  } catch (error) {
    if (where.options === undefined || !isAboutParameters(error)) throw error;
    throw new UsageError(`the pooler in front of ${where.name} does not take the options= of the ledger's URL`, {
      hint: "Take them out, or add ignore_startup_parameters = options to pgbouncer.ini; schema= needs neither.",
      cause: error,
    });
  }
}

function configOf({ login, options, applicationName, connectTimeoutMs, channelBinding }: PostgresAddress, ssl: Tls): PoolConfig {
  return {
    ...login,
    ssl,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: STATEMENT_TIMEOUT_MS + 2_000,
    keepAlive: true,
    application_name: applicationName,
    ...(options === undefined ? {} : { options }),
    ...(channelBinding ? { enableChannelBinding: true } : {}),
  };
}

async function tryPool(config: PoolConfig, where: PostgresAddress): Promise<{ pool: Pool; server: Server }> {
  const pool = new pg.Pool(config);
  // An idle connection that breaks must not end the process; the next query opens another.
  pool.on("error", () => undefined);
  try {
    return { pool, server: await lookAtServer(pool, where) };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

const OLDEST_VERSION = 130_000;

/** @throws {UsageError} for a database that cannot hold every text, and a PostgreSQL that is too old. */
async function lookAtServer(pool: Pool, { name }: PostgresAddress): Promise<Server> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query(
      `SELECT current_setting('server_version_num')::integer AS version, current_setting('server_encoding') AS encoding,
         current_setting('transaction_read_only') = 'on' OR pg_is_in_recovery() AS read_only, pg_backend_pid() AS pid`,
    );
    const { version, encoding, read_only: readOnly, pid } = rows[0];
    if (version < OLDEST_VERSION) {
      throw new UsageError(`the ledger ${name} is on PostgreSQL ${Math.floor(version / 10_000)}, which is too old`, {
        hint: "Patchbay needs version 13 or newer.",
      });
    }
    if (encoding !== "UTF8" && encoding !== "SQL_ASCII") {
      throw new UsageError(`the ledger ${name} is in ${encoding}, which has no place for most characters`, {
        hint: "Make one for it: CREATE DATABASE patchbay ENCODING 'UTF8' TEMPLATE template0.",
      });
    }
    return { readOnly, pooled: (client as unknown as { processID: number }).processID !== pid };
  } finally {
    client.release();
  }
}
