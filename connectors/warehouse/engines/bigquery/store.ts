import { parseJsonExactly, type Secret, splitOnRefusal } from "../../../../src/connector/index.ts";
import type { Column } from "../../columns.ts";
import { jsonBytesOf, jsonOf } from "../../json-rows.ts";
import { asOpenError } from "../../open-error.ts";
import { notMade, proveWritten } from "../../proof.ts";
import type { Row } from "../../record.ts";
import { type ExistingTable, missingColumns } from "../../schema-diff.ts";
import type { RowResult, Store } from "../../store.ts";
import { googleAccess } from "./auth.ts";
import { type BigQueryApi, createBigQueryApi } from "./client.ts";
import { BigQueryError, outcomeOfBigQuery, refusalOfBigQuery } from "./errors.ts";
import { addColumnsSql, BIGQUERY_TYPES, createTableSql, deleteSql, mergeSql, selectSql } from "./sql.ts";

/** A request may be 10 MB (cloud.google.com/bigquery/quotas, "Query jobs"); the statement itself takes some. */
const MAX_ROWS_BYTES = 9_000_000;

/** A table in BigQuery, written by MERGE: rows that are streamed in could not be updated for half an hour. */
export async function openBigQueryStore(options: {
  url: Secret;
  table: string;
  credentials?: Secret | undefined;
  location?: string | undefined;
  base_url?: string | undefined;
  timeoutMs: number;
}): Promise<Store> {
  const { table, location, base_url, timeoutMs } = options;
  const [, project = "", dataset = ""] = /^bigquery:\/\/([^/]+)\/(.+)$/.exec(options.url.reveal()) ?? [];
  const { endpoint, headers } = await googleAccess({ project, credentials: options.credentials, baseUrl: base_url });
  const api = createBigQueryApi({ url: `${endpoint}/projects/${encodeURIComponent(project)}`, location, headers });
  const target = `${project}.${dataset}.${table}`;
  const prepared = new Set<string>();

  async function prepare(columns: readonly Column[], signal = AbortSignal.timeout(timeoutMs)): Promise<void> {
    await asOutcomes(async () => {
      /** What the table lacks; undefined: there is none. */
      const lacking = async () => {
        const existing = await describeTable({ api, dataset, table, signal });
        return existing && missingColumns({ table, existing, wanted: columns, types: BIGQUERY_TYPES });
      };
      const before = await lacking();
      const made = before === undefined ? await api.execute({ sql: createTableSql(target, columns), signal }) : undefined;
      // Another worker may have made it at the same moment, without the columns that only we know of.
      const missing = before ?? (await lacking()) ?? [];
      const added = missing.length > 0 ? await api.execute({ sql: addColumnsSql(target, missing), signal }) : undefined;
      if (!made && !added) return;
      // What it answers 200 to may have failed.
      const after = await lacking();
      if (after === undefined || after.length > 0) throw (added ?? made)?.failure ?? notMade("BigQuery");
    });
    for (const { name } of columns) prepared.add(name);
  }

  return {
    table,
    limit: { maxBytes: MAX_ROWS_BYTES, bytesOf: jsonBytesOf },
    holdsNumber,
    prepare: (columns) => prepare(columns),
    async upsert(rows, columns, { signal }) {
      if (columns.some(({ name }) => !prepared.has(name))) await prepare(columns, signal);
      const sql = mergeSql(target, columns);
      return asOutcomes(
        () =>
          splitOnRefusal<Row, RowResult>({
            items: rows,
            write: async (part) => {
              const { changed, failure } = await api.execute({ sql, texts: { rows: jsonOf(part) }, signal });
              if (failure && changed !== part.length) throw failure;
              return proveWritten({ title: "BigQuery", sent: part.length, written: changed });
            },
            refusalOf: refusalOfBigQuery,
            signal,
          }),
        () => prepared.clear(),
      );
    },
    erase: (key, { signal }) =>
      asOutcomes(async () => {
        const { changed, failure } = await api.execute({ sql: deleteSql(target), texts: { key }, signal });
        if (changed === undefined) throw failure ?? new Error("BigQuery does not say whether it has deleted the row");
        return changed > 0;
      }),
    read: (key, { signal }) =>
      asOutcomes(async () => {
        const { cells } = await api.execute({ sql: selectSql(target), texts: { key }, signal });
        return cells[0] === undefined ? undefined : (parseJsonExactly(cells[0]) as Record<string, unknown>);
      }),
    close: async () => undefined,
  };

  async function asOutcomes<T>(work: () => Promise<T>, onFailure: () => void = () => undefined): Promise<T> {
    try {
      return await work();
    } catch (error) {
      onFailure();
      throw asOpenError(error, outcomeOfBigQuery);
    }
  }
}

/** Numbers in a JSON are INT64, UINT64 or FLOAT64 (cloud.google.com/bigquery/docs/reference/standard-sql/json_functions, "PARSE_JSON"). */
function holdsNumber(text: string): boolean {
  return /^-?\d{1,20}$/.test(text) && BigInt(text) >= -(2n ** 63n) && BigInt(text) < 2n ** 64n;
}

/**
 * `tables.get`: costs nothing, where a query of INFORMATION_SCHEMA is billed. Undefined: the dataset has no such table. That the dataset is there is
 * asked for itself, since both are `notFound` and differ in the sentence only.
 */
async function describeTable(options: {
  api: BigQueryApi;
  dataset: string;
  table: string;
  signal: AbortSignal;
}): Promise<ExistingTable | undefined> {
  const { api, dataset, table, signal } = options;
  try {
    const { schema } = (await api.get(`datasets/${dataset}/tables/${table}`, { signal })) as {
      schema?: { fields?: { name: string; type: string; mode?: string; defaultValueExpression?: string }[] };
    };
    return {
      columns: (schema?.fields ?? []).map(({ name, type, mode, defaultValueExpression }) => ({
        name,
        type: mode === "REPEATED" ? `array of ${type.toLowerCase()}` : type.toLowerCase(),
        mustBeFilled: mode === "REQUIRED" && defaultValueExpression === undefined,
      })),
      // Its keys are not enforced: MERGE by the key is what keeps one row.
      keyIsUnique: true,
    };
  } catch (error) {
    if (!(error instanceof BigQueryError && error.status === 404 && error.isAnswer)) throw error;
    await api.get(`datasets/${dataset}`, { signal }).catch((other: unknown) => {
      // An account that may not look at the dataset may still write to it.
      if (!(other instanceof BigQueryError && other.status === 403)) throw other;
    });
    return undefined;
  }
}
