import { OpenError, type Outcome, type outcomeOfEdge, outcomeOfNetworkError } from "../../src/connector/index.ts";

/** BigQuery's `ErrorProto`. Its messages may quote values: what they say is looked at once, and not kept. */
export interface Complaint {
  reason?: string;
  message?: string;
}

/** Of a statement that is well formed and met a value that does not fit. */
const VALUE =
  /^(Bad (double|int64|timestamp|\w+) value|Invalid (timestamp|date|time|JSON|input)|Could not cast|Required field|.*(maximum length|out of range|overflow))/i;
const CONFLICT = /could not serialize access|due to concurrent (update|transaction)/i;
/** Somebody else streams into the table: its newest rows cannot be changed for up to 90 minutes. */
const STREAMED = /streaming buffer/i;

type Edge = ReturnType<typeof outcomeOfEdge>;

/** BigQuery did not run a statement, or something in front of it answered: then there is no `reason`. */
export class BigQueryError extends Error {
  override readonly name = "BigQueryError";
  readonly status: number;
  /** `notFound`, `rateLimitExceeded` (cloud.google.com/bigquery/docs/error-messages). */
  readonly reason: string;
  readonly about: "value" | "conflict" | "streamed" | "other";
  readonly isAnswer: boolean;
  readonly retryAfterMs: number | undefined;
  readonly edge: Edge;

  constructor(answer: { status: number; complaint: Complaint | undefined; retryAfterMs?: number | undefined; edge?: Edge }) {
    const { status, complaint, retryAfterMs, edge } = answer;
    const reason = /^[A-Za-z]{1,60}$/.test(complaint?.reason ?? "") ? (complaint?.reason ?? "") : "";
    super(`BigQuery answered ${status} ${reason}`);
    const words = complaint?.message ?? "";
    this.status = status;
    this.reason = reason;
    this.about = CONFLICT.test(words) ? "conflict" : STREAMED.test(words) ? "streamed" : VALUE.test(words) ? "value" : "other";
    this.isAnswer = complaint !== undefined;
    this.retryAfterMs = retryAfterMs;
    this.edge = edge;
  }
}

/** The row is at fault, or the request is too large for one. Undefined for every other error. */
export function refusalOfBigQuery(error: unknown): Outcome | undefined {
  if (!(error instanceof BigQueryError)) return undefined;
  const { status, reason, about } = error;
  if (status === 413 || reason === "requestTooLarge") {
    return { kind: "rejected", code: "too_large", reason: "the row is larger than one request to BigQuery may be" };
  }
  if (status !== 400 || about !== "value") return undefined;
  return { kind: "rejected", code: reason || "invalid", reason: "a value does not fit its column's type" };
}

type Meaning =
  | { kind: "retry"; because: "down" | "server" | "record" | "rate-limit"; reason: string; retryAfterMs?: number }
  | { kind: "needs-fix"; reason: string; fix: string };

function retry(because: "down" | "server" | "record" | "rate-limit", reason: string, retryAfterMs?: number): Meaning {
  return { kind: "retry", because, reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}
function needsFix(reason: string, fix: string): Meaning {
  return { kind: "needs-fix", reason, fix };
}

const slower = retry("rate-limit", "BigQuery takes no more statements just now", 10_000);
/** "wait 10 minutes or longer": cloud.google.com/bigquery/docs/troubleshoot-quotas */
const usedUp = retry("rate-limit", "a quota of the BigQuery project is used up", 600_000);
const away = retry("down", "BigQuery is not available");
const failed = retry("server", "BigQuery failed");
const credentials = needsFix(
  "Google refuses the credentials",
  "Check `credentials`: a key of a service account that exists, not deleted or expired",
);
const forbidden = needsFix(
  "the account may not do this",
  "Give it the roles BigQuery Data Editor on the dataset and BigQuery Job User on the project; a VPC perimeter may keep it out too",
);

/** By reason (cloud.google.com/bigquery/docs/error-messages, "Error table", and Google's general ones). */
const REASONS: Record<string, Meaning> = {
  authError: credentials,
  invalidUser: credentials,
  required: credentials,
  rateLimitExceeded: slower,
  jobRateLimitExceeded: slower,
  userRateLimitExceeded: slower,
  concurrentLimitExceeded: slower,
  resourcesExceeded: slower,
  quotaExceeded: usedUp,
  dailyLimitExceeded: usedUp,
  blocked: retry("down", "BigQuery keeps this operation back for now, to protect itself; its support knows more", 600_000),
  backendError: away,
  tableUnavailable: away,
  internalError: failed,
  jobBackendError: failed,
  jobInternalError: failed,
  stopped: failed,
  timeout: retry("record", "BigQuery gave the statement up for its time"),
  notImplemented: needsFix("BigQuery cannot do what it is asked", "Report it with the code: our statement is at fault"),
  resourceInUse: retry("record", "another statement was changing the table", 5_000),
  duplicate: retry("record", "another statement was making the same", 5_000),
  billingNotEnabled: needsFix("the BigQuery project has no billing, without which nothing can be merged", "Enable billing for it"),
  billingTierLimitExceeded: needsFix("the statement is above the project's billing tier", "Raise the project's maximum billing tier"),
  accessNotConfigured: needsFix(
    "the BigQuery API is not enabled in the project",
    "Enable it: gcloud services enable bigquery.googleapis.com",
  ),
  accessDenied: forbidden,
  forbidden,
  notFound: needsFix(
    "there is no such project, dataset or table",
    "Create the dataset, correct `url`, or name where it is with `location`; the table is made by itself",
  ),
};

/** What stops every row. Undefined when it is neither BigQuery's nor the network's. */
export function outcomeOfBigQuery(error: unknown): Outcome | undefined {
  if (error instanceof OpenError) return error.outcome;
  if (!(error instanceof BigQueryError)) return outcomeOfLogin(error) ?? outcomeOfNetworkError(error);
  if (error.edge) return error.edge;
  const { status, reason, retryAfterMs } = error;
  const code = reason || `http_${status}`;
  const meaning = meaningOf(error);
  if (meaning.kind === "needs-fix") return { ...meaning, code };
  return { ...meaning, code, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

function meaningOf({ status, reason, about, isAnswer }: BigQueryError): Meaning {
  if (about === "conflict") return retry("record", "another statement was changing the table", 5_000);
  if (about === "streamed") return retry("record", "rows of the table were streamed in just now, and cannot be changed yet", 600_000);
  const known = Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined;
  if (known) return known;
  if (status === 401) return credentials;
  if (status === 429) return slower;
  if (status === 503) return away;
  if (status >= 500) return failed;
  if (status === 403 && isAnswer) return forbidden;
  if (!isAnswer && status >= 200 && status < 300) return retry("server", "the answer is not one of BigQuery's: is a proxy between?");
  if (!isAnswer)
    return needsFix(`there is no BigQuery at this address (HTTP ${status})`, "Check `base_url`, and what a proxy on the way does");
  return needsFix("BigQuery refuses the statement", "See that nothing else changes the table; it is looked at again in a moment");
}

/** Before any request: the credentials could not be read, found or exchanged for a token. */
function outcomeOfLogin(error: unknown): Outcome | undefined {
  if (!(error instanceof Error)) return undefined;
  // Of the exchange's answer.
  const status = "status" in error && typeof error.status === "number" ? error.status : undefined;
  const busy = status === 429 || (status !== undefined && status >= 500);
  if (busy) return { kind: "retry", because: "down", code: `token_${status}`, reason: `Google gives no token just now (HTTP ${status})` };
  const code = "code" in error ? String(error.code) : "";
  const isOurs = /invalid_grant|invalid_client|default credentials|private key|PEM|DECODER|asymmetric key|client_email/i.test(
    `${error.message} ${code}`,
  );
  if (!isOurs && status === undefined) return undefined;
  return {
    kind: "needs-fix",
    code: "credentials",
    reason: "the credentials could not be exchanged for a token",
    fix: "Give `credentials`, the JSON key of a service account that exists; or run where Google's application default credentials are",
  };
}
