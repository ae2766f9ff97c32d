import pg, { type Pool, type QueryConfig, type QueryResult } from "pg";
import { UnreachableError, UsageError } from "../../errors.ts";
import type { Row } from "../rows.ts";

const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 15_000;
const MAX_CONNECTIONS = 4;
const TRY_AGAIN = new Set(["40P01", "40001"]);
const TRIES = 5;

export interface Database {
  /** `postgres://host:5432/database`, without credentials. */
  name: string;
  schema: string;
  pool: Pool;
  /** @throws {UnreachableError} when there is no answer; later calls connect again by themselves. */
  query(text: string, values?: unknown[]): Promise<QueryResult>;
  /**
   * The same for a statement that runs for every batch of calls: prepared once for each connection, under its name, and anew each time that
   * its runs have doubled, since the plan of an empty table reads a grown one from end to end.
   * It must name the columns that it returns: after a migration PostgreSQL refuses a kept `*` ("cached plan must not change result type").
   */
  queryOften(statement: { name: string; text: string }, values: unknown[]): Promise<QueryResult>;
  /** All statements or none; the rows of each, in order. @throws as {@link query} does. */
  transaction(statements: { text: string; values: unknown[] }[]): Promise<Row[][]>;
}

/** `postgres://user:password@host:5432/database?schema=patchbay`; the schema is `public` unless given. */
export function connect(url: string): Database {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new UsageError("the ledger's URL cannot be read", { hint: "It has the form postgres://user:password@host:5432/database." });
  }
  const schema = parsed.searchParams.get("schema") ?? "public";
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw new UsageError(`"${schema}" cannot be the name of a schema`);
  parsed.searchParams.delete("schema");
  const address = `${parsed.hostname}:${parsed.port || 5432}`;
  const name = `postgres://${address}${parsed.pathname}`;

  const pool = new pg.Pool({
    connectionString: parsed.href,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 2_000,
    keepAlive: true,
    application_name: "patchbay",
    options: `-c search_path=${schema}`,
  });
  // An idle connection that breaks must not end the process; the next query opens another.
  pool.on("error", () => undefined);

  const runs = new Map<string, number>();

  function planOf(statement: string): string {
    const run = (runs.get(statement) ?? 0) + 1;
    runs.set(statement, run);
    return `${statement}-${Math.floor(Math.log2(run))}`;
  }

  const query = (config: QueryConfig): Promise<QueryResult> => tryAgain(() => pool.query(config));

  async function inTransaction(statements: { text: string; values: unknown[] }[]): Promise<Row[][]> {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const results: Row[][] = [];
      for (const { text, values } of statements) results.push((await client.query(text, values)).rows);
      await client.query("COMMIT");
      return results;
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      throw error;
    } finally {
      client.release();
    }
  }

  /** Deadlock and serialization failure: nothing was done, and the same may well go through now. */
  async function tryAgain<T>(run: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await run();
      } catch (error) {
        if (tries < TRIES && TRY_AGAIN.has((error as { code?: string }).code ?? "")) continue;
        throw explain(error, { name, address });
      }
    }
  }

  return {
    name,
    schema,
    pool,
    query: (text, values = []) => query({ text, values }),
    queryOften: ({ name, text }, values) => query({ name: planOf(name), text, values }),
    transaction: (statements) => tryAgain(() => inTransaction(statements)),
  };
}

/** Errors of the connection and of the server's state become {@link UnreachableError}; a mistake in our SQL stays what it is. */
export function explain(error: unknown, { name, address }: { name: string; address: string }): unknown {
  if (!(error instanceof Error) || error instanceof UsageError) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const unreachable = (why: string, hint: string) => new UnreachableError(`the ledger ${name} ${why}`, { address, hint, cause: error });
  if (code.startsWith("28"))
    return unreachable("refuses the user or the password", "Check the user and password in --ledger (PATCHBAY_LEDGER).");
  if (code === "3D000") return unreachable("has no such database", "Create it, or name another in --ledger (PATCHBAY_LEDGER).");
  if (code === "42501") return unreachable("does not let this user create its tables", "Grant the user CREATE on the schema.");
  if (/^(08|53|57)/.test(code)) return unreachable("does not take the query now", "Is PostgreSQL starting, stopping, or full?");
  if (/^E[A-Z]+$/.test(code) || code === "" || error.name === "AggregateError") {
    return unreachable("does not answer", `Is PostgreSQL running at ${address}, and may this machine reach it?`);
  }
  return error;
}
