import type { Registry } from "prom-client";
import { type OpsServer, readiness, serveOps } from "./http.ts";

/** The ops port of an ingress that runs alone: it is well as long as it answers, and ready when the log can store. */
export function startIngressOps(options: {
  port: number;
  host?: string | undefined;
  ingress: { registry: Registry; notReady(): Promise<string | undefined> };
}): Promise<OpsServer> {
  const { port, host, ingress } = options;
  return serveOps({
    port,
    host,
    registries: [ingress.registry],
    health: () => ({ status: 200, body: { status: "ok" } }),
    async ready() {
      const reason = await ingress.notReady();
      return readiness(reason === undefined ? [] : [reason]);
    },
  });
}
