import { OpenError, type Outcome, outcomeOfNetworkError } from "../../src/connector.ts";
import { SalesforceError } from "./errors.ts";

/** The daily limit counts the last 24 hours: room comes back little by little. */
const DAILY_LIMIT_MS = 15 * 60_000;
const CONCURRENT_LIMIT_MS = 5_000;

const LOCKS = new Set(["UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT", "UNKNOWN_EXCEPTION"]);

/** A permission or a setting is missing: every call fails alike until a person mends it. */
const FIXES: Record<string, string> = {
  INVALID_SESSION_ID: "Look at the app's session policies and the integration user's login hours and IP ranges (Setup → Login History)",
  INVALID_AUTH_HEADER: "Look whether a proxy at base_url changes the Authorization header",
  API_DISABLED_FOR_ORG: "Give the integration user the permission API Enabled; the org's edition must have the API",
  API_CURRENTLY_DISABLED: "Give the integration user the permission API Enabled; the org's edition must have the API",
  INSUFFICIENT_ACCESS:
    "Give the integration user the permissions Edit Tasks and Access Activities, and access to the people that calls are logged on",
  INSUFFICIENT_ACCESS_OR_READONLY:
    "Give the integration user the permissions Edit Tasks and Access Activities, and access to the people that calls are logged on",
  UNSUPPORTED_API_VERSION: "Set api_version to one that the org has",
  STORAGE_LIMIT_EXCEEDED: "Make room or buy storage (Setup → Storage Usage); calls wait meanwhile",
  NOT_FOUND:
    "Look whether external_id_field still exists on Activity, is visible to the integration user, and api_version is one that the org has",
};

/** What is wrong with one Task, in our words; Salesforce's own may quote the call. */
const REASONS: Record<string, string> = {
  INVALID_FIELD:
    "Task has no such field, or the integration user cannot see it: look at its API name, and give the user Read and Edit access to it (field-level security)",
  INVALID_FIELD_FOR_INSERT_UPDATE:
    "the integration user may not write this field: give the user Edit access to it (field-level security), if it is one that can be written",
  REQUIRED_FIELD_MISSING: "the org requires a field that is not set: set it under `fields`",
  STRING_TOO_LONG: "a value is longer than its field",
  INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST: "a value is not in its field's picklist",
  FIELD_CUSTOM_VALIDATION_EXCEPTION:
    "a validation rule of the org refuses the Task: set what it asks for under `fields`, or exempt the integration user",
  CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: "a trigger or flow of the org failed on the Task",
  DUPLICATE_VALUE: "a field that must be unique has this value on another Task",
  MULTIPLE_CHOICES: "several Tasks have this call's key: delete all but one in Salesforce, then replay",
  DUPLICATE_EXTERNAL_ID: "several Tasks have this call's key: delete all but one in Salesforce, then replay",
  JSON_PARSER_ERROR: "a value is not of its field's type",
};

const READ_ONLY =
  "this Task may not be edited by the integration user (its owner, a record type, an approval or a sharing rule stands before it): unlock it there, then replay";

/**
 * Total: what follows from whatever a request to Salesforce, or one record of it, ended with. `isUpdate`: of a record that was once written, so
 * that a refusal of access is about that one; on a new record it is about the integration user, and everybody meets it.
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

/** As {@link outcomeOfSalesforceError}, for what is only read: nothing is unclear then, and a refusal is about permissions, not about a call. */
export function outcomeOfReading(error: unknown, options: { what: string; fix: string }): Outcome {
  const { what, fix } = options;
  const outcome = outcomeOfSalesforceError(error);
  if (outcome.kind === "rejected") {
    return { kind: "unauthorized", code: outcome.code, reason: `Salesforce refuses ${what} (${outcome.code})`, fix };
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
  if (limit === "concurrent") {
    const reason = "too many long requests of the org run at once";
    return { kind: "retry", because: "rate-limit", code, reason, retryAfterMs: retryAfterMs ?? CONCURRENT_LIMIT_MS };
  }
  if (status === 429) return { kind: "retry", because: "rate-limit", code, reason: "Salesforce asks to send more slowly", ...wait };
  if (status === 503 || code === "SERVER_UNAVAILABLE") {
    return { kind: "retry", because: "down", code, reason: `Salesforce is not available (${code})`, ...wait };
  }
  if (LOCKS.has(code) || status === 420 || (status ?? 0) >= 500) {
    const because = LOCKS.has(code) || status === 420 ? "record" : "server";
    return { kind: "retry", because, code, reason: `Salesforce could not write it now (${code})`, ...wait };
  }
  if (code === "BATCH_REFUSED") {
    const reason = "other calls of its batch have values that spoil it, and looking for them has taken enough requests: it is sent again";
    return { kind: "retry", because: "record", code: "batch_refused", reason };
  }
  if (code === "NOT_PUT_BACK") {
    const reason = "the Task was deleted in Salesforce and is made again: on whom it was comes with the next try";
    return { kind: "retry", because: "record", code: "not_put_back", reason };
  }
  // Refused or not: the answer does not say. Written once more it is the same Task.
  if (code === "NO_CODE" || code === "UNREADABLE_ANSWER" || code === "ANSWER_TOO_LARGE") {
    return { kind: "ambiguous", code, reason: "Salesforce's answer cannot be read" };
  }
  if (status !== undefined && status > 300 && status < 400) {
    const fix = "Set login_url to the org's present My Domain address: https://<your domain>.my.salesforce.com";
    return { kind: "unauthorized", code, reason: "Salesforce sends us to another address", fix };
  }
  return outcomeOfCode(error);
}

function outcomeOfCode({ status, code, fields }: SalesforceError): Outcome {
  // A record that is not found is the record's trouble; an address that is not found is everybody's.
  const fix = code === "NOT_FOUND" && status === undefined ? undefined : FIXES[code];
  if (fix !== undefined) {
    const reason = code === "STORAGE_LIMIT_EXCEEDED" ? "the org's data storage is full" : `Salesforce does not let us in (${code})`;
    return { kind: "unauthorized", code, reason, fix };
  }
  if (status === 401 || status === 403 || status === 404 || status === 410) {
    const reason = `Salesforce does not let us in (${code})`;
    return { kind: "unauthorized", code, reason, fix: "Look at login_url, base_url, api_version and the integration user's permissions" };
  }
  const names = fields.length > 0 ? `: ${fields.join(", ")}` : "";
  return { kind: "rejected", code, reason: `${REASONS[code] ?? `Salesforce refuses the Task (${code})`}${names}` };
}
