import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Sandbox } from "../connector/index.ts";

export interface ServedSandbox {
  /** `http://127.0.0.1:<port>`, without a trailing slash; "" where the sandbox is not HTTP. */
  url: string;
  close(): Promise<void>;
}

/** Serves a sandbox on loopback, on `port` or any free one. */
export async function serveSandbox(options: { sandbox: Sandbox; port?: number }): Promise<ServedSandbox> {
  const { sandbox, port = 0 } = options;
  const { fetch } = sandbox;
  if (!fetch) return { url: "", close: async () => sandbox.close?.() };
  const server = createServer(getRequestListener((request) => fetch(request), { overrideGlobalObjects: false }));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: boundPort } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${boundPort}`,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await sandbox.close?.();
    },
  };
}
