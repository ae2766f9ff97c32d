import type { Pool, PoolClient } from "pg";
import { OpenError, type Outcome, parseJsonExactly, type Secret, splitOnRefusal } from "../../../../src/connector/index.ts";
import { type Column, DELIVERED_AT, KEY, quoted, SOURCE, TARGET, UPDATED_AT, WHOLE_ROW } from "../../columns.ts";
import type { Row } from "../../record.ts";
import type { RowResult, Store } from "../../store.ts";
import { outcomeOfPostgres, refusalOfPostgres } from "./errors.ts";
import { inTransaction, makePostgresTable, POSTGRES_TYPES } from "./table.ts";

const STAMPS = new Set([DELIVERED_AT, UPDATED_AT]);

/** A trigger may return nothing for a row, and a rule may do something instead: PostgreSQL calls that a success. */
const NOT_KEPT: Outcome = {
  kind: "rejected",
  code: "not_kept",
  reason: "the table took the row and did not keep it: a trigger or a rule of its owner does that",
};

/** A table in PostgreSQL 13 or later. */
export async function openPostgresStore(options: {
  url: Secret;
  table: string;
  schema: string | undefined;
  timeoutMs: number;
}): Promise<Store> {
  const { url, schema, timeoutMs } = options;
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({
    connectionString: url.reveal(),
    application_name: "patchbay-warehouse",
    // A batch at a time per route: so many routes of one process write side by side, and more wait for one another.
    max: 8,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: Math.min(5_000, timeoutMs),
    keepAlive: true,
  });
  // A connection that breaks between two statements, idle or not, is replaced at the next use; without a listener it would end the process.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));

  const table = schema === undefined ? options.table : `${schema}.${options.table}`;
  const target = schema === undefined ? quoted(options.table) : `${quoted(schema)}.${quoted(options.table)}`;
  /** Columns that are known to be there. */
  const prepared = new Set<string>();

  async function prepare(columns: readonly Column[]): Promise<void> {
    try {
      await withClient(pool, undefined, (client) => makePostgresTable({ client, table, target, columns, timeoutMs }));
    } catch (error) {
      // No row was on its way yet, so that nothing can be there.
      if (!(error instanceof OpenError) || error.outcome.kind !== "ambiguous") throw error;
      throw new OpenError({ ...error.outcome, kind: "retry", because: "down", reason: "the connection to PostgreSQL was lost" });
    }
    for (const { name } of columns) prepared.add(name);
  }

  return {
    table,
    holdsNumber,
    prepare,
    async upsert(rows, columns, { signal }) {
      if (columns.some(({ name }) => !prepared.has(name))) await prepare(columns);
      const filled = columns.filter(({ name }) => !STAMPS.has(name));
      const sql = upsertSql(target, filled);
      return withClient(pool, signal, (client) =>
        splitOnRefusal<Row, RowResult>({
          items: rows,
          write: async (part) => {
            let kept: unknown[] = [];
            await inTransaction({ client, timeoutMs }, async () => {
              kept = (await client.query(sql, valuesOf(part, filled))).rows.map((row) => row[KEY]);
            });
            const keys = new Set(kept);
            return part.map((row) => (keys.has(row.cells.get(KEY)) ? "written" : NOT_KEPT));
          },
          refusalOf: refusalOfPostgres,
          signal,
        }),
      );
    },
    erase: (key, { signal }) =>
      withClient(pool, signal, async (client) => {
        let deleted = 0;
        await inTransaction({ client, timeoutMs }, async () => {
          deleted = (await client.query(`DELETE FROM ${target} WHERE ${quoted(KEY)} = $1`, [key])).rowCount ?? 0;
        });
        return deleted > 0;
      }),
    read: (key, { signal }) =>
      withClient(pool, signal, async (client) => {
        const sql = `SELECT to_jsonb(${WHOLE_ROW})::text AS row FROM ${target} AS ${WHOLE_ROW} WHERE ${quoted(KEY)} = $1`;
        const { rows } = await client.query(sql, [key]);
        return rows[0] && (parseJsonExactly(rows[0].row) as Record<string, unknown>);
      }),
    close: () => pool.end(),
  };
}

/** A number in jsonb is a numeric: 131,072 digits before the point, 16,383 behind it (PostgreSQL docs, "Numeric Types"). */
function holdsNumber(text: string): boolean {
  const [, whole = "", fraction = "", exponent = "0"] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  return whole.length + Number(exponent) <= 131_072 && fraction.length - Number(exponent) <= 16_383;
}

/** Errors come out as outcomes where they can; a connection that was given up in the middle of a statement is not used again. */
async function withClient<T>(pool: Pool, signal: AbortSignal | undefined, use: (client: PoolClient) => Promise<T>): Promise<T> {
  let client: PoolClient | undefined;
  let broken: Error | undefined;
  let released = false;
  const release = () => {
    if (!released) client?.release(broken ?? false);
    released = true;
  };
  const onAbort = () => {
    broken = new Error("given up");
    release();
  };
  try {
    client = await pool.connect();
    signal?.throwIfAborted();
    signal?.addEventListener("abort", onAbort, { once: true });
    return await use(client);
  } catch (error) {
    signal?.throwIfAborted();
    const outcome = outcomeOfPostgres(error);
    // 57P01 comes over a connection that the server has ended: it must not be handed out once more.
    const isGone = outcome?.kind === "ambiguous" || (outcome?.kind === "retry" && outcome.because === "down");
    if (!outcome || isGone) broken = error instanceof Error ? error : new Error("unknown");
    if (!outcome || outcome.kind === "delivered") throw error;
    throw error instanceof OpenError ? error : new OpenError(outcome);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    release();
  }
}

/** One array per column: any number of rows in one statement, without the limit of 65,535 parameters. */
function valuesOf(rows: Row[], columns: Column[]): (string | null)[][] {
  return columns.map(({ name }) => rows.map(({ cells }) => cells.get(name) ?? null));
}

function upsertSql(target: string, columns: Column[]): string {
  const names = columns.map(({ name }) => quoted(name));
  const arrays = columns.map(({ kind }, index) => `$${index + 1}::${POSTGRES_TYPES[kind][0]}[]`);
  const updates = names.filter((name) => name !== quoted(KEY)).map((name) => `${name} = coalesce(excluded.${name}, ${TARGET}.${name})`);
  return `INSERT INTO ${target} AS ${TARGET} (${[...names, DELIVERED_AT, UPDATED_AT].join(", ")})
    SELECT ${[...names, "now()", "now()"].join(", ")} FROM unnest(${arrays.join(", ")}) AS ${SOURCE} (${names.join(", ")})
    ON CONFLICT (${quoted(KEY)}) DO UPDATE SET ${[...updates, `${UPDATED_AT} = now()`].join(", ")}
    RETURNING ${TARGET}.${quoted(KEY)}`;
}
