/** What connectors to plain JSON-over-HTTP APIs have in common: one bounded request, and what the status of its answer means. */
import type { Connector, Outcome } from "./connector.ts";
import { parseRetryAfterMs } from "./lib/retry-after.ts";

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
): Exclude<Outcome, { kind: "delivered" }> | undefined {
  const { status, headers } = answer;
  const { title, fix, duplicates } = api;
  if (status >= 200 && status < 300) return undefined;
  const code = `http_${status}`;
  const retryAfterMs = parseRetryAfterMs(headers.get("retry-after"), Date.now());
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (status === 429) return { kind: "retry", because: "rate-limit", code, reason: `${title} asks to send more slowly`, ...wait };
  if (status === 401 || status === 403)
    return { kind: "unauthorized", code, reason: `${title} refuses the credential (HTTP ${status})`, fix };
  if (status === 410)
    return { kind: "unauthorized", code, reason: `${title} has closed this address for good (HTTP 410)`, fix, stopsRoute: true };
  if (status < 400 || status === 404 || status === 405)
    return { kind: "unauthorized", code, reason: `there is no ${title} at this address (HTTP ${status})`, fix };
  if (status === 503) return { kind: "retry", because: "down", code, reason: `${title} takes nothing now (HTTP 503)`, ...wait };
  if (status >= 500 && duplicates === "native-key")
    return { kind: "retry", because: "server", code, reason: `${title} failed (HTTP ${status})`, ...wait };
  if (status >= 500) return { kind: "ambiguous", code, reason: `${title} failed while it had the call (HTTP ${status})` };
  if (status === 408 || status === 409 || status === 423 || status === 425)
    return { kind: "retry", because: "record", code, reason: `${title} could not take it now (HTTP ${status})`, ...wait };
  return { kind: "rejected", code, reason: `${title} refuses the call as it is (HTTP ${status})` };
}
