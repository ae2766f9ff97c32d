import {
  classifyHttp,
  down,
  type Failure,
  type Meaning,
  needsFix,
  OpenError,
  outcomeOfNetworkError,
  rateLimited,
  rejected,
  serverFailed,
  toOutcome,
  tryLater,
} from "../../../../src/connector/index.ts";

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

/** BigQuery did not run a statement, or something in front of it answered: then there is no `reason`. */
export class BigQueryError extends Error {
  override readonly name = "BigQueryError";
  readonly status: number;
  /** `notFound`, `rateLimitExceeded` (cloud.google.com/bigquery/docs/error-messages). */
  readonly reason: string;
  readonly about: "value" | "conflict" | "streamed" | "other";
  readonly isAnswer: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(answer: { status: number; complaint: Complaint | undefined; retryAfterMs?: number | undefined }) {
    const { status, complaint, retryAfterMs } = answer;
    const reason = /^[A-Za-z]{1,60}$/.test(complaint?.reason ?? "") ? (complaint?.reason ?? "") : "";
    super(`BigQuery answered ${status} ${reason}`);
    const words = complaint?.message ?? "";
    this.status = status;
    this.reason = reason;
    this.about = CONFLICT.test(words) ? "conflict" : STREAMED.test(words) ? "streamed" : VALUE.test(words) ? "value" : "other";
    this.isAnswer = complaint !== undefined;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The row is at fault, or the request is too large for one. Undefined for every other error. */
export function refusalOfBigQuery(error: unknown): Failure | undefined {
  if (!(error instanceof BigQueryError)) return undefined;
  const { status, reason, about } = error;
  if (status === 413 || reason === "requestTooLarge") {
    return toOutcome(rejected("the row is larger than one request to BigQuery may be"), { code: "too_large" });
  }
  if (status !== 400 || about !== "value") return undefined;
  return toOutcome(rejected("a value does not fit its column's type"), { code: reason || "invalid" });
}

const slower = rateLimited("BigQuery takes no more statements just now", { retryAfterMs: 10_000 });
/** "wait 10 minutes or longer": cloud.google.com/bigquery/docs/troubleshoot-quotas */
const usedUp = rateLimited("a quota of the BigQuery project is used up", { retryAfterMs: 600_000 });
const away = down("BigQuery is not available");
const failed = serverFailed("BigQuery failed");
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
  blocked: down("BigQuery keeps this operation back for now, to protect itself; its support knows more", 600_000),
  backendError: away,
  tableUnavailable: away,
  internalError: failed,
  jobBackendError: failed,
  jobInternalError: failed,
  stopped: failed,
  timeout: tryLater("BigQuery gave the statement up for its time"),
  notImplemented: needsFix("BigQuery cannot do what it is asked", "Report it with the code: our statement is at fault"),
  resourceInUse: tryLater("another statement was changing the table", 5_000),
  duplicate: tryLater("another statement was making the same", 5_000),
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

/** Of answers that are not BigQuery's own: something in front of it gave them. */
const FRONT = {
  title: "BigQuery",
  fix: "Check `base_url`, and what a proxy on the way does",
  duplicates: "native-key",
  table: {
    401: credentials,
    403: needsFix("there is no BigQuery at this address"),
    // Not for good: a proxy or a moved project answers so, and the route must resume by itself.
    410: needsFix("there is no BigQuery at this address"),
    "4xx": needsFix("there is no BigQuery at this address"),
  },
} as const;
const notBigQuery = serverFailed("the answer is not one of BigQuery's: is a proxy between?");

/** What stops every row. Undefined when it is neither BigQuery's nor the network's. */
export function outcomeOfBigQuery(error: unknown): Failure | undefined {
  if (error instanceof OpenError) return error.outcome;
  if (!(error instanceof BigQueryError)) return outcomeOfLogin(error) ?? outcomeOfNetworkError(error);
  const { status, reason, retryAfterMs, isAnswer } = error;
  const code = reason || `http_${status}`;
  if (!isAnswer) return classifyHttp({ status, code, retryAfterMs }, FRONT) ?? toOutcome(notBigQuery, { code });
  return toOutcome(meaningOf(error), { code, retryAfterMs });
}

function meaningOf({ status, reason, about }: BigQueryError): Meaning {
  if (about === "conflict") return tryLater("another statement was changing the table", 5_000);
  if (about === "streamed") return tryLater("rows of the table were streamed in just now, and cannot be changed yet", 600_000);
  const known = Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined;
  if (known) return known;
  if (status === 401) return credentials;
  if (status === 403) return forbidden;
  if (status === 429) return slower;
  if (status === 503) return away;
  if (status >= 500) return failed;
  return needsFix("BigQuery refuses the statement", "See that nothing else changes the table; it is looked at again in a moment");
}

/** Before any request: the credentials could not be read, found or exchanged for a token. */
function outcomeOfLogin(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  // Of the exchange's answer.
  const status = "status" in error && typeof error.status === "number" ? error.status : undefined;
  if (status === 429 || (status !== undefined && status >= 500))
    return toOutcome(down("Google gives no token just now"), { code: `token_${status}`, shown: `HTTP ${status}` });
  const code = "code" in error ? String(error.code) : "";
  const isOurs = /invalid_grant|invalid_client|default credentials|private key|PEM|DECODER|asymmetric key|client_email/i.test(
    `${error.message} ${code}`,
  );
  return isOurs || status !== undefined ? toOutcome(noToken, { code: "credentials" }) : undefined;
}

const noToken = needsFix(
  "the credentials could not be exchanged for a token",
  "Give `credentials`, the JSON key of a service account that exists; or run where Google's application default credentials are",
);
