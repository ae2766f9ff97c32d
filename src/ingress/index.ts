/** The ingress as a server: limits on time, size and number, and a stop that cuts off nothing that was accepted. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import type { Registry } from "prom-client";
import { ALL_ADDRESSES, listen } from "../lib/net/listen.ts";
import type { Logger } from "../lib/process/logger.ts";
import type { Log } from "../log/log.ts";
import { createAccept } from "./accept.ts";
import { createIngressApp, NOT_FOUND } from "./app.ts";
import { createClientAddress, type Network } from "./client-address.ts";
import { type Connections, createConnections } from "./connections.ts";
import { createIngressMetrics } from "./metrics.ts";
import { createQuota, DEFAULT_QUOTA_BYTES } from "./quota.ts";
import { createReadyCheck } from "./ready.ts";
import { createReceive } from "./receive.ts";
import { createRefusals } from "./refusals.ts";
import { createResponder, type Responder } from "./respond.ts";
import { createRoom } from "./room.ts";
import { createVerifiers, type IngressSource } from "./verify.ts";

export interface Ingress {
  port: number;
  /** `http://127.0.0.1:<port>` */
  url: string;
  /** For the ops port: nothing of it is shown on the public one. */
  registry: Registry;
  /** Why nobody should send calls here now: `log: <reason>`. */
  notReady(): Promise<string | undefined>;
  /** From the next delivery on these are the sources. */
  use(sources: IngressSource[]): void;
  /** Says `not ready`, takes calls for `closeAfterMs` more, then no new connections; answers what has come in, closes. All of it within `graceMs`. */
  stop(options: { graceMs: number }): Promise<void>;
}

export interface IngressOptions {
  sources: IngressSource[];
  log: Log;
  logger: Logger;
  port: number;
  /** Default: all addresses; TLS is ended in front of us. */
  host?: string;
  /** Proxies in front whose `X-Forwarded-For` is believed. */
  trustedProxies?: Network[];
  /** What a source may store in 24 hours. */
  quotaBytes?: number;
  /** So long after a stop begins it goes on taking calls: load balancers learn only from their next probe that it leaves. Default 0. */
  closeAfterMs?: number;
}

/** A head or a body that drips in more slowly than this is cut off: slow-loris. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 20_000;
/** Longer than the idle time of common load balancers (60 s), so that they never meet a connection that we are closing. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** VoiceInfra and the proxies in front send a few hundred bytes; a head costs some three times its size. */
const MAX_HEAD_BYTES = 16_384;
/** Who asks and does not read the answer. */
const NOT_READ_TIMEOUT_MS = 60_000;

/** @throws {UsageError} when `host` is no address of this machine; rejects with Node's error when the port is taken. */
export async function startIngress(options: IngressOptions): Promise<Ingress> {
  const { sources, log, logger, port, host = ALL_ADDRESSES, trustedProxies = [], quotaBytes = DEFAULT_QUOTA_BYTES } = options;
  const { closeAfterMs = 0 } = options;
  let stopping = false;
  const monotonicMs = () => performance.now();
  const metrics = createIngressMetrics();
  const refusals = createRefusals({ logger });
  const room = createRoom({ monotonicMs, onDisplaced: () => metrics.displaced.inc({ what: "body" }) });
  const connections = createConnections({
    displaceSlow: room.displaceSlow,
    onDisplaced: () => metrics.displaced.inc({ what: "connection" }),
  });
  const responder = createResponder({
    mustClose: (request) => stopping || connections.isLast(request),
    onClosing: connections.closesAfter,
  });
  const quota = createQuota({ bytesPerDay: quotaBytes, monotonicMs, onAlarm: (alarm) => logger.warn(alarm, GROWS) });
  metrics.observe({ heldBytes: () => room.heldBytes, connections: () => connections.count, quotaUsed: quota.usedRatio });
  const logAway = createReadyCheck(log);
  const canStore = async () => (await logAway()) === undefined;
  async function notReady(): Promise<string | undefined> {
    if (stopping) return LEAVES;
    const reason = await logAway();
    return reason === undefined ? undefined : `log: ${reason}`;
  }
  const isReady = async () => (await notReady()) === undefined;

  let verifierOf = createVerifiers(sources);
  warnOfUnsigned(sources, logger);
  const accept = createAccept({ log, isReady: canStore, quota, nowMs: Date.now, monotonicMs, onStored: metrics.stored });
  const receive = createReceive({
    verifierOf: (source) => verifierOf(source),
    accept,
    room,
    addressOf: createClientAddress(trustedProxies),
    respond: responder.respond,
    refusals,
    metrics,
    nowMs: Date.now,
  });
  const onFault = (fault: string | undefined) =>
    refusals.said({ source: "unknown", status: 500, code: "internal", requestId: "", fault: fault ?? "unknown" });
  const app = createIngressApp({ receive, respond: responder.respond, isReady, onFault });

  const server = createIngressServer({
    responder,
    connections,
    handle: (request, env) => app.fetch(request, env),
  });
  const bound = await listen({ server, port, host });
  return {
    ...bound,
    registry: metrics.registry,
    notReady,
    use(next) {
      verifierOf = createVerifiers(next);
      warnOfUnsigned(next, logger);
    },
    async stop({ graceMs }) {
      stopping = true;
      const waitMs = Math.min(closeAfterMs, graceMs / 2);
      if (waitMs > 0) await delay(waitMs);
      await closeServer(server, graceMs - waitMs);
      refusals.flush();
    },
  };
}

const LEAVES = "this process stops";
const GROWS = "the log grows: a source nears what it may store in 24 hours (PATCHBAY_SOURCE_QUOTA)";

function createIngressServer(options: {
  responder: Responder;
  connections: Connections;
  handle: (request: Request, env: HttpBindings) => Response | Promise<Response>;
}): Server {
  const { responder, connections, handle } = options;
  const { respond } = responder;
  const listener = getRequestListener((request, env) => handle(request, env as HttpBindings), {
    overrideGlobalObjects: false,
    // It would read on for half a second, up to 64 MB, after an answer that did not wait for the body: `respond` does it within bounds.
    autoCleanupIncoming: false,
    // HTTP/1.0 has no Host, and HAProxy's health check speaks it.
    hostname: "localhost",
    errorHandler: () =>
      new Response(JSON.stringify({ code: "bad_request", message: "The address or the Host header cannot be read." }), {
        status: 400,
        headers: { connection: "close" },
      }),
  });
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    if (!connections.begins(incoming)) return responder.ignore(incoming);
    outgoing.once("close", () => connections.ends(incoming));
    if (hasDotSegment(incoming.url ?? "")) respond({ incoming, outgoing, status: 404, body: NOT_FOUND });
    else void listener(incoming, outgoing);
  };
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: 2_000,
      maxHeaderSize: MAX_HEAD_BYTES,
    },
    onRequest,
  );
  server.on("connection", connections.opened);
  server.timeout = NOT_READ_TIMEOUT_MS;
  // The body is asked for when we know that we want it.
  server.on("checkContinue", onRequest);
  server.on("checkExpectation", (incoming, outgoing) =>
    respond({ incoming, outgoing, status: 417, body: { code: "expectation", message: "Only Expect: 100-continue is known here." } }),
  );
  return server;
}

/**
 * `..` and its spellings lead to another path here than where a proxy's rules saw it go: who rules by the path in front must be able to
 * trust it, so that such a path is none.
 */
function hasDotSegment(url: string): boolean {
  return /(^|[/\\])(\.|%2e){1,2}([/\\;]|$)/i.test(url.split(/[?#]/, 1)[0] ?? "");
}

function warnOfUnsigned(sources: IngressSource[], logger: Logger): void {
  const unsigned = sources.filter(({ allowUnsigned }) => allowUnsigned).map(({ name }) => name);
  if (unsigned.length > 0)
    logger.warn({ sources: unsigned }, "these sources take calls without a signature: anybody who knows the address can send one");
}

/** `close` ends idle connections by itself; busy ones end with their answer. */
async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
