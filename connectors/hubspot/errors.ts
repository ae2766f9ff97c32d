import { type Outcome, outcomeOfNetworkError, parseRetryAfterMs, RateLimitWaitError, RematchError } from "../../src/connector/index.ts";
import { CALL_ID_PROPERTY, NOT_SET_UP } from "./call-id.ts";
import { describe, detailsOf, type HubSpotProblem, HubSpotRefusal, problemOf, requiredIn, UnreadableAnswerError } from "./vendor-error.ts";

/** What a token needs, as HubSpot names it (Calls, Owners and Properties APIs); the last one for `patchbay setup` only. */
const SCOPES = ["crm.objects.contacts.read", "crm.objects.contacts.write", "crm.objects.owners.read", "crm.schemas.contacts.write"];
const KEY_FIX = `Give access_token a service key (HubSpot: Development → Keys → Service keys), or a projects app's token, with the scopes ${SCOPES.join(", ")}`;
const READ_FIX = "Look whether HubSpot has changed what the reason names, and whether base_url leads to HubSpot's API";
const EDGE_FIX =
  "Look at status.hubspot.com, and whether a proxy, a firewall or the account's list of allowed addresses stands between: it is not HubSpot's API that answers";

/** An outcome's code: a rule of the account requires a property that the record lacks. */
export const REQUIRED_PROPERTY = "required_property";

const SECOND = 1_000;
/** The daily limit ends at midnight in the account's own time zone: asking once an hour costs nothing. */
const DAILY_MS = 3_600 * SECOND;
/** A move to another data centre takes up to 24 hours. The wait if HubSpot names none. */
const MIGRATION_MS = 900 * SECOND;

/** HubSpot itself, its region or its edge is away, and no call is at fault (error-handling guide; 527 and 530 as Cloudflare has them). */
const AWAY = new Set([477, 503, 521, 522, 523, 525, 526, 527, 530]);
/** By the guide HubSpot is overloaded; but a single call that is too much for it looks the same. */
const OVERLOADED = new Set([502, 504, 520, 524]);
const OF_THIS_CALL = new Set([408, 409, 425]);
const REFUSED = new Set([400, 413, 422]);

/** What an error of a request means. Total: any value has an outcome. HubSpot's own sentences may quote the call, and are not passed on. */
export function outcomeOfHubSpotError(error: unknown): Outcome {
  if (error instanceof RateLimitWaitError) return paced(error.waitMs);
  if (error instanceof HubSpotRefusal) return outcomeOfStatus(error);
  const network = error instanceof UnreadableAnswerError ? undefined : outcomeOfNetworkError(error);
  // Every request may be sent again.
  return network ?? { kind: "retry", because: "record", code: "unreadable_answer", reason: "HubSpot's answer cannot be read" };
}

function outcomeOfStatus({ status, headers, body, isAlive }: HubSpotRefusal): Outcome {
  const problem = problemOf(body);
  const code = `http_${status}`;
  const reason = describe(problem, `HubSpot answered ${status}`);
  const asked = parseRetryAfterMs(headers.get("retry-after"), Date.now());
  const wait = (ms = asked) => (ms === undefined ? {} : { retryAfterMs: ms });

  if (status === 429) return rateLimited(problem, asked);
  // Too many writes lock records for two seconds: "a delay of at least 2 seconds between your API requests".
  if (status === 423) {
    const reason = "HubSpot has locked records because too many are written at once";
    return { kind: "retry", because: "rate-limit", code, reason, retryAfterMs: Math.max(asked ?? 0, 2 * SECOND) };
  }
  if (status === 477) {
    const reason = "HubSpot is moving the account to another data centre (477), which takes up to 24 hours";
    return { kind: "retry", because: "down", code, reason, ...wait(asked ?? MIGRATION_MS) };
  }
  if (AWAY.has(status) || (OVERLOADED.has(status) && !isAlive)) return { kind: "retry", because: "down", code, reason, ...wait() };
  if (status >= 500) return { kind: "retry", because: "server", code, reason, ...wait() };
  if (OF_THIS_CALL.has(status)) return { kind: "retry", because: "record", code, reason, ...wait() };
  if (REFUSED.has(status)) return refused(problem, code, reason);
  if (status === 401) return { kind: "needs-fix", code, reason, fix: keyFix(problem) };
  if (status === 403)
    return forbidden(problem, code, body === undefined ? `${reason}, without its API's words` : reason, body === undefined);
  if (status < 400) {
    const reason = `HubSpot's address sends us to another one (${status}), and calls are not sent there`;
    return { kind: "needs-fix", code, reason, fix: "Correct base_url: it has to lead to HubSpot's API itself" };
  }
  // 404, 405, 410, 414, 431 and others: our addresses and headers hold nothing of a call, so that every call would fail alike.
  return { kind: "needs-fix", code, reason, fix: READ_FIX };
}

/** Whether HubSpot may have carried out a request although its answer does not say so. */
export function mayHaveArrived(outcome: Outcome): boolean {
  if (outcome.kind !== "retry") return outcome.kind === "ambiguous";
  return outcome.because === "server" || MAY_HAVE_ARRIVED.has(outcome.code);
}

const MAY_HAVE_ARRIVED = new Set(["unreadable_answer", "no_result", "http_408", ...[...OVERLOADED].map((status) => `http_${status}`)]);

/**
 * The same for a question before writing: without an answer the attempt is not ambiguous, and a refusal is not one call's fault: it stops the
 * destination until somebody corrects it, instead of losing each call.
 */
export function outcomeOfReadError(error: unknown, options: { fix?: string } = {}): Outcome {
  const outcome = outcomeOfHubSpotError(error);
  if (outcome.kind === "rejected") {
    const reason = describe(
      problemOf(error instanceof HubSpotRefusal ? error.body : undefined),
      "HubSpot refuses what it is asked before a call is written",
    );
    return { kind: "needs-fix", code: outcome.code, reason, fix: options.fix ?? READ_FIX };
  }
  if (outcome.kind !== "ambiguous") return outcome;
  return { kind: "retry", because: "record", code: outcome.code, reason: "HubSpot did not answer before the call was written" };
}

/** What one entry of a 207's `errors` means. It has no status of its own; unless it is known to be final it may be tried again. */
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
      return forbidden(problem, code, reason, false);
    case "INVALID_AUTHENTICATION":
    case "EXPIRED_AUTHENTICATION":
      return { kind: "needs-fix", code, reason, fix: keyFix(problem) };
    case "RATE_LIMITS":
      return rateLimited(problem, undefined);
    default:
      return { kind: "retry", because: "record", code, reason };
  }
}

function paced(retryAfterMs: number): Outcome {
  const reason = "HubSpot's limit of requests in ten seconds would be reached";
  return { kind: "retry", because: "rate-limit", code: "rate_pace", reason, retryAfterMs: Math.ceil(retryAfterMs) };
}

function keyFix({ category }: HubSpotProblem): string {
  return category === "EXPIRED_AUTHENTICATION" ? `${KEY_FIX}: the one it has is expired, as OAuth tokens are after half an hour` : KEY_FIX;
}

function forbidden(problem: HubSpotProblem, code: string, reason: string, isEdge: boolean): Outcome {
  const named = [problem, ...(problem.errors ?? [])].flatMap(({ context }) =>
    Object.entries(context ?? {}).flatMap(([key, value]) => (/scopes$/i.test(key) && Array.isArray(value) ? value : [])),
  );
  const scopes = [...new Set(named.filter((scope) => typeof scope === "string" && /^[a-z0-9_.-]{1,60}$/i.test(scope)))];
  const fix = isEdge ? `${EDGE_FIX}. ${KEY_FIX}` : KEY_FIX;
  if (scopes.length === 0) return { kind: "needs-fix", code, reason, fix };
  return { kind: "needs-fix", code, reason, fix: `Give the service key (or the app) in HubSpot the scope ${scopes.join(" or ")}` };
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

/** `Unable to perform update/upsert by non-unique 0-48 property voice_call_id`; not behind a quote or bracket, where values are. */
const NOT_UNIQUE = /^[^"'[{]*\bnon-unique\b/;

function refused(problem: HubSpotProblem, code: string, reason: string): Outcome {
  const absent = detailsOf(problem).filter((detail) => detail.code === "PROPERTY_DOESNT_EXIST");
  if (absent.some(({ property }) => property === CALL_ID_PROPERTY) || NOT_UNIQUE.test(problem.message ?? "")) return NOT_SET_UP;
  const required = requiredIn(problem);
  if (required.length > 0) return ruleOfAccount(required);
  if (/^Missing 'Edit Associations' permission/.test(problem.message ?? "")) return MAY_NOT_ASSOCIATE;
  const hint = absent.length > 0 ? ": make the property on calls in HubSpot, or take it out of fields" : "";
  return { kind: "rejected", code, reason: reason + hint };
}

/**
 * A rule of the account's administrator, which every such call breaks: the calls wait instead of becoming dead letters one by one. The fix can only
 * name the property: its value is up to the administrator, or to the route.
 */
function ruleOfAccount(required: { property: string; isConditional: boolean }[]): Outcome {
  const names = [...new Set(required.map(({ property }) => property))].join(", ");
  const isConditional = required.some((one) => one.isConditional);
  const reason = `a rule of the HubSpot account requires ${names}, and this call has no value for it`;
  const where = isConditional
    ? "HubSpot: Settings → Properties → Call properties, the conditional logic of the property that asks for it"
    : "HubSpot: Settings → Objects → Activities → Calls, what is required when one is made";
  const fix = `Take the requirement away (${where}), or give the property a value under outcome, owner or fields in routes.yaml`;
  return { kind: "needs-fix", code: REQUIRED_PROPERTY, reason, fix };
}

const MAY_NOT_ASSOCIATE: Outcome = {
  kind: "needs-fix",
  code: "edit_associations",
  reason: "the HubSpot user whose token this is may not put records on one another (Missing 'Edit Associations' permission)",
  fix: "Give that user the permission Edit associations (HubSpot: Settings → Users & Teams), or give access_token a service key",
};

/** For commands of a person: throws a refusal as an error in our words, with what to do. */
export async function withReadableErrors<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof RematchError || !(error instanceof HubSpotRefusal)) throw error;
    const outcome = outcomeOfHubSpotError(error);
    const reason = "reason" in outcome ? outcome.reason : outcome.kind;
    throw new Error(outcome.kind === "needs-fix" ? `${reason}. ${outcome.fix}` : reason);
  }
}
