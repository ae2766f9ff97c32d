/** The ingress as a server: limits on time and size, and a stop that cuts off nothing that was accepted. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import type { Logger } from "../lib/logger.ts";
import type { Log } from "../log/log.ts";
import { createIngressApp } from "./app.ts";
import { createIngressMetrics } from "./metrics.ts";
import { createVerify, type IngressSource } from "./verify.ts";

export interface Ingress {
  port: number;
  /** `http://127.0.0.1:<port>` */
  url: string;
  /** From the next delivery on these are the sources. */
  use(sources: IngressSource[]): void;
  /** Takes no new connections, answers what has come in (up to `graceMs`), closes. */
  stop(options: { graceMs: number }): Promise<void>;
}

/** A head or a body that drips in more slowly than this is cut off: slow-loris. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 20_000;
/** Longer than the idle time of common load balancers (60 s), so that they never meet a connection that we are closing. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

/** Listens on all addresses: TLS is ended in front of us. Rejects with Node's error when the port is taken. */
export async function startIngress(options: { sources: IngressSource[]; log: Log; logger: Logger; port: number }): Promise<Ingress> {
  const { sources, log, logger, port } = options;
  let stopping = false;
  const verifiers = (from: IngressSource[]) => new Map(from.map((source) => [source.name, createVerify(source)]));
  let verifyOf = verifiers(sources);
  const app = createIngressApp({
    verifyOf: (source) => verifyOf.get(source),
    log,
    logger,
    metrics: createIngressMetrics(),
    nowMs: Date.now,
    isStopping: () => stopping,
  });
  const listener = getRequestListener((request, env) => app.fetch(request, env as HttpBindings), { overrideGlobalObjects: false });
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: 2_000,
      maxHeaderSize: 16_384,
    },
    listener,
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, resolve);
  });
  const { port: boundPort } = server.address() as AddressInfo;
  return {
    port: boundPort,
    url: `http://127.0.0.1:${boundPort}`,
    use(next) {
      verifyOf = verifiers(next);
    },
    async stop({ graceMs }) {
      stopping = true;
      await closeServer(server, graceMs);
    },
  };
}

/** `close` ends idle connections by itself; busy ones end with their answer. */
async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
