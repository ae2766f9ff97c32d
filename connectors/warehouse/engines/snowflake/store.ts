import { type Secret, splitOnRefusal } from "../../../../src/connector/index.ts";
import { type Column, quoted } from "../../columns.ts";
import { jsonBytesOf, jsonOf } from "../../json-rows.ts";
import { asOpenError } from "../../open-error.ts";
import { notMade, proveWritten } from "../../proof.ts";
import type { Row } from "../../record.ts";
import { type ExistingTable, missingColumns } from "../../schema-diff.ts";
import type { RowResult, Store } from "../../store.ts";
import { createTokens } from "./auth.ts";
import { createSnowflakeApi } from "./client.ts";
import { outcomeOfSnowflake, refusalOfSnowflake } from "./errors.ts";
import { firstRowOf } from "./row.ts";
import { addColumnSql, createTableSql, deleteSql, describeSql, mergeSql, ownName, SNOWFLAKE_TYPES, selectSql } from "./sql.ts";

/** A VARIANT, which the batch is parsed into, holds 16 MB at least; a text in a request no more. */
const MAX_ROWS_BYTES = 8_000_000;
/**
 * "1 MB per statement", binds included (docs.snowflake.com/en/user-guide/query-size-limits): a larger one runs, but is not known again by its request id.
 * A call with a long transcript goes alone then.
 */
const BATCH_BYTES = 900_000;

/** A table in Snowflake, written by MERGE through the SQL API. Why no driver: docs/decisions/0014. */
export async function openSnowflakeStore(options: {
  url: Secret;
  table: string;
  username?: string | undefined;
  private_key?: Secret | undefined;
  base_url?: string | undefined;
  timeoutMs: number;
}): Promise<Store> {
  const { username = "", private_key, base_url, timeoutMs } = options;
  const address = addressOf(options.url.reveal());
  const { account, database, schema } = address;
  if (!private_key) throw new Error("the settings were not checked");
  const api = createSnowflakeApi({
    baseUrl: base_url?.replace(/\/$/, "") ?? `https://${account.replaceAll("_", "-")}.snowflakecomputing.com`,
    context: { database, schema, ...address.more },
    token: createTokens({ account, username, privateKey: private_key }),
    timeoutMs,
  });
  const table = options.table.toUpperCase();
  const target = [database, schema, table].map(quoted).join(".");
  const prepared = new Set<string>();

  async function describe(signal: AbortSignal): Promise<ExistingTable | undefined> {
    const { data } = await api.execute({ statement: describeSql(database), texts: [schema, table], signal });
    if (data.length === 0) return undefined;
    return {
      columns: data.map(([column, type, nullable, fallback]) => ({
        name: ownName(String(column)),
        type: String(type).toLowerCase(),
        mustBeFilled: nullable === "NO" && fallback === null,
      })),
      keyIsUnique: true,
    };
  }

  async function prepare(columns: readonly Column[], signal = AbortSignal.timeout(timeoutMs)): Promise<void> {
    await asOutcomes(async () => {
      /** What the table lacks; undefined: there is none. */
      const lacking = async () => {
        const existing = await describe(signal);
        return existing && missingColumns({ table, existing, wanted: columns, types: SNOWFLAKE_TYPES });
      };
      const before = await lacking();
      if (!before) await api.execute({ statement: createTableSql(target, columns), signal });
      // Another worker may have made it at the same moment, without the columns that only we know of.
      const missing = before ?? (await lacking()) ?? [];
      for (const column of missing) await api.execute({ statement: addColumnSql(target, column), signal });
      if (before && missing.length === 0) return;
      const after = await lacking();
      if (after === undefined || after.length > 0) throw notMade("Snowflake");
    });
    for (const { name } of columns) prepared.add(name);
  }

  return {
    table: `${schema}.${table}`,
    limit: { maxBytes: MAX_ROWS_BYTES, batchBytes: BATCH_BYTES, bytesOf: jsonBytesOf },
    holdsNumber,
    prepare,
    async upsert(rows, columns, { signal }) {
      if (columns.some(({ name }) => !prepared.has(name))) await prepare(columns, signal);
      const statement = mergeSql(target, columns);
      const write = async (part: typeof rows) => {
        const { changed } = await api.execute({ statement, texts: [jsonOf(part)], signal });
        return proveWritten({ title: "Snowflake", sent: part.length, written: changed });
      };
      return asOutcomes(
        () => splitOnRefusal<Row, RowResult>({ items: rows, write, refusalOf: refusalOfSnowflake, signal }),
        () => prepared.clear(),
      );
    },
    erase: (key, { signal }) =>
      asOutcomes(async () => {
        const { changed } = await api.execute({ statement: deleteSql(target), texts: [key], signal });
        if (changed === undefined) throw new Error("Snowflake does not say whether it has deleted the row");
        return changed > 0;
      }),
    read: (key, { signal }) =>
      asOutcomes(async () => firstRowOf(await api.execute({ statement: selectSql(target), texts: [key], signal }))),
    close: async () => undefined,
  };
}

/**
 * PARSE_JSON keeps a number of up to 38 digits as it is, and makes a double of what has an exponent or more digits
 * (docs.snowflake.com/en/sql-reference/functions/parse_json, "Usage notes").
 */
function holdsNumber(text: string): boolean {
  return /^-?\d+(\.\d+)?$/.test(text) && text.replace(/\D/g, "").length <= 38;
}

async function asOutcomes<T>(work: () => Promise<T>, onFailure: () => void = () => undefined): Promise<T> {
  try {
    return await work();
  } catch (error) {
    onFailure();
    throw asOpenError(error, outcomeOfSnowflake);
  }
}

/** `snowflake://account/database/schema?warehouse=…&role=…`. Names are folded to capitals as in SQL, unless they stand in double quotes. */
function addressOf(url: string): { account: string; database: string; schema: string; more: Record<string, string> } {
  const [, account = "", database = "", schema = "", query = ""] =
    /^snowflake:\/\/([^/]+)\/([^/?]+)\/([^/?]+)(?:\?(.*))?$/s.exec(url) ?? [];
  const folded = (name: string) => {
    const text = decodeURIComponent(name);
    return /^".+"$/.test(text) ? text.slice(1, -1).replaceAll('""', '"') : text.toUpperCase();
  };
  const wanted = [...new URLSearchParams(query)].filter(([key]) => key === "warehouse" || key === "role");
  return {
    account,
    database: folded(database),
    schema: folded(schema),
    more: Object.fromEntries(wanted.map(([key, name]) => [key, folded(name)])),
  };
}
