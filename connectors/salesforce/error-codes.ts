/**
 * Salesforce's error codes by what they concern: the org, every call until a person acts, or one record. From ExceptionCode and StatusCode of the SOAP
 * API Developer Guide ("Core Data Types Used in API Calls"), which the REST API shares. A code that is not listed concerns one record.
 */

/** The org is away for a while: maintenance, a site switch, a migration. No call is at fault, and nobody needs to act. */
export const DOWN = new Set([
  "SERVER_UNAVAILABLE",
  // Read-only mode: "Updates can't be made during maintenance", of each record; twice a year at a site switch (help: "Read-Only Mode").
  "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
  "ORG_IN_MAINTENANCE",
  // The org has moved to another instance: the next login says where.
  "ORG_NOT_OWNED_BY_INSTANCE",
  "ORG_IS_SIGNING_UP",
  "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE",
  "SSO_SERVICE_DOWN",
  "DATACLOUD_API_UNAVAILABLE",
]);

/** One record, later: another transaction holds its row, or the org's own automation took too long. */
export const LATER = new Set([
  "UNABLE_TO_LOCK_ROW",
  "QUERY_TIMEOUT",
  "REQUEST_RUNNING_TOO_LONG",
  "UNKNOWN_EXCEPTION",
  "LIMIT_EXCEEDED",
  "CONCURRENT_UPDATE",
  "PROCESSING_HALTED",
  // Of the org's triggers, for a whole batch: fewer calls at a time stay below it.
  "APEX_LIMIT_EXCEEDED",
  "ALL_OR_NONE_OPERATION_ROLLED_BACK",
]);

/** The record that the call was to be logged on was merged, deleted, converted or hidden since it was looked up: the next try looks it up again. */
export const STALE = new Set([
  "INVALID_CROSS_REFERENCE_KEY",
  "ENTITY_IS_DELETED",
  "CANNOT_UPDATE_CONVERTED_LEAD",
  "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
  "INVALID_CROSS_REFERENCE_TYPE_FOR_FIELD",
]);

/** Too much at once. Only the message distinguishes the daily limit (`vendor-error.ts`). */
export const TOO_MUCH = new Set(["REQUEST_LIMIT_EXCEEDED", "TOO_MANY_APEX_REQUESTS", "EXCEEDED_RATE_LIMIT"]);

const LOGIN = "Look at the app's session policies and the integration user's login hours and IP ranges (Setup → Login History)";
const POLICY = "A transaction security policy of the org stops the integration user: exempt it (Setup → Transaction Security Policies)";
const API = "Give the integration user the permission API Enabled; the org's edition must have the API";
const ORG = "The org is locked, suspended or its trial is over: ask its administrator, or Salesforce";
const ACCESS =
  "Give the integration user the permissions Edit Tasks and Access Activities, and access to the people that calls are logged on";
const STORAGE = "Make room or buy storage (Setup → Storage Usage); calls wait meanwhile";

/** A permission, a setting or a bill is missing: every call fails alike until a person acts. */
export const FIXES: Record<string, string> = {
  INVALID_SESSION_ID: LOGIN,
  INVALID_AUTH_HEADER: "Look whether a proxy at base_url changes the Authorization header",
  LOGIN_DURING_RESTRICTED_TIME: LOGIN,
  LOGIN_DURING_RESTRICTED_DOMAIN: LOGIN,
  LOGIN_CHALLENGE_ISSUED: LOGIN,
  LOGIN_CHALLENGE_PENDING: LOGIN,
  PASSWORD_LOCKOUT: LOGIN,
  INVALID_OPERATION_WITH_EXPIRED_PASSWORD: "Reset the integration user's password, or let it never expire (Setup → Users)",
  CLIENT_NOT_ACCESSIBLE_FOR_USER: "Let the integration user use the app (Setup → External Client App Manager → your app → Policies)",
  MUTUAL_AUTHENTICATION_FAILED:
    "The integration user must not need a client certificate (permission Enforce SSL/TLS Mutual Authentication)",
  TXN_SECURITY_NO_ACCESS: POLICY,
  TXN_SECURITY_END_A_SESSION: POLICY,
  TXN_SECURITY_RUNTIME_EXCEPTION: POLICY,
  TXN_SECURITY_METERING_ERROR: POLICY,
  API_DISABLED_FOR_ORG: API,
  API_CURRENTLY_DISABLED: API,
  FUNCTIONALITY_NOT_ENABLED: API,
  ORG_LOCKED: ORG,
  ORG_SUSPENDED: ORG,
  TRIAL_EXPIRED: ORG,
  ORG_IS_DOT_ORG: ORG,
  LICENSE_LIMIT_EXCEEDED: "The org has used up a licence that Tasks need: ask its administrator",
  INSUFFICIENT_ACCESS: ACCESS,
  INSUFFICIENT_ACCESS_OR_READONLY: ACCESS,
  UNSUPPORTED_API_VERSION: "Set api_version to one that the org has",
  UNSUPPORTED_CLIENT: "Set api_version to one that the org has",
  STORAGE_LIMIT_EXCEEDED: STORAGE,
  EXCEEDED_QUOTA: STORAGE,
  NOT_FOUND:
    "Look whether external_id_field still exists on Activity, is visible to the integration user, and api_version is one that the org has",
};

/** What is wrong with one Task, in our words; Salesforce's own may quote the call. */
export const REASONS: Record<string, string> = {
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
  ENTITY_IS_LOCKED: "the Task is locked by an approval process of the org: unlock it there, then replay",
};
