import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Sandbox } from "../../src/connector/index.ts";

/** How a destination behaves; `undefined` is well. */
export type Trouble = "refused" | "black hole" | "500" | "429" | "401" | undefined;

export interface FaultySandbox {
  sandbox: Sandbox;
  url: string;
  trouble(next: Trouble): Promise<void>;
  close(): Promise<void>;
}

const RETRY_AFTER_SECONDS = 2;

/** A sandbox on loopback at which all requests meet the same trouble, for as long as it is said to. */
export async function serveFaulty(sandbox: Sandbox): Promise<FaultySandbox> {
  let now: Trouble;
  const json = (status: number, headers: Record<string, string> = {}) =>
    Response.json(
      { ok: false, error: status === 401 ? "invalid_auth" : "failed", status: "error", message: "trouble", category: "TROUBLE" },
      { status, headers },
    );
  const listener = getRequestListener(
    (request) => {
      if (now === "black hole") return new Promise<Response>(() => undefined);
      if (now === "500") return json(500);
      if (now === "429") return json(429, { "retry-after": String(RETRY_AFTER_SECONDS) });
      if (now === "401") return json(401);
      return sandbox.fetch?.(request) as Promise<Response>;
    },
    { overrideGlobalObjects: false },
  );
  const listen = (port: number) =>
    new Promise<Server>((resolve, reject) => {
      const one = createServer({ keepAliveTimeout: 60_000 }, listener).once("error", reject);
      one.listen(port, "127.0.0.1", () => resolve(one));
    });
  let server: Server | undefined = await listen(0);
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
    server = undefined;
  };
  return {
    sandbox,
    url: `http://127.0.0.1:${port}`,
    close,
    async trouble(next) {
      now = next;
      if (next === "refused") await close();
      else {
        server ??= await listen(port);
        // Who hangs in a black hole must not stay there once it is gone.
        if (next === undefined) server.closeAllConnections();
      }
    },
  };
}
