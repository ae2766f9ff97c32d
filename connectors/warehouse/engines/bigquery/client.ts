import { setTimeout as delay } from "node:timers/promises";
import { type HttpAnswer, parseRetryAfterMs, requestJson } from "../../../../src/connector/index.ts";
import { BigQueryError, type Complaint } from "./errors.ts";

/** What became of a statement. */
export interface Done {
  /** Of a query of one column: its cells. */
  cells: string[];
  /** How many rows a statement changed; undefined: BigQuery does not say. */
  changed: number | undefined;
  /**
   * What an answer of 200 complains about, the first of it: "errors here do not necessarily mean that the job … was unsuccessful" (REST reference,
   * QueryResponse), since warnings are among them.
   */
  failure: BigQueryError | undefined;
}

export interface BigQueryApi {
  /** A resource of the project: `datasets/voice/tables/calls`. @throws {BigQueryError}, errors of the network as they come */
  get(path: string, options: { signal: AbortSignal }): Promise<Record<string, unknown>>;
  /** Runs one statement to its end. Parameters are texts, by name. @throws as `get` */
  execute(options: { sql: string; texts?: Record<string, string>; signal: AbortSignal }): Promise<Done>;
}

type Count = string | number;

/** `jobs.query` and `jobs.getQueryResults` (cloud.google.com/bigquery/docs/reference/rest/v2/jobs). */
interface Answer {
  jobComplete?: boolean;
  jobReference?: { jobId?: string; location?: string };
  rows?: { f?: { v?: unknown }[] }[];
  numDmlAffectedRows?: Count;
  dmlStats?: { insertedRowCount?: Count; updatedRowCount?: Count; deletedRowCount?: Count };
  errors?: Complaint[];
}

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;
/** A row has a transcript of megabytes in it, escaped. */
const MAX_ANSWER_BYTES = 64_000_000;

/** BigQuery's REST API. Google's library follows redirects with all that it sends, and a request of its own ends with no attempt. */
export function createBigQueryApi(options: {
  /** `https://bigquery.googleapis.com/bigquery/v2/projects/acme-calls` */
  url: string;
  location: string | undefined;
  headers(signal: AbortSignal): Promise<Record<string, string>>;
}): BigQueryApi {
  const { url, location, headers } = options;

  async function call(method: "GET" | "POST", path: string, signal: AbortSignal, body?: unknown): Promise<Record<string, unknown>> {
    const answer = await requestJson({
      method,
      url: `${url}/${path}`,
      headers: await headers(signal),
      body,
      signal,
      maxBytes: MAX_ANSWER_BYTES,
    });
    const { status, json } = answer;
    const isObject = typeof json === "object" && json !== null;
    if (status >= 200 && status < 300 && isObject) return json as Record<string, unknown>;
    throw refusalIn(answer);
  }

  return {
    get: (path, { signal }) => call("GET", path, signal),
    async execute({ sql, texts = {}, signal }) {
      const queryParameters = Object.entries(texts).map(([name, value]) => ({
        name,
        parameterType: { type: "STRING" },
        parameterValue: { value },
      }));
      const where = location === undefined ? {} : { location };
      const request = { query: sql, useLegacySql: false, parameterMode: "NAMED", queryParameters, ...where };
      let answer = (await call("POST", "queries", signal, request)) as Answer;
      for (let waitMs = FIRST_WAIT_MS; answer.jobComplete !== true; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
        const { jobId, location: at = location } = answer.jobReference ?? {};
        if (jobId === undefined) throw new BigQueryError({ status: 200, complaint: undefined });
        await delay(waitMs, undefined, { signal });
        const search = new URLSearchParams({ ...(at && { location: at }), timeoutMs: String(LONGEST_WAIT_MS) });
        answer = (await call("GET", `queries/${encodeURIComponent(jobId)}?${search}`, signal)) as Answer;
      }
      const { rows = [], errors: [first] = [] } = answer;
      return {
        cells: rows.map(({ f }) => String(f?.[0]?.v)),
        changed: changedOf(answer),
        failure: first && new BigQueryError({ status: 400, complaint: first }),
      };
    },
  };
}

function changedOf({ numDmlAffectedRows, dmlStats }: Answer): number | undefined {
  if (numDmlAffectedRows !== undefined) return Number(numDmlAffectedRows);
  if (!dmlStats) return undefined;
  const { insertedRowCount = 0, updatedRowCount = 0, deletedRowCount = 0 } = dmlStats;
  return Number(insertedRowCount) + Number(updatedRowCount) + Number(deletedRowCount);
}

/** "don't assume that an error object is present in every error response" (error-messages): a proxy may have answered. */
function refusalIn({ status, headers, json }: HttpAnswer): BigQueryError {
  const { error } = (json ?? {}) as { error?: { errors?: Complaint[]; message?: string } };
  const complaint = error && (error.errors?.[0] ?? { ...(error.message !== undefined && { message: error.message }) });
  return new BigQueryError({ status, complaint, retryAfterMs: parseRetryAfterMs(headers.get("retry-after"), Date.now()) });
}
