/** The HTTP face of workers, on a port of its own: /healthz, /readyz, /metrics. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Ledger } from "../ledger/ledger.ts";
import type { Log } from "../log/log.ts";
import { createHealth, type HealthAnswer, type Running } from "./health.ts";
import { askedOnce } from "./in-time.ts";
import { routeMetrics } from "./route-metrics.ts";
import { unknownMetrics } from "./unknown-metrics.ts";

export interface OpsServer {
  url: string;
  stop(): Promise<void>;
}

const ANSWER_WITHIN_MS = 5_000;

export async function startOps(options: { port: number; running: Running; log: Log; ledger: Ledger }): Promise<OpsServer> {
  const { port, running } = options;
  const { log, ledger } = askedOnce(options);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const health = createHealth({ running, log, ledger });
  unknownMetrics({ registry, running });
  const routeFigures = routeMetrics({ registry, running, log, ledger });
  new Gauge({
    name: "patchbay_worker_routes",
    help: "Routes that this process runs",
    registers: [registry],
    collect() {
      this.set(running.workers.length);
    },
  });

  const server = createServer({ requestTimeout: ANSWER_WITHIN_MS, headersTimeout: ANSWER_WITHIN_MS }, async (request, response) => {
    const answer = async (): Promise<{ status: number; type: string; body: string }> => {
      if (request.method !== "GET" && request.method !== "HEAD") return json(405, { code: "method_not_allowed" });
      switch (request.url?.split("?")[0]) {
        case "/healthz":
          return answerOf(await health.health());
        case "/readyz":
          return answerOf(await health.ready());
        case "/metrics":
          await routeFigures.refresh();
          return { status: 200, type: registry.contentType, body: await registry.metrics() };
        default:
          return json(404, { code: "not_found", message: "Here are /healthz, /readyz and /metrics." });
      }
    };
    const { status, type, body } = await answer().catch(() => json(500, { code: "internal" }));
    response.writeHead(status, { "content-type": type }).end(request.method === "HEAD" ? undefined : body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function json(status: number, body: unknown) {
  return { status, type: "application/json", body: JSON.stringify(body) };
}

const answerOf = ({ status, body }: HealthAnswer) => json(status, body);
