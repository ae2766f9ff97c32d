import { type Outcome, outcomeOfNetworkError, parseRetryAfterMs, RematchError } from "../../src/connector.ts";
import { CALL_ID_PROPERTY, NOT_SET_UP } from "./call-id.ts";
import { TooManyWaitError } from "./pace.ts";
import { describe, detailsOf, type HubSpotProblem, problemOf } from "./problem.ts";

/** What a token needs, as HubSpot names it (Calls, Owners and Properties APIs); the last one for `patchbay setup` only. */
const SCOPES = ["crm.objects.contacts.read", "crm.objects.contacts.write", "crm.objects.owners.read", "crm.schemas.contacts.write"];

const READ_FIX = "Look whether HubSpot has changed what the reason names, and whether base_url leads to HubSpot's API";

const SECOND = 1_000;
/** The daily limit ends at midnight in the account's own time zone, which we do not know: asking once an hour costs nothing. */
const DAILY_MS = 3_600 * SECOND;

/** What an error of the SDK means. Total: any value has an outcome. HubSpot's own sentences may quote the call, and are not passed on. */
export function outcomeOfHubSpotError(error: unknown): Outcome {
  if (error instanceof TooManyWaitError) return paced(error.waitMs);
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

/**
 * The same for a question that comes before writing: without an answer, the attempt is not ambiguous, and what is refused is not one call's fault:
 * it stops the destination until somebody mends it, instead of losing each call.
 */
export function outcomeOfReadError(error: unknown, options: { fix?: string } = {}): Outcome {
  const outcome = outcomeOfHubSpotError(error);
  if (outcome.kind === "rejected") {
    const reason = describe(
      problemOf(isApiException(error) ? error.body : undefined),
      "HubSpot refuses what it is asked before a call is written",
    );
    return { kind: "unauthorized", code: outcome.code, reason, fix: options.fix ?? READ_FIX };
  }
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

/** What HubSpot complains of in an error of the SDK or in one entry of a 207's `errors`: its code, and the property. */
export function complaintsIn(error: unknown): { code: string; property?: string }[] {
  return detailsOf(problemOf(isApiException(error) ? error.body : error));
}

function paced(retryAfterMs: number): Outcome {
  const reason = "HubSpot's limit of requests in ten seconds would be reached";
  return { kind: "retry", because: "rate-limit", code: "rate_pace", reason, retryAfterMs: Math.ceil(retryAfterMs) };
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

/** `Unable to perform update/upsert by non-unique 0-48 property voice_call_id`; not behind a quote or bracket, where values stand. */
const NOT_UNIQUE = /^[^"'[{]*\bnon-unique\b/;

function refused(problem: HubSpotProblem, code: string, reason: string): Outcome {
  const absent = detailsOf(problem).filter((detail) => detail.code === "PROPERTY_DOESNT_EXIST");
  if (absent.some(({ property }) => property === CALL_ID_PROPERTY) || NOT_UNIQUE.test(problem.message ?? "")) return NOT_SET_UP;
  const missing = absent.length > 0;
  return {
    kind: "rejected",
    code,
    reason: missing ? `${reason}: make the property on calls in HubSpot, or take it out of fields` : reason,
  };
}

/** For what a person asks: the SDK's own errors print whole answers, which may quote a call. @throws with our words for it. */
export async function speakable<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof RematchError || !isApiException(error)) throw error;
    const outcome = outcomeOfHubSpotError(error);
    const reason = "reason" in outcome ? outcome.reason : outcome.kind;
    throw new Error(outcome.kind === "unauthorized" ? `${reason}. ${outcome.fix}` : reason);
  }
}

/** The HTTP status of an SDK's error; undefined when there was no answer. */
export function statusOf(error: unknown): number | undefined {
  return isApiException(error) ? error.code : undefined;
}

/** The SDK's `ApiException`: each of its parts has a class of its own, so that `instanceof` does not help. */
function isApiException(error: unknown): error is Error & { code: number; body: unknown; headers?: Record<string, string> } {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "body" in error;
}
