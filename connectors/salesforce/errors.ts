import { OpenError, type Outcome, outcomeOfNetworkError } from "../../src/connector/index.ts";
import { DOWN, FIXES, LATER, REASONS, STALE, TOO_MUCH } from "./error-codes.ts";
import { SalesforceError } from "./vendor-error.ts";

/** The daily limit counts the last 24 hours: room comes back little by little. */
const DAILY_LIMIT_MS = 15 * 60_000;
const CONCURRENT_LIMIT_MS = 5_000;

/**
 * Statuses of Salesforce Edge for an org that it cannot find (420), does not reach (502), or that is down or overloaded (503; REST API Developer
 * Guide, "Status Codes and Error Responses").
 */
const DOWN_STATUSES = new Set([420, 502, 503]);

const READ_ONLY =
  "this Task may not be edited by the integration user (its owner, a record type, an approval or a sharing rule stands before it): unlock it there, then replay";

/**
 * The outcome of any error of a request to Salesforce, or of one record of it. `isUpdate`: the record was written before, so that a refusal of access is
 * about this record; on a new record it is about the integration user, and every call fails alike.
 */
export function outcomeOfSalesforceError(error: unknown, { isUpdate = false }: { isUpdate?: boolean } = {}): Outcome {
  if (error instanceof OpenError) return error.outcome;
  if (error instanceof SalesforceError) {
    const { status, code } = error;
    const isReadOnly = isUpdate && status === undefined && (code === "INSUFFICIENT_ACCESS" || code === "INSUFFICIENT_ACCESS_OR_READONLY");
    return isReadOnly ? { kind: "rejected", code, reason: READ_ONLY } : outcomeOfRefusal(error);
  }
  const network = outcomeOfNetworkError(error);
  if (network) return network;
  return {
    kind: "ambiguous",
    code: "connector_fault",
    reason: `the connector failed (${error instanceof Error ? error.name : "unknown"})`,
  };
}

/** As {@link outcomeOfSalesforceError}, for reading: nothing is unclear then, and a refusal is about permissions, not about a call. */
export function outcomeOfReading(error: unknown, options: { what: string; fix: string }): Outcome {
  const { what, fix } = options;
  const outcome = outcomeOfSalesforceError(error);
  if (outcome.kind === "rejected") {
    const names = error instanceof SalesforceError && error.fields.length > 0 ? `: ${error.fields.join(", ")}` : "";
    return { kind: "needs-fix", code: outcome.code, reason: `Salesforce refuses ${what} (${outcome.code}${names})`, fix };
  }
  if (outcome.kind === "ambiguous") {
    return {
      kind: "retry",
      because: "record",
      code: outcome.code,
      reason: `Salesforce was asked for ${what} and gave no answer; the call was not written`,
    };
  }
  return outcome;
}

function outcomeOfRefusal(error: SalesforceError): Outcome {
  const { status, code, limit, retryAfterMs } = error;
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };

  if (limit === "daily") {
    const reason = "the org has used up its API requests of the last 24 hours";
    return { kind: "retry", because: "rate-limit", code, reason, retryAfterMs: retryAfterMs ?? DAILY_LIMIT_MS };
  }
  if (TOO_MUCH.has(code)) {
    const reason = "too many long requests of the org run at once";
    return { kind: "retry", because: "rate-limit", code, reason, retryAfterMs: retryAfterMs ?? CONCURRENT_LIMIT_MS };
  }
  if (status === 429) return { kind: "retry", because: "rate-limit", code, reason: "Salesforce asks to send more slowly", ...wait };
  if (DOWN.has(code) || DOWN_STATUSES.has(status ?? 0)) {
    return { kind: "retry", because: "down", code, reason: `Salesforce is not available (${code})`, ...wait };
  }
  if ((status ?? 0) >= 500 && !(LATER.has(code) && code !== "UNKNOWN_EXCEPTION")) {
    return { kind: "retry", because: "server", code, reason: `Salesforce could not write it now (${code})`, ...wait };
  }
  if (LATER.has(code)) return { kind: "retry", because: "record", code, reason: `Salesforce could not write it now (${code})`, ...wait };
  if (STALE.has(code)) {
    const reason = `what the call is logged on is not in Salesforce any more (${code}): the next try looks again`;
    return { kind: "retry", because: "record", code, reason };
  }
  if (code === "BATCH_REFUSED") {
    const reason = "other calls of its batch have values that spoil it, and looking for them has taken enough requests: it is sent again";
    return { kind: "retry", because: "record", code: "batch_refused", reason };
  }
  if (code === "NOT_PUT_BACK") {
    const reason = "the Task was deleted in Salesforce and is made again: its person comes with the next try";
    return { kind: "retry", because: "record", code: "not_put_back", reason };
  }
  // The answer does not say whether it was refused. Written once more it is the same Task.
  if (code === "NO_CODE" || code === "UNREADABLE_ANSWER" || code === "ANSWER_TOO_LARGE") {
    return { kind: "ambiguous", code, reason: "Salesforce's answer cannot be read" };
  }
  if (status !== undefined && status > 300 && status < 400) {
    const fix = "Set login_url to the org's present My Domain address: https://<your domain>.my.salesforce.com";
    return { kind: "needs-fix", code, reason: "Salesforce sends us to another address", fix };
  }
  return outcomeOfCode(error);
}

function outcomeOfCode({ status, code, fields }: SalesforceError): Outcome {
  // A missing record concerns one call; a missing address concerns all.
  const fix = code === "NOT_FOUND" && status === undefined ? undefined : FIXES[code];
  if (fix !== undefined) {
    const isFull = code === "STORAGE_LIMIT_EXCEEDED" || code === "EXCEEDED_QUOTA";
    const reason = isFull ? "the org's data storage is full" : `Salesforce does not let us in (${code})`;
    return { kind: "needs-fix", code, reason, fix };
  }
  // Salesforce answers 400 with a code for the contents of a request. Any other refusal of a whole request is no call's fault.
  if (status !== undefined && status !== 300 && (status !== 400 || code === "HTTP_400")) {
    const reason = `Salesforce does not let us in (${code})`;
    return { kind: "needs-fix", code, reason, fix: "Look at login_url, base_url, api_version and the integration user's permissions" };
  }
  const names = fields.length > 0 ? `: ${fields.join(", ")}` : "";
  return { kind: "rejected", code, reason: `${REASONS[code] ?? `Salesforce refuses the Task (${code})`}${names}` };
}
