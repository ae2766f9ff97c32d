import { Request as SdkRequest } from "@hubspot/api-client/lib/src/services/http/Request.js";
import { abortable, requestJson, type Secret, type z } from "../../src/connector/index.ts";
import { createPace, type Waiting } from "./pace.ts";
import { HubSpotRefusal, UnreadableAnswerError } from "./vendor-error.ts";

/** One request to HubSpot's API; `requests.ts` has all that there are. */
export interface HubSpotRequest<Answer> {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  /** What is read of a 2xx answer; one that does not fit counts as unreadable. */
  answer: z.ZodType<Answer>;
}

/** Sends a request now. @throws {HubSpotRefusal} any status but 2xx. @throws {UnreadableAnswerError} @throws what `fetch` throws. */
export type Carry = <Answer>(request: HubSpotRequest<Answer>, signal: AbortSignal) => Promise<Answer>;

export interface HubSpotApi {
  /** A request in its turn, below the account's limit: what goes over it fails, and counts as an error with HubSpot. Ends with the signal. */
  ask<Answer>(signal: AbortSignal, request: HubSpotRequest<Answer>): Promise<Answer>;
  /** A search in its turn: they have a limit of their own. @throws {TooManyWaitError} its turn would not come within `maxWaitMs`. */
  search<Answer>(request: HubSpotRequest<Answer>, options: Waiting): Promise<Answer>;
  /** As `ask`, for a task that goes on when the signal ends the waiting: it says itself how long its request may take. */
  turn<Result>(signal: AbortSignal, task: (carry: Carry) => Promise<Result>): Promise<Result>;
  /** Ends every request that is under way. */
  close(): void;
}

/** 100 to 250 requests in 10 s, by the account's edition (usage guidelines): the first answer tells, and opening has some. */
const NOT_TOLD_YET = { starts: Number.POSITIVE_INFINITY, perMs: 10_000 };
/** What comes at once may go at once, up to here, and what a busy machine was late with is made up for; beyond that requests are spread evenly. */
const BURST = 20;
/** HubSpot takes 5 searches a second per account (developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm); a timer may be a little early. */
export const SEARCHES = { starts: 5, perMs: 1_020 };
/** A hundred calls with notes of 65,000 characters, as an upsert answers with them. */
const MAX_ANSWER_BYTES = 32_000_000;
/** What has answered so lately is not down. */
const ALIVE_FOR_MS = 10_000;

/**
 * HubSpot's SDK makes the request: the address, the token, the user agent. Its `apiRequest` would carry it too, but follows redirects, which takes a
 * call's text to another host, and knows no signal; its typed APIs have the paths that end in 2027. `maxWaitMs`: a request whose turn does not come
 * within it fails with `TooManyWaitError`.
 */
export function connect(options: { accessToken: Secret; baseUrl: string | undefined; maxWaitMs: number }): HubSpotApi {
  const { accessToken, baseUrl, maxWaitMs } = options;
  const pace = createPace({ ...NOT_TOLD_YET, burst: BURST });
  const searches = createPace(SEARCHES);
  const closed = new AbortController();
  const config = { accessToken: accessToken.reveal(), ...(baseUrl === undefined ? {} : { basePath: baseUrl.replace(/\/+$/, "") }) };
  /** When each address that writes or searches was last answered well. */
  const answeredAtMs = new Map<string, number>();

  function hear(headers: Headers): void {
    const [starts, left, perMs] = ["max", "remaining", "interval-milliseconds"].map((name) =>
      Number(headers.get(`x-hubspot-ratelimit-${name}`) ?? undefined),
    );
    // Answers to searches have none; a limit of nothing would stop us for good.
    if (starts && perMs && left !== undefined && left >= 0) pace.heard({ starts, left, perMs });
  }

  const carry: Carry = async ({ method, path, query, body, answer }, signal) => {
    const built = new SdkRequest(config, { method, path, ...(query === undefined ? {} : { qs: query }) });
    const { status, headers, json } = await requestJson({
      method,
      url: built.getUrl().href,
      headers: Object.fromEntries(new Headers(built.getSendData().headers)),
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.any([signal, closed.signal]),
      maxBytes: MAX_ANSWER_BYTES,
    });
    hear(headers);
    const nowMs = performance.now();
    if (status < 200 || status >= 300)
      throw new HubSpotRefusal({ status, headers, body: json, isAlive: nowMs - (answeredAtMs.get(path) ?? -Infinity) < ALIVE_FOR_MS });
    const parsed = answer.safeParse(json);
    if (!parsed.success) throw new UnreadableAnswerError();
    if (method === "POST") answeredAtMs.set(path, nowMs);
    return parsed.data;
  };

  const turn: HubSpotApi["turn"] = (signal, task) => abortable(signal, () => pace.run(() => task(carry), { maxWaitMs, signal }));
  return {
    turn,
    ask: (signal, request) => turn(signal, (carryNow) => carryNow(request, signal)),
    search: (request, waiting) => searches.run(() => carry(request, waiting.signal), waiting),
    close: () => closed.abort(new Error("the destination was closed")),
  };
}
