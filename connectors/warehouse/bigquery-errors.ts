import { OpenError, type Outcome, outcomeOfNetworkError } from "../../src/connector.ts";

/** `ApiError` of the SDK: the HTTP status, and BigQuery's reason (cloud.google.com/bigquery/docs/error-messages). Its messages may quote values. */
interface Answered {
  status: number;
  reason: string;
  message: string;
}

function answerOf(error: unknown): Answered | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "number") return undefined;
  const [first] = "errors" in error && Array.isArray(error.errors) ? error.errors : [];
  return {
    status: error.code,
    reason: typeof first?.reason === "string" ? first.reason : "",
    message: String(first?.message ?? error.message),
  };
}

/** Of a statement that is well formed and met a value that does not fit. */
const VALUE =
  /^(Bad (double|int64|timestamp|\w+) value|Invalid (timestamp|date|time|JSON|input)|Could not cast|Required field|.*(maximum length|out of range|overflow))/i;
const CONFLICT = /could not serialize access|due to concurrent (update|transaction)/i;

/** The row is at fault, or the request is too large for one. Undefined for every other error. */
export function refusalOfBigQuery(error: unknown): Outcome | undefined {
  const answer = answerOf(error);
  if (!answer) return undefined;
  if (answer.status === 413 || answer.reason === "requestTooLarge") {
    return { kind: "rejected", code: "too_large", reason: "the row is larger than one request to BigQuery may be" };
  }
  if (answer.status !== 400 || CONFLICT.test(answer.message) || !VALUE.test(answer.message)) return undefined;
  return { kind: "rejected", code: answer.reason || "invalid", reason: "a value does not fit its column's type" };
}

const BUSY = new Set(["rateLimitExceeded", "jobRateLimitExceeded", "userRateLimitExceeded", "resourcesExceeded"]);
const FAILED = new Set(["backendError", "internalError", "jobBackendError", "jobInternalError", "tableUnavailable", "timeout"]);

/** What stops every row. Undefined when it is neither BigQuery's nor the network's. */
export function outcomeOfBigQuery(error: unknown): Outcome | undefined {
  if (error instanceof OpenError) return error.outcome;
  const login = outcomeOfLogin(error);
  if (login) return login;
  const answer = answerOf(error);
  if (!answer) return outcomeOfNetworkError(error);
  const { status, reason, message } = answer;
  const code = reason || `http_${status}`;
  const unauthorized = (what: string, fix: string): Outcome => ({ kind: "unauthorized", code, reason: what, fix });

  if (status === 401 || reason === "authError") {
    return unauthorized(
      "Google refuses the credentials",
      "Check `credentials`: a key of a service account that exists, not deleted or expired",
    );
  }
  if (BUSY.has(reason) || status === 429) {
    return { kind: "retry", because: "rate-limit", code, reason: "BigQuery takes no more statements just now", retryAfterMs: 10_000 };
  }
  if (reason === "quotaExceeded") {
    // "wait 10 minutes or longer": cloud.google.com/bigquery/docs/troubleshoot-quotas
    return { kind: "retry", because: "rate-limit", code, reason: "a quota of the BigQuery project is used up", retryAfterMs: 600_000 };
  }
  if (FAILED.has(reason) || status >= 500) {
    return { kind: "retry", because: status === 503 ? "down" : "server", code, reason: "BigQuery failed" };
  }
  if (CONFLICT.test(message)) {
    return { kind: "retry", because: "record", code, reason: "another statement was changing the table", retryAfterMs: 5_000 };
  }
  if (reason === "billingNotEnabled")
    return unauthorized("the BigQuery project has no billing, without which nothing can be merged", "Enable billing for it");
  if (status === 403) {
    return unauthorized(
      "the account may not do this",
      "Give it the roles BigQuery Data Editor on the dataset and BigQuery Job User on the project",
    );
  }
  if (status === 404) {
    return unauthorized(
      "there is no such project, dataset or table",
      "Create the dataset, correct `url`, or name where it is with `location`; the table is made by itself",
    );
  }
  return unauthorized("BigQuery refuses the statement", "See that nothing else changes the table; it is looked at again in a moment");
}

/** Before any request: the credentials could not be read, found or exchanged for a token. */
function outcomeOfLogin(error: unknown): Outcome | undefined {
  const message = error instanceof Error ? error.message : "";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!/invalid_grant|invalid_client|default credentials|private key|PEM|DECODER|asymmetric key|client_email/i.test(`${message} ${code}`))
    return undefined;
  return {
    kind: "unauthorized",
    code: "credentials",
    reason: "the credentials could not be exchanged for a token",
    fix: "Give `credentials`, the JSON key of a service account that exists; or run where Google's application default credentials are",
  };
}
