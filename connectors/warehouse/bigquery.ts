import type { BigQuery, Dataset } from "@google-cloud/bigquery";
import { OpenError, parseJsonExactly, type Secret } from "../../src/connector.ts";
import { failureIn, run } from "./bigquery-answer.ts";
import { outcomeOfBigQuery, refusalOfBigQuery } from "./bigquery-errors.ts";
import { addColumnsSql, BIGQUERY_TYPES, createTableSql, deleteSql, mergeSql, selectSql } from "./bigquery-sql.ts";
import { writeBisecting } from "./bisect.ts";
import type { Column } from "./columns.ts";
import { jsonBytesOf, jsonOf } from "./json-rows.ts";
import { asOpenError } from "./open-error.ts";
import { notMade, proveWritten } from "./proof.ts";
import type { Store } from "./store.ts";
import { type ExistingTable, missingColumns } from "./widen.ts";

/** A request may be 10 MB (cloud.google.com/bigquery/quotas, "Query jobs"); the statement itself takes some. */
const MAX_ROWS_BYTES = 9_000_000;

/** A table in BigQuery, written by MERGE: rows that are streamed in could not be updated for half an hour. */
export async function openBigQueryStore(options: {
  url: Secret;
  table: string;
  credentials?: Secret | undefined;
  location?: string | undefined;
  base_url?: string | undefined;
}): Promise<Store> {
  const { table, location, base_url } = options;
  const [, project = "", dataset = ""] = /^bigquery:\/\/([^/]+)\/(.+)$/.exec(options.url.reveal()) ?? [];
  const credentials = options.credentials && credentialsOf(options.credentials);
  const { BigQuery } = await loadBigQuery();
  const client = new BigQuery({
    projectId: project,
    ...(base_url && { apiEndpoint: base_url }),
    ...(location && { location }),
    autoRetry: false,
    maxRetries: 0,
  });
  // As an option the library calls it deprecated, on the console.
  if (credentials) client.authClient.jsonContent = credentials;
  if (credentials && credentials.token_uri !== GOOGLE_TOKEN_URI) await exchangeAt(client, credentials.token_uri);
  const target = `${project}.${dataset}.${table}`;
  const prepared = new Set<string>();

  const query = (sql: string, params?: Record<string, string>) =>
    run(client, { query: sql, ...(params && { params }), ...(location && { location }) });

  async function prepare(columns: readonly Column[]): Promise<void> {
    await asOutcomes(async () => {
      /** What the table lacks; undefined: there is none. */
      const lacking = async () => {
        const existing = await describeTable(client.dataset(dataset), table);
        return existing && missingColumns({ table, existing, wanted: columns, types: BIGQUERY_TYPES });
      };
      const before = await lacking();
      const made = before === undefined ? await query(createTableSql(target, columns)) : undefined;
      // Another worker may have made it at the same moment, without the columns that only we know of.
      const missing = before ?? (await lacking()) ?? [];
      const added = missing.length > 0 ? await query(addColumnsSql(target, missing)) : undefined;
      if (!made && !added) return;
      // What it answers 200 to may have failed.
      const after = await lacking();
      if (after === undefined || after.length > 0) throw failureIn(added ?? made) ?? notMade("BigQuery");
    });
    for (const { name } of columns) prepared.add(name);
  }

  return {
    table,
    limit: { maxBytes: MAX_ROWS_BYTES, bytesOf: jsonBytesOf },
    holdsNumber,
    prepare,
    async upsert(rows, columns, { signal }) {
      if (columns.some(({ name }) => !prepared.has(name))) await prepare(columns);
      const sql = mergeSql(target, columns);
      return asOutcomes(
        () =>
          writeBisecting({
            rows,
            write: async (part) => {
              const answer = await query(sql, { rows: jsonOf(part) });
              const failure = failureIn(answer);
              if (failure && answer.changed !== part.length) throw failure;
              return proveWritten({ title: "BigQuery", sent: part.length, written: answer.changed });
            },
            refusalOf: refusalOfBigQuery,
            signal,
          }),
        () => prepared.clear(),
      );
    },
    erase: (key) =>
      asOutcomes(async () => {
        const answer = await query(deleteSql(target), { key });
        if (answer.changed === undefined) throw failureIn(answer) ?? new Error("BigQuery does not say whether it has deleted the row");
        return answer.changed > 0;
      }),
    read: (key) =>
      asOutcomes(async () => {
        const [found] = (await query(selectSql(target), { key })).rows;
        return found && (parseJsonExactly(String(found.line)) as Record<string, unknown>);
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
async function describeTable(dataset: Dataset, table: string): Promise<ExistingTable | undefined> {
  try {
    const [metadata] = await dataset.table(table).getMetadata();
    const { schema } = metadata as {
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
    if (!isNotFound(error)) throw error;
    await dataset.getMetadata().catch((other: unknown) => {
      // An account that may not look at the dataset may still write to it.
      if (!(other instanceof Error && "code" in other && other.code === 403)) throw other;
    });
    return undefined;
  }
}

const isNotFound = (error: unknown) => error instanceof Error && "code" in error && error.code === 404;

const GOOGLE_TOKEN_URI = "https://oauth2.googleapis.com/token";

/** The library exchanges a key at Google's own address, whatever address the key names. */
async function exchangeAt(client: BigQuery, tokenUri: string): Promise<void> {
  const { transporter } = await client.authClient.getClient();
  transporter.defaults.fetchImplementation = (input, init) => fetch(String(input) === GOOGLE_TOKEN_URI ? tokenUri : input, init);
}

function credentialsOf(secret: Secret): { client_email: string; private_key: string; token_uri: string } {
  try {
    const { client_email, private_key, token_uri = GOOGLE_TOKEN_URI } = JSON.parse(secret.reveal());
    if (typeof client_email === "string" && typeof private_key === "string")
      return { client_email, private_key, token_uri: String(token_uri) };
  } catch {
    // Said below, without the text.
  }
  throw new OpenError({
    kind: "unauthorized",
    code: "credentials",
    reason: "`credentials` is not the JSON key of a service account",
    fix: "Create a key of type JSON for the account, and name its file: credentials: ${file:/run/secrets/bigquery.json}",
  });
}

/** @throws {OpenError} when the SDK is not installed: it is large, and few need it. */
export async function loadBigQuery(
  load: () => Promise<typeof import("@google-cloud/bigquery")> = () => import("@google-cloud/bigquery"),
): Promise<typeof import("@google-cloud/bigquery")> {
  try {
    return await load();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!/MODULE_NOT_FOUND/.test(code)) throw error;
    throw new OpenError({
      kind: "unauthorized",
      code: "not_installed",
      reason: "Google's BigQuery library is not installed",
      fix: "Run: npm install @google-cloud/bigquery",
    });
  }
}
