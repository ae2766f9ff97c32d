import { type Outcome, outcomeOfNetworkError, parseRetryAfterMs } from "../../src/connector.ts";

/** What a token needs, as HubSpot names it (Calls and Properties APIs). */
export const SCOPES = ["crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.write"];

/** One refusal as HubSpot words it; every part may be missing (https://developers.hubspot.com/docs/api-reference/error-handling). */
interface HubSpotProblem {
  category?: string;
  correlationId?: string;
  policyName?: string;
  message?: string;
  context?: Record<string, unknown>;
  errors?: { code?: string; context?: Record<string, unknown> }[];
}

const SECOND = 1_000;
/** The daily limit ends at midnight in the account's own time zone, which we do not know: asking once an hour costs nothing. */
const DAILY_MS = 3_600 * SECOND;

/** What an error of the SDK means. Total: any value has an outcome. HubSpot's own sentences may quote the call, and are not passed on. */
export function outcomeOfHubSpotError(error: unknown): Outcome {
  const network = outcomeOfNetworkError(error);
  if (network) return network;
  if (!isApiException(error)) {
    // The SDK fails like this on an answer without a content type, and on JSON that is cut off. All that is sent may be sent again.
    return { kind: "retry", because: "record", code: "unreadable_answer", reason: "HubSpot's answer cannot be read" };
  }
  const problem = problemOf(error.body);
  const status = error.code;
  const code = `http_${status}`;
  const reason = describe(problem, `HubSpot answered ${status}`);
  const retryAfterMs = parseRetryAfterMs(error.headers?.["retry-after"], Date.now());

  if (status === 401) return unauthorized(code, reason);
  if (status === 403) return forbidden(problem, code, reason);
  if (status === 429) return rateLimited(problem, retryAfterMs);
  if (status >= 500 || [408, 409, 423, 477].includes(status)) {
    // "Wait at least 2 seconds" for a locked record.
    const waitMs = retryAfterMs ?? (status === 423 ? 2 * SECOND : undefined);
    const because = status >= 500 ? "server" : "record";
    return { kind: "retry", because, code, reason, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
  }
  return refused(problem, code, reason);
}

/** The same for a question that comes before writing: without an answer, the attempt is not ambiguous. */
export function outcomeOfReadError(error: unknown): Outcome {
  const outcome = outcomeOfHubSpotError(error);
  if (outcome.kind !== "ambiguous") return outcome;
  return { kind: "retry", because: "record", code: outcome.code, reason: "HubSpot did not answer before the call was written" };
}

/** What one entry of a 207's `errors` means. They have no status of their own; what is not known to be final may be tried again. */
export function outcomeOfItemError(item: unknown): Outcome {
  const problem = problemOf(item);
  const code = problem.category ?? "item_error";
  const reason = describe(problem, "HubSpot refused this call of a batch");
  switch (problem.category) {
    case "VALIDATION_ERROR":
    case "OBJECT_NOT_FOUND":
    case "INVALID_INPUT":
      return refused(problem, code, reason);
    case "MISSING_SCOPES":
      return forbidden(problem, code, reason);
    case "INVALID_AUTHENTICATION":
    case "EXPIRED_AUTHENTICATION":
      return unauthorized(code, reason);
    case "RATE_LIMITS":
      return rateLimited(problem, undefined);
    default:
      return { kind: "retry", because: "record", code, reason };
  }
}

/** Properties that HubSpot does not know, if that is what it complains of. */
export function missingPropertiesIn(error: unknown): string[] {
  if (!isApiException(error)) return [];
  const details = detailsOf(problemOf(error.body));
  return details.filter(({ code }) => code === "PROPERTY_DOESNT_EXIST").flatMap(({ property }) => property ?? []);
}

function unauthorized(code: string, reason: string): Outcome {
  const fix = `Give access_token the token of a private app (HubSpot: Settings → Integrations → Private Apps) with the scopes ${SCOPES.join(", ")}`;
  return { kind: "unauthorized", code, reason, fix };
}

function forbidden(problem: HubSpotProblem, code: string, reason: string): Outcome {
  const named = [problem, ...(problem.errors ?? [])].flatMap(({ context }) =>
    Object.entries(context ?? {}).flatMap(([key, value]) => (/scopes$/i.test(key) && Array.isArray(value) ? value : [])),
  );
  const scopes = [...new Set(named.filter((scope) => typeof scope === "string" && /^[a-z0-9_.-]{1,60}$/i.test(scope)))];
  if (scopes.length === 0) return unauthorized(code, reason);
  return { kind: "unauthorized", code, reason, fix: `Give the private app in HubSpot the scope ${scopes.join(" or ")}` };
}

function rateLimited(problem: HubSpotProblem, retryAfterMs: number | undefined): Outcome {
  if (problem.policyName === "DAILY") {
    const reason = "HubSpot's limit of requests a day is used up";
    return { kind: "retry", because: "rate-limit", code: "rate_limit_daily", reason, retryAfterMs: retryAfterMs ?? DAILY_MS };
  }
  const isSearch = problem.message?.includes(" secondly limit") === true || problem.policyName === "SECONDLY";
  return {
    kind: "retry",
    because: "rate-limit",
    scope: isSearch ? "call" : "destination",
    code: isSearch ? "rate_limit_search" : "rate_limit",
    reason: isSearch ? "HubSpot takes five searches a second" : "HubSpot's limit of requests in ten seconds is used up",
    retryAfterMs: retryAfterMs ?? (isSearch ? SECOND : 10 * SECOND),
  };
}

function refused(problem: HubSpotProblem, code: string, reason: string): Outcome {
  const missing = detailsOf(problem).some((detail) => detail.code === "PROPERTY_DOESNT_EXIST");
  return {
    kind: "rejected",
    code,
    reason: missing ? `${reason}: make the property on calls in HubSpot, or take it out of fields` : reason,
  };
}

/** Our words with HubSpot's codes: `HubSpot answered 400: VALIDATION_ERROR, INVALID_OPTION (hs_call_status), correlation id 4f…`. */
function describe(problem: HubSpotProblem, what: string): string {
  const details = detailsOf(problem).map(({ code, property }) => (property === undefined ? code : `${code} (${property})`));
  const parts = [problem.category, ...new Set(details)].filter((part) => part !== undefined);
  if (problem.correlationId !== undefined) parts.push(`correlation id ${problem.correlationId}`);
  return parts.length === 0 ? what : `${what}: ${parts.join(", ")}`;
}

/** Codes and property names, from `errors` or from the JSON that HubSpot writes into `message`; never a value. */
function detailsOf(problem: HubSpotProblem): { code: string; property?: string }[] {
  const listed = (problem.errors ?? []).flatMap(({ code, context }) => {
    const names = Array.isArray(context?.propertyName) ? context.propertyName : [];
    const property = names.find((name) => typeof name === "string" && PROPERTY.test(name));
    return code !== undefined && CODE.test(code) ? [{ code, ...(property === undefined ? {} : { property }) }] : [];
  });
  if (listed.length > 0) return listed;
  // `Property values were not valid: [{"isValid":false,"message":"…","error":"PROPERTY_DOESNT_EXIST","name":"x",…}]`; a quote in a value is escaped there.
  const inMessage = problem.message?.matchAll(/"error":"([A-Z_]{1,60})","name":"([a-z0-9_]{1,100})"/g) ?? [];
  return [...inMessage].map(([, code = "", property]) => ({ code, ...(property === undefined ? {} : { property }) }));
}

const CODE = /^[A-Z][A-Z0-9_]{1,59}$/;
const PROPERTY = /^[a-z][a-z0-9_]{0,99}$/;

/** Reads what there is; a page of HTML, or nothing, has no parts. */
function problemOf(body: unknown): HubSpotProblem {
  if (typeof body !== "object" || body === null) return {};
  const from = body as Record<string, unknown>;
  const text = (key: string, form: RegExp) => {
    const value = from[key];
    return typeof value === "string" && form.test(value) ? { [key]: value } : {};
  };
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  return {
    ...text("category", CODE),
    ...text("policyName", CODE),
    ...text("correlationId", /^[0-9a-f-]{8,64}$/i),
    ...text("message", /^/),
    ...(isObject(from.context) ? { context: from.context } : {}),
    ...(Array.isArray(from.errors) ? { errors: from.errors.filter(isObject) } : {}),
  };
}

/** The HTTP status of an SDK's error; undefined when there was no answer. */
export function statusOf(error: unknown): number | undefined {
  return isApiException(error) ? error.code : undefined;
}

/** The SDK's `ApiException`: each of its parts has a class of its own, so that `instanceof` does not help. */
function isApiException(error: unknown): error is Error & { code: number; body: unknown; headers?: Record<string, string> } {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "body" in error;
}
