import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type HttpAnswer, parseRetryAfterMs, requestJson } from "../../../../src/connector/index.ts";
import { SnowflakeError } from "./errors.ts";

/** What a statement gave. */
export interface Answer {
  /** Of a query, in the order of its cells: `TIMESTAMP_TZ`, `timestamp_tz`. */
  columns: { name: string; type: string }[];
  /** Rows of a query, each cell as text. A long answer has more, which nothing here asks for. */
  data: (string | null)[][];
  /** Rows that a statement has inserted, updated or deleted; undefined: Snowflake does not say. */
  changed: number | undefined;
}

export interface SnowflakeApi {
  /** Runs one statement to its end. @throws {SnowflakeError}, errors of the network as they come */
  execute(options: { statement: string; texts?: string[]; signal: AbortSignal }): Promise<Answer>;
}

/** docs.snowflake.com/en/developer-guide/sql-api/reference, "ResultSet". */
interface ResultSet {
  resultSetMetaData: { rowType?: Answer["columns"] };
  data: Answer["data"];
  stats: Stats | null;
}

interface Stats {
  numRowsInserted?: number | null;
  numRowsUpdated?: number | null;
  numRowsDeleted?: number | null;
}

/** A row has a transcript of megabytes in it, escaped. */
const MAX_ANSWER_BYTES = 64_000_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 2_000;

/** Of undici: the connection ended before an answer came. */
const LOST = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

/**
 * Snowflake's SQL API (docs.snowflake.com/en/developer-guide/sql-api): a statement is posted, and asked after while the answer is 202.
 * One that got no answer is posted once more with the same `requestId` and `retry=true`, which Snowflake runs only if it has not run it.
 */
export function createSnowflakeApi(options: {
  baseUrl: string;
  /** Database, schema, warehouse and role, as SHOW writes them: the API is case-sensitive here. */
  context: Record<string, string>;
  token(): string;
  timeoutMs: number;
}): SnowflakeApi {
  const { baseUrl, context, token, timeoutMs } = options;

  function call(path: string, options: { method: "GET" | "POST"; body?: unknown; signal: AbortSignal }): Promise<HttpAnswer> {
    return requestJson({
      ...options,
      url: `${baseUrl}${path}`,
      headers: {
        authorization: `Bearer ${token()}`,
        "x-snowflake-authorization-token-type": "KEYPAIR_JWT",
        "user-agent": "patchbay/1.0",
      },
      maxBytes: MAX_ANSWER_BYTES,
    });
  }

  async function post(body: unknown, signal: AbortSignal): Promise<HttpAnswer> {
    const path = `/api/v2/statements?requestId=${randomUUID()}`;
    try {
      return await call(path, { method: "POST", body, signal });
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (!(cause instanceof Error && "code" in cause && LOST.has(String(cause.code)))) throw error;
      return call(`${path}&retry=true`, { method: "POST", body, signal });
    }
  }

  return {
    async execute({ statement, texts = [], signal }) {
      const bindings = Object.fromEntries(texts.map((value, index) => [String(index + 1), { type: "TEXT", value }]));
      const timeout = Math.max(1, Math.ceil(timeoutMs / 1000));
      let response = await post({ statement, timeout, ...context, ...(texts.length > 0 && { bindings }) }, signal);
      for (let waitMs = FIRST_WAIT_MS; response.status === 202; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
        const { statementHandle } = jsonOf(response);
        await delay(waitMs, undefined, { signal });
        response = await call(`/api/v2/statements/${encodeURIComponent(String(statementHandle))}`, { method: "GET", signal });
      }
      const answer = jsonOf(response);
      if (response.status !== 200) {
        throw new SnowflakeError({
          status: response.status,
          code: textOf(answer.code),
          sqlState: textOf(answer.sqlState),
          retryAfterMs: waitOf(response),
        });
      }
      const { resultSetMetaData, data = [], stats } = answer as Partial<ResultSet>;
      return { columns: resultSetMetaData?.rowType ?? [], data, changed: changedOf(stats) ?? changedIn(resultSetMetaData?.rowType, data) };
    },
  };
}

function changedOf(stats: Stats | null | undefined): number | undefined {
  const counts = [stats?.numRowsInserted, stats?.numRowsUpdated, stats?.numRowsDeleted].filter(
    (count) => count !== undefined && count !== null,
  );
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + Number(count), 0);
}

/** A statement's result is its numbers, too, in columns that say what they count. */
function changedIn(columns: Answer["columns"] = [], [cells]: Answer["data"]): number | undefined {
  const counts = columns.flatMap(({ name }, index) =>
    /^number of rows (inserted|updated|deleted)$/.test(name) ? [Number(cells?.[index])] : [],
  );
  const sum = counts.reduce((all, count) => all + count, 0);
  return counts.length === 0 || Number.isNaN(sum) ? undefined : sum;
}

function jsonOf(response: HttpAnswer): Record<string, unknown> {
  const { json, status } = response;
  if (typeof json === "object" && json !== null) return json as Record<string, unknown>;
  // A proxy's page, or nothing.
  throw new SnowflakeError({ status: status === 200 ? 502 : status, code: "", sqlState: "", retryAfterMs: waitOf(response) });
}

function waitOf({ headers }: HttpAnswer): number | undefined {
  return parseRetryAfterMs(headers.get("retry-after"), Date.now());
}

function textOf(value: unknown): string {
  return typeof value === "string" && /^[0-9A-Z]{1,8}$/.test(value) ? value : "";
}
