import { Request as SdkRequest } from "@hubspot/api-client/lib/src/services/http/Request.js";
import { abortable, createRateLimiter, limitInHeaders, type RateLimitWait, requestJson, type z } from "../../src/connector/index.ts";
import type { HubSpotSettings } from "./settings.ts";
import { HubSpotRefusal, UnreadableAnswerError } from "./vendor-error.ts";

/** One request to HubSpot's API; `requests.ts` has all of them. */
export interface HubSpotRequest<Answer> {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  /** What is read of a 2xx answer; an answer that does not fit counts as unreadable. */
  answer: z.ZodType<Answer>;
}

/** Sends a request at once. @throws {HubSpotRefusal} any status but 2xx. @throws {UnreadableAnswerError} @throws what `fetch` throws. */
export type SendNow = <Answer>(request: HubSpotRequest<Answer>, signal: AbortSignal) => Promise<Answer>;

export interface HubSpotApi {
  /** A request in its turn, below the account's rate limit: one above it fails, and counts as an error with HubSpot. Ends with the signal. */
  ask<Answer>(signal: AbortSignal, request: HubSpotRequest<Answer>): Promise<Answer>;
  /** A search in its turn: searches have a limit of their own. @throws {RateLimitWaitError} its turn would not come within `maxWaitMs`. */
  search<Answer>(request: HubSpotRequest<Answer>, options: RateLimitWait): Promise<Answer>;
  /** As `ask`, for a task that outlives the signal once its turn has come: the task limits its request itself. */
  turn<Result>(signal: AbortSignal, task: (sendNow: SendNow) => Promise<Result>): Promise<Result>;
  /** Ends every request that is under way. */
  close(): void;
}

/** 100 to 250 requests in 10 s, by the account's edition (usage guidelines): the first answer says it, and opening has some. */
const UNKNOWN_LIMIT = { max: Number.POSITIVE_INFINITY, perMs: 10_000 };
const LIMIT_HEADERS = {
  max: "x-hubspot-ratelimit-max",
  remaining: "x-hubspot-ratelimit-remaining",
  perMs: "x-hubspot-ratelimit-interval-milliseconds",
};
/** This many requests may start at once, also to make up for a busy machine; above it they are spread evenly. */
const BURST = 20;
/** HubSpot takes 5 searches a second per account (developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm); a timer may be a little early. */
export const SEARCHES = { max: 5, perMs: 1_020 };
/** Until HubSpot's search shows a new record, and no longer a deleted one: 5 to 30 s are reported. */
export const SEARCH_LAG_MS = 60_000;
/** A hundred calls with notes of 65,000 characters, as an upsert returns them. */
const MAX_ANSWER_BYTES = 32_000_000;
/** An address that has answered so lately is not down. */
const ALIVE_FOR_MS = 10_000;

/**
 * HubSpot's SDK builds the request: the address, the token, the user agent. Its `apiRequest` could send it too, but it follows redirects, which takes a
 * call's text to another host, and has no signal; its typed APIs have the paths that end in 2027. `maxWaitMs`: a request whose turn does not come within
 * it fails with `RateLimitWaitError`.
 */
export function connect(options: { settings: HubSpotSettings; maxWaitMs: number }): HubSpotApi {
  const { settings, maxWaitMs } = options;
  const { access_token: accessToken, base_url: baseUrl } = settings;
  const limiter = createRateLimiter({ ...UNKNOWN_LIMIT, burst: BURST });
  const searchLimiter = createRateLimiter(SEARCHES);
  const closed = new AbortController();
  const config = { accessToken: accessToken.reveal(), ...(baseUrl === undefined ? {} : { basePath: baseUrl.replace(/\/+$/, "") }) };
  /** When each address that writes or searches was last answered well. */
  const answeredAtMs = new Map<string, number>();

  const sendNow: SendNow = async ({ method, path, query, body, answer }, signal) => {
    const built = new SdkRequest(config, { method, path, ...(query === undefined ? {} : { qs: query }) });
    const { status, headers, json } = await requestJson({
      method,
      url: built.getUrl().href,
      headers: Object.fromEntries(new Headers(built.getSendData().headers)),
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.any([signal, closed.signal]),
      maxBytes: MAX_ANSWER_BYTES,
    });
    // Answers to searches have none.
    const limit = limitInHeaders(headers, LIMIT_HEADERS);
    if (limit) limiter.update(limit);
    const nowMs = performance.now();
    if (status < 200 || status >= 300)
      throw new HubSpotRefusal({ status, headers, body: json, isAlive: nowMs - (answeredAtMs.get(path) ?? -Infinity) < ALIVE_FOR_MS });
    const parsed = answer.safeParse(json);
    if (!parsed.success) throw new UnreadableAnswerError();
    if (method === "POST") answeredAtMs.set(path, nowMs);
    return parsed.data;
  };

  const turn: HubSpotApi["turn"] = (signal, task) => limiter.run(() => task(sendNow), { maxWaitMs, signal });
  return {
    turn,
    ask: (signal, request) => abortable(signal, () => turn(signal, () => sendNow(request, signal))),
    search: (request, waiting) => searchLimiter.run(() => sendNow(request, waiting.signal), waiting),
    close: () => closed.abort(new Error("the destination was closed")),
  };
}
