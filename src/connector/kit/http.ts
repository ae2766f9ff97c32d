/** What connectors to plain JSON-over-HTTP APIs have in common: one bounded request, and what the status of its answer means. */

import { parseRetryAfterMs, waitOf } from "../../lib/net/retry-after.ts";
import type { Connector, Failure, Outcome } from "../index.ts";

/** Of this call, for now: the request did not come whole, a conflict, a lock, something it depends on, too early. */
const LATER = new Set([408, 409, 423, 424, 425]);

/** More than most answers that a connector reads. */
const MAX_ANSWER_BYTES = 1_000_000;

export interface HttpAnswer {
  status: number;
  headers: Headers;
  /** The body's JSON; undefined where it is empty, none, or larger than `maxBytes`. */
  json: unknown;
}

/**
 * One request, tried once, its body as JSON. Follows no redirect: a credential goes where the file says, and nowhere else.
 * `maxBytes`: of the answer's body, a megabyte if not said. @throws what `fetch` throws; `outcomeOfNetworkError` reads it.
 */
export async function requestJson(options: {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: unknown;
  signal: AbortSignal;
  maxBytes?: number;
}): Promise<HttpAnswer> {
  const { method, url, body, signal, maxBytes = MAX_ANSWER_BYTES } = options;
  const headers = { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }), ...options.headers };
  const response = await fetch(url, {
    method,
    headers,
    signal,
    redirect: "manual",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, json: await readJson(response, maxBytes) };
}

async function readJson(response: Response, maxBytes: number): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Statuses of servers and networks in front of an API, of its region or of an account: no call is at fault, and none was carried out. */
const EDGE_DOWN: Record<number, string> = {
  421: "was reached at a server that is not its",
  // HubSpot's, while an account moves to another data centre.
  477: "moves the account just now",
  503: "takes nothing now",
  507: "has no room left",
  508: "loops behind its front",
  // Cloudflare's (developers.cloudflare.com, "5xx errors"): no connection, no address, no TLS, no name. After 520, 522 and 524 it may have got the request.
  521: "is down behind its front",
  523: "cannot be reached from its front",
  525: "has no TLS for its front",
  526: "has no certificate that its front takes",
  529: "is overloaded",
  530: "cannot be found from its front",
};
const EDGE_LIMITS: Record<number, string> = {
  420: "asks to send more slowly",
  429: "asks to send more slowly",
  509: "has used up its bandwidth",
};
const ADDRESS = "does not speak what it is asked";
const EDGE_UNAUTHORIZED: Record<number, { what: string; fix?: string }> = {
  402: { what: "wants a payment first", fix: "See what is open there: the plan, a payment, a trial that has ended" },
  407: { what: "is behind a proxy that wants a login", fix: "Give the proxy a login, or take it out of the way" },
  426: { what: ADDRESS },
  451: { what: "may not answer, for legal reasons", fix: "Ask there why: a region or an account is barred" },
  495: { what: "does not take the certificate of this side" },
  496: { what: "wants a certificate of this side" },
  497: { what: "wants https" },
  501: { what: ADDRESS },
  505: { what: ADDRESS },
  510: { what: ADDRESS },
  511: {
    what: "is behind a network that wants a login",
    fix: "Let this machine out of its network: something in between answers in its place",
  },
};

/**
 * What a status says of the way to an API, of its region or of the account; undefined where it may speak of the call. Nothing was carried out.
 * `fix`: what to do where the status says nothing better.
 */
export function outcomeOfEdge(
  status: number,
  options: { title: string; fix: string; retryAfter: string | null | undefined },
): Extract<Outcome, { kind: "retry" | "needs-fix" }> | undefined {
  const { title, fix, retryAfter } = options;
  const code = `http_${status}`;
  const says = (what: string) => `${title} ${what} (HTTP ${status})`;
  const wait = waitOf(parseRetryAfterMs(retryAfter, Date.now()));
  const slower = EDGE_LIMITS[status];
  if (slower) return { kind: "retry", because: "rate-limit", code, reason: status === 429 ? `${title} ${slower}` : says(slower), ...wait };
  const down = EDGE_DOWN[status];
  if (down) return { kind: "retry", because: "down", code, reason: says(down), ...wait };
  const refused = EDGE_UNAUTHORIZED[status];
  return refused && { kind: "needs-fix", code, reason: says(refused.what), fix: refused.fix ?? fix };
}

/**
 * What a status says where the vendor says nothing better; undefined for 2xx. A 4xx that every call would get alike (credential, address) keeps
 * the calls; after a 5xx other than 503 the call may be there, so without a native key it is ambiguous. Bodies are not quoted.
 */
export function outcomeOfStatus(
  answer: Pick<HttpAnswer, "status" | "headers">,
  api: {
    title: string;
    /** What to mend when the credential or the address is refused. */
    fix: string;
    duplicates: Connector["duplicates"];
  },
): Failure | undefined {
  const { status, headers } = answer;
  const { title, fix, duplicates } = api;
  if (status >= 200 && status < 300) return undefined;
  const code = `http_${status}`;
  const retryAfter = headers.get("retry-after");
  const edge = outcomeOfEdge(status, { title, fix, retryAfter });
  if (edge) return edge;
  const wait = waitOf(parseRetryAfterMs(retryAfter, Date.now()));
  if (status === 401 || status === 403) return { kind: "needs-fix", code, reason: `${title} refuses the credential (HTTP ${status})`, fix };
  if (status === 410)
    return { kind: "needs-fix", code, reason: `${title} has closed this address for good (HTTP 410)`, fix, stopsRoute: true };
  if (status < 400 || status === 404 || status === 405)
    return { kind: "needs-fix", code, reason: `there is no ${title} at this address (HTTP ${status})`, fix };
  if (status >= 500 && duplicates === "native-key")
    return { kind: "retry", because: "server", code, reason: `${title} failed (HTTP ${status})`, ...wait };
  if (status >= 500) return { kind: "ambiguous", code, reason: `${title} failed while it had the call (HTTP ${status})` };
  if (LATER.has(status))
    return { kind: "retry", because: "record", code, reason: `${title} could not take it now (HTTP ${status})`, ...wait };
  return { kind: "rejected", code, reason: `${title} refuses the call as it is (HTTP ${status})` };
}
