import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Sandbox } from "../../src/connector.ts";

/** What becomes of one request; all but the last two have the sandbox carry it out first. */
export const FAULTS = [
  "never answers",
  "answers after the time-out",
  "answers half a body and closes",
  "closes in the middle of its head",
  "closes without an answer",
  "answers HTML with 200",
  "answers an empty body with 200",
  "answers JSON of another shape with 200",
  "drips one byte a second",
  "answers HTML with 200 and has done nothing",
  "closes without an answer and has done nothing",
] as const;
export type Fault = (typeof FAULTS)[number];

export interface FaultProxy {
  url: string;
  /** Requests that were carried out by the sandbox for a `hit`. */
  carriedOut(): number;
  /** The next request that `hits` is met with the fault; every other passes. */
  next(fault: Fault): void;
  close(): Promise<void>;
}

/** Stands before a sandbox and misbehaves as servers and proxies do, below what an API's own error shapes can say. */
export async function startFaultProxy(options: {
  sandbox: Sandbox;
  hits(request: { method: string; path: string }): boolean;
  lateMs: number;
}): Promise<FaultProxy> {
  const { sandbox, hits, lateMs } = options;
  let fault: Fault | undefined;
  let carried = 0;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "GET", url = "/" } = request;
    const hit = fault !== undefined && hits({ method, path: url.split("?")[0] ?? "" }) ? fault : undefined;
    if (hit) fault = undefined;
    if (hit?.endsWith("has done nothing")) return misbehave(hit, "", response);
    const headers = Object.entries(request.headers).filter(
      ([name]) => !["host", "connection", "content-length", "transfer-encoding"].includes(name),
    );
    const body = Buffer.concat(chunks);
    const answer = await (sandbox.fetch as (request: Request) => Promise<Response>)(
      new Request(`http://${request.headers.host}${url}`, {
        method,
        headers: headers as [string, string][],
        ...(body.length > 0 ? { body } : {}),
      }),
    );
    const text = await answer.text();
    if (hit) {
      carried += 1;
      return misbehave(hit, text, response);
    }
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "application/json" }).end(text);
  }

  function misbehave(hit: Fault, text: string, response: ServerResponse): void {
    const { socket } = response;
    const json = { "content-type": "application/json" };
    switch (hit) {
      case "never answers":
        return;
      case "answers after the time-out":
        setTimeout(() => response.writeHead(200, json).end(text), lateMs).unref();
        return;
      case "answers half a body and closes":
        response.writeHead(200, { ...json, "content-length": Buffer.byteLength(text) });
        response.write(text.slice(0, Math.floor(text.length / 2)), () => socket?.destroy());
        return;
      case "closes in the middle of its head":
        socket?.end("HTTP/1.1 200 OK\r\ncontent-ty");
        return;
      case "closes without an answer":
      case "closes without an answer and has done nothing":
        socket?.resetAndDestroy();
        return;
      case "answers HTML with 200":
      case "answers HTML with 200 and has done nothing":
        response.writeHead(200, { "content-type": "text/html" }).end("<html><body>+14155550100 Please log in</body></html>");
        return;
      case "answers an empty body with 200":
        response.writeHead(200, json).end();
        return;
      case "answers JSON of another shape with 200":
        response.writeHead(200, json).end('{"hello":["world","+14155550100"]}');
        return;
      case "drips one byte a second": {
        response.writeHead(200, { ...json, "content-length": Buffer.byteLength(text) });
        let at = 0;
        const drip = setInterval(() => {
          if (response.destroyed || at >= text.length) return clearInterval(drip);
          response.write(text[at]);
          at += 1;
        }, 1_000).unref();
        return;
      }
    }
  }

  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    carriedOut: () => carried,
    next(one) {
      fault = one;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
