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

/** What an error of a request means. Total: any value has an outcome. HubSpot's own sentences may quote the call, and are not passed on. */
export function outcomeOfHubSpotError(error: unknown): Outcome {
  if (error instanceof RateLimitWaitError) return paced(error.waitMs);
  if (error instanceof HubSpotRefusal) return outcomeOfStatus(error);
  const network = error instanceof UnreadableAnswerError ? undefined : outcomeOfNetworkError(error);
  // Every request may be sent again.
  return network ?? { kind: "retry", because: "record", code: "unreadable_answer", reason: "HubSpot's answer cannot be read" };
}

/** One refusal, of a request or of a call in it. */
interface Refusal {
  problem: HubSpotProblem;
  code: string;
  /** Our words with HubSpot's codes. */
  reason: string;
  /** What the answer asks for. */
  retryAfterMs?: number | undefined;
  /** A page answers, not HubSpot's API. */
  isEdge?: boolean;
  /** The same address answered well a moment ago. */
  isAlive?: boolean;
}

/** What each status means (error-handling guide; 520 to 530 as Cloudflare has them). All that is not listed is in {@link outcomeOfStatus}. */
const BY_STATUS: { readonly [status: number]: (refusal: Refusal) => Outcome } = {
  400: refused,
  413: refused,
  422: refused,
  401: keyRefused,
  403: forbidden,
  408: later,
  409: later,
  425: later,
  423: locked,
  429: rateLimited,
  477: moving,
  502: overloaded,
  504: overloaded,
  520: overloaded,
  524: overloaded,
  503: away,
  521: away,
  522: away,
  523: away,
  525: away,
  526: away,
  527: away,
  530: away,
};

/** The same for one entry of a 207's `errors`, which has no status of its own. */
const BY_CATEGORY: { readonly [category: string]: (refusal: Refusal) => Outcome } = {
  VALIDATION_ERROR: refused,
  OBJECT_NOT_FOUND: refused,
  INVALID_INPUT: refused,
  MISSING_SCOPES: forbidden,
  INVALID_AUTHENTICATION: keyRefused,
  EXPIRED_AUTHENTICATION: keyRefused,
  RATE_LIMITS: rateLimited,
};

function outcomeOfStatus({ status, headers, body, isAlive }: HubSpotRefusal): Outcome {
  const problem = problemOf(body);
  const retryAfterMs = parseRetryAfterMs(headers.get("retry-after"), Date.now());
  const reason = describe(problem, `HubSpot answered ${status}`);
  const refusal = { problem, code: `http_${status}`, reason, retryAfterMs, isEdge: body === undefined, isAlive };
  const meaning = BY_STATUS[status] ?? (status >= 500 ? failed : status < 400 ? redirected : notOfACall);
  return meaning(refusal);
}

/** What one entry of a 207's `errors` means; unless it is known to be final it may be tried again. */
export function outcomeOfItemError(item: unknown): Outcome {
  const problem = problemOf(item);
  const { category = "item_error" } = problem;
  return (BY_CATEGORY[category] ?? later)({ problem, code: category, reason: describe(problem, "HubSpot refused this call of a batch") });
}

function away({ code, reason, retryAfterMs }: Refusal): Outcome {
  return { kind: "retry", because: "down", code, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function failed({ code, reason, retryAfterMs }: Refusal): Outcome {
  return { kind: "retry", because: "server", code, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function later({ code, reason, retryAfterMs }: Refusal): Outcome {
  return { kind: "retry", because: "record", code, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** By the guide HubSpot is overloaded; but a single call that is too much for it looks the same. */
function overloaded(refusal: Refusal): Outcome {
  return refusal.isAlive ? failed(refusal) : away(refusal);
}

function moving({ code, retryAfterMs = MIGRATION_MS }: Refusal): Outcome {
  return away({
    problem: {},
    code,
    reason: "HubSpot is moving the account to another data centre (477), which takes up to 24 hours",
    retryAfterMs,
  });
}

/** Too many writes lock records for two seconds: "a delay of at least 2 seconds between your API requests". */
function locked({ code, retryAfterMs = 0 }: Refusal): Outcome {
  const reason = "HubSpot has locked records because too many are written at once";
  return { kind: "retry", because: "rate-limit", code, reason, retryAfterMs: Math.max(retryAfterMs, 2 * SECOND) };
}

/** 404, 405, 410, 414, 431 and others: our addresses and headers hold nothing of a call, so that every call would fail alike. */
function notOfACall({ code, reason }: Refusal): Outcome {
  return { kind: "needs-fix", code, reason, fix: READ_FIX };
}

function redirected({ code }: Refusal): Outcome {
  const reason = `HubSpot's address sends us to another one (${code.replace("http_", "")}), and calls are not sent there`;
  return { kind: "needs-fix", code, reason, fix: "Correct base_url: it has to lead to HubSpot's API itself" };
}

/** Whether HubSpot may have carried out a request although its answer does not say so. */
export function mayHaveArrived(outcome: Outcome): boolean {
  if (outcome.kind !== "retry") return outcome.kind === "ambiguous";
  return outcome.because === "server" || MAY_HAVE_ARRIVED.has(outcome.code);
}

const MAY_HAVE_ARRIVED = new Set(["unreadable_answer", "no_result", "http_408", "http_502", "http_504", "http_520", "http_524"]);

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

function paced(retryAfterMs: number): Outcome {
  const reason = "HubSpot's limit of requests in ten seconds would be reached";
  return { kind: "retry", because: "rate-limit", code: "rate_pace", reason, retryAfterMs: Math.ceil(retryAfterMs) };
}

function keyRefused({ problem, code, reason }: Refusal): Outcome {
  const isExpired = problem.category === "EXPIRED_AUTHENTICATION";
  const fix = isExpired ? `${KEY_FIX}: the one it has is expired, as OAuth tokens are after half an hour` : KEY_FIX;
  return { kind: "needs-fix", code, reason, fix };
}

function forbidden({ problem, code, reason, isEdge = false }: Refusal): Outcome {
  const named = [problem, ...(problem.errors ?? [])].flatMap(({ context }) =>
    Object.entries(context ?? {}).flatMap(([key, value]) => (/scopes$/i.test(key) && Array.isArray(value) ? value : [])),
  );
  const scopes = [...new Set(named.filter((scope) => typeof scope === "string" && /^[a-z0-9_.-]{1,60}$/i.test(scope)))];
  if (isEdge) return { kind: "needs-fix", code, reason: `${reason}, without its API's words`, fix: `${EDGE_FIX}. ${KEY_FIX}` };
  const fix = scopes.length === 0 ? KEY_FIX : `Give the service key (or the app) in HubSpot the scope ${scopes.join(" or ")}`;
  return { kind: "needs-fix", code, reason, fix };
}

function rateLimited({ problem, retryAfterMs }: Refusal): Outcome {
  const limit = { kind: "retry", because: "rate-limit" } as const;
  if (problem.policyName === "DAILY") {
    const reason = "HubSpot's limit of requests a day is used up";
    return { ...limit, code: "rate_limit_daily", reason, retryAfterMs: retryAfterMs ?? DAILY_MS };
  }
  if (problem.message?.includes(" secondly limit") === true || problem.policyName === "SECONDLY") {
    const reason = "HubSpot takes five searches a second";
    return { ...limit, scope: "call", code: "rate_limit_search", reason, retryAfterMs: retryAfterMs ?? SECOND };
  }
  const reason = "HubSpot's limit of requests in ten seconds is used up";
  return { ...limit, scope: "destination", code: "rate_limit", reason, retryAfterMs: retryAfterMs ?? 10 * SECOND };
}

/** `Unable to perform update/upsert by non-unique 0-48 property voice_call_id`; not behind a quote or bracket, where values are. */
const NOT_UNIQUE = /^[^"'[{]*\bnon-unique\b/;

function refused({ problem, code, reason }: Refusal): Outcome {
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
