import { NotReachedError } from "../../lib/net/guarded-http.ts";
import type { Failure } from "../../model/outcome.ts";

/** Codes of Node's and undici's errors at which nothing can have reached the destination. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ENETDOWN",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
]);
/** Of Node's TLS: the certificate is not taken, or there is no TLS. The handshake comes before the request. */
const NO_TLS =
  /^(CERT_|CRL_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT|UNABLE_TO_|ERROR_IN_CERT|INVALID_(CA|PURPOSE)$|HOSTNAME_MISMATCH$|ERR_TLS_|ERR_SSL_|EPROTO$)/;
const MAYBE_SENT = new Set([
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "UND_ERR_SOCKET",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "ABORT_ERR",
  "ECONNABORTED",
]);

/** Deeper chains of causes are not followed. */
const MAX_DEPTH = 6;

/** Hosts of requests that failed. An error of `fetch` names its host only where that has no address. */
const hosts = new WeakMap<Error, string>();

/** Makes a request whose network error names the host. @throws what `request` throws */
export async function namingHost<T>(url: string | URL, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    const host = URL.parse(url)?.host;
    if (error instanceof Error && host) hosts.set(error, host);
    throw error;
  }
}

/**
 * What an error of the network means; undefined when it is none. Its causes are looked at too. Where nothing was reached, the reason says host and
 * code, once: `api.hubapi.com cannot be reached (ECONNREFUSED)`.
 */
export function outcomeOfNetworkError(error: unknown): Failure | undefined {
  const failure = networkFailureOf(error);
  if (!failure) return undefined;
  const { kind, code, host } = failure;
  switch (kind) {
    case "not-reached":
      return { kind: "retry", because: "down", code, reason: `${host} cannot be reached (${code})` };
    case "no-tls": {
      const reason = `the certificate of ${host} is not taken, or it speaks no TLS (${code}); an own authority goes into NODE_EXTRA_CA_CERTS`;
      return { kind: "retry", because: "down", code, reason };
    }
    case "no-answer":
      return { kind: "ambiguous", code, reason: "the request was sent and no answer came" };
    case "unreadable":
      return { kind: "ambiguous", code, reason: "the request failed, or its answer cannot be read" };
  }
}

/** As {@link outcomeOfNetworkError}, for requests that wrote nothing, such as those of `open`: without an answer the destination is down. */
export function outcomeOfReadingError(error: unknown): Failure | undefined {
  const outcome = outcomeOfNetworkError(error);
  if (outcome?.kind !== "ambiguous") return outcome;
  const { code, host } = networkFailureOf(error) as NetworkFailure;
  return { kind: "retry", because: "down", code, reason: `${host} does not answer as it should (${code})` };
}

interface NetworkFailure {
  kind: "not-reached" | "no-tls" | "no-answer" | "unreadable";
  code: string;
  host: string;
}

function networkFailureOf(error: unknown): NetworkFailure | undefined {
  const chain = [...causesOf(error)];
  const host = chain.map(hostIn).find((one) => one !== undefined) ?? "the destination";
  for (const one of chain) {
    const code = "code" in one && typeof one.code === "string" ? one.code : "";
    if (NO_TLS.test(code)) return { kind: "no-tls", code, host };
    if (NEVER_SENT.has(code) || one instanceof NotReachedError) return { kind: "not-reached", code, host };
    if (MAYBE_SENT.has(code) || one.name === "TimeoutError" || one.name === "AbortError")
      return { kind: "no-answer", code: code || one.name, host };
  }
  // What fetch gives no code for: an answer of 407, of a protocol that it does not know, a redirect where none may be followed.
  const isFetch = error instanceof TypeError && error.message === "fetch failed";
  return isFetch ? { kind: "unreadable", code: "fetch_failed", host } : undefined;
}

/** The error, its causes, and the errors of an `AggregateError` (Node tries several addresses of a name), outermost first. */
function* causesOf(error: unknown, depth = 0): Generator<Error> {
  if (!(error instanceof Error) || depth >= MAX_DEPTH) return;
  yield error;
  if ("errors" in error && Array.isArray(error.errors)) for (const one of error.errors) yield* causesOf(one, depth + 1);
  yield* causesOf(error.cause, depth + 1);
}

function hostIn(error: Error): string | undefined {
  const { hostname, address, port } = error as { hostname?: unknown; address?: unknown; port?: unknown };
  if (hosts.has(error)) return hosts.get(error);
  if (typeof hostname === "string") return hostname;
  return typeof address === "string" && port !== undefined ? `${address.includes(":") ? `[${address}]` : address}:${port}` : undefined;
}
