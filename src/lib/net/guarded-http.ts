import http, { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { type AddressPolicy, checkLiteralHost, guardedLookup, RefusedAddressError, type ResolveName } from "./public-address.ts";

/** Longer than any route across the world; the rest of an attempt's time is the answer's. */
const CONNECT_WITHIN_MS = 5_000;
/** Shorter than what servers keep an idle connection for (Node 5 s, nginx 75 s), so that they do not close one while we write to it. */
const IDLE_MS = 4_000;
const MAX_SOCKETS = 16;

/** Nothing reached the destination: no name, no connection, no TLS. `code` is Node's. */
export class NotReachedError extends Error {
  override readonly name = "NotReachedError";
  readonly code: string;

  constructor(code: string, options?: ErrorOptions) {
    super(`no connection (${code})`, options);
    this.code = code;
  }
}

export interface GuardedAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Not read yet: read it, or {@link discard} it. */
  body: IncomingMessage;
}

/** Plain HTTP/1.1 to addresses that somebody else has written. Never follows a redirect, never uses a proxy. */
export interface GuardedHttp {
  /**
   * Resolves when the answer's head is there.
   * @throws {RefusedAddressError} before anything is sent.
   * @throws {NotReachedError} when nothing was sent; every other error may have come after the request.
   */
  request(options: {
    url: URL;
    method: "GET" | "POST";
    headers: OutgoingHttpHeaders;
    body?: Uint8Array;
    signal: AbortSignal;
  }): Promise<GuardedAnswer>;
  close(): void;
}

export function createGuardedHttp(
  options: AddressPolicy & { allowHttp: boolean; connectWithinMs?: number; resolve?: ResolveName },
): GuardedHttp {
  const { allowHttp, connectWithinMs = CONNECT_WITHIN_MS, resolve, ...policy } = options;
  const lookup = guardedLookup({ ...policy, ...(resolve ? { resolve } : {}) });
  const agentOptions = { keepAlive: true, timeout: IDLE_MS, maxSockets: MAX_SOCKETS };
  /** Sockets that stand, TLS included: the next request on one needs no time to connect. Node's `reusedSocket` is silent where a request waited for it. */
  const standing = new WeakSet<Socket>();
  const agents = { "http:": new http.Agent(agentOptions), "https:": new https.Agent(agentOptions) };

  return {
    request: async ({ url, method, headers, body, signal }) => {
      const isHttps = url.protocol === "https:";
      if (!isHttps && !(allowHttp && url.protocol === "http:")) throw new RefusedAddressError("insecure");
      checkLiteralHost(url, policy);
      signal.throwIfAborted();
      const length = body ? { "content-length": body.byteLength } : {};
      const all = { method, headers: { ...headers, ...length }, lookup, signal };
      const request = isHttps
        ? https.request(url, { ...all, agent: agents["https:"] })
        : http.request(url, { ...all, agent: agents["http:"] });
      return await new Promise<GuardedAnswer>((answered, failed) => {
        let connected = false;
        let connecting: NodeJS.Timeout | undefined;
        request.on("socket", (socket) => {
          connected = standing.has(socket);
          if (connected) return;
          // Counted from here: until now the request waited for one of our own connections.
          connecting = setTimeout(() => request.destroy(new NotReachedError("ETIMEDOUT")), connectWithinMs);
          socket.once(isHttps ? "secureConnect" : "connect", () => {
            connected = true;
            standing.add(socket);
            clearTimeout(connecting);
          });
        });
        request.on("error", (error) => failed(connected ? error : notReached(error)));
        request.on("response", (message) => answered({ status: message.statusCode ?? 0, headers: message.headers, body: message }));
        // Without a listener Node ends the connection and says nothing.
        request.on("upgrade", (_message, socket) => {
          socket.destroy();
          failed(new Error("the answer switches to another protocol"));
        });
        request.on("close", () => {
          clearTimeout(connecting);
          // Whatever else may happen; nothing where there was an answer or an error.
          failed(new Error("the connection was closed without an answer"));
        });
        request.end(body);
      });
    },
    close() {
      agents["http:"].destroy();
      agents["https:"].destroy();
    },
  };
}

function notReached(error: NodeJS.ErrnoException): Error {
  if (error instanceof RefusedAddressError || error instanceof NotReachedError) return error;
  return new NotReachedError(error.code ?? "ECONNREFUSED", { cause: error });
}

/** Reads an answer that nobody wants, so that its connection can be used again; one that is long or slow is cut instead. */
export function discard({ body }: GuardedAnswer, options: { maxBytes?: number; withinMs?: number } = {}): void {
  const { maxBytes = 64 * 1024, withinMs = 2_000 } = options;
  let bytes = 0;
  const timer = setTimeout(() => body.destroy(), withinMs);
  body.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) body.destroy();
  });
  body.on("error", () => undefined);
  body.on("close", () => clearTimeout(timer));
}
