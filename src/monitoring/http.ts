/** The port for those who operate us: /healthz, /readyz and /metrics, with reasons. Not for the public. */
import { createServer } from "node:http";
import { Counter, collectDefaultMetrics, Registry } from "prom-client";
import { listen } from "../lib/net/listen.ts";
import { droppedLines } from "../lib/process/logger.ts";

export interface OpsServer {
  url: string;
  stop(): Promise<void>;
}

export interface OpsAnswer {
  status: 200 | 503;
  body: unknown;
}

/** `reasons`: why it is not ready, in full; none where it is. */
export function readiness(reasons: string[]): OpsAnswer {
  return reasons.length === 0 ? { status: 200, body: { status: "ready" } } : { status: 503, body: { status: "not ready", reasons } };
}

/** What a role of a process tells about itself. */
export interface OpsParts {
  health: () => OpsAnswer | Promise<OpsAnswer>;
  ready: () => Promise<OpsAnswer>;
  /** Figures of the role; those of the process itself come by themselves. */
  registries: Registry[];
  /** Reads figures that must be as of now. */
  refresh?: () => Promise<void>;
}

export const DEFAULT_OPS_HOST = "127.0.0.1";
const ANSWER_WITHIN_MS = 5_000;

/** @throws {UsageError} when `host` is no address of this machine; rejects with Node's error when the port is taken. */
export async function serveOps(options: OpsParts & { port: number; host?: string | undefined }): Promise<OpsServer> {
  const { port, host = DEFAULT_OPS_HOST, health, ready, registries, refresh } = options;
  const process = processRegistry();

  const server = createServer({ requestTimeout: ANSWER_WITHIN_MS, headersTimeout: ANSWER_WITHIN_MS }, async (request, response) => {
    const answer = async (): Promise<{ status: number; type: string; body: string }> => {
      if (request.method !== "GET" && request.method !== "HEAD") return json(405, { code: "method_not_allowed" });
      switch (request.url?.split("?")[0]) {
        case "/healthz":
          return toJson(await health());
        case "/readyz":
          return toJson(await ready());
        case "/metrics": {
          await refresh?.();
          const texts = await Promise.all([process, ...registries].map((registry) => registry.metrics()));
          return { status: 200, type: process.contentType, body: texts.join("\n") };
        }
        default:
          return json(404, { code: "not_found", message: "Here are /healthz, /readyz and /metrics." });
      }
    };
    const { status, type, body } = await answer().catch(() => json(500, { code: "internal" }));
    response.writeHead(status, { "content-type": type }).end(request.method === "HEAD" ? undefined : body);
  });
  const { url } = await listen({ server, port, host });
  return {
    url,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function processRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Counter({
    name: "patchbay_log_lines_dropped_total",
    help: "Lines of our own log that were dropped, since nobody read them",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(droppedLines());
    },
  });
  return registry;
}

const toJson = ({ status, body }: OpsAnswer) => json(status, body);

function json(status: number, body: unknown) {
  return { status, type: "application/json", body: JSON.stringify(body) };
}
