import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Ingress, startIngress } from "../../src/ingress/index.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { Secret } from "../../src/lib/secret.ts";
import { CALLS_TOPIC, type Log, type Message, QUARANTINE_TOPIC, type Topic } from "../../src/log/log.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";

export const SECRET = "patchbay-example-secret";
export const OLD_SECRET = "the-one-before";

export const sign = (body: Uint8Array | string, secret = SECRET) => createHmac("sha256", secret).update(body).digest("hex");

export interface TestIngress {
  ingress: Ingress;
  url: string;
  log: Log;
  /** Posts the documented example, or what is given, signed unless headers say otherwise. */
  post(options?: { body?: Uint8Array | string; headers?: Record<string, string>; path?: string; method?: string }): Promise<{
    status: number;
    headers: Headers;
    json: Record<string, unknown>;
  }>;
  stored(topic?: Topic): Promise<Message[]>;
}

/** An ingress on the embedded log; `wrap` may put itself between the two. */
export async function testIngress(options: { wrap?: (log: Log) => Log } = {}): Promise<TestIngress> {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-ingress-"));
  const log = await openSqliteLog({ path: join(folder, "log.db") });
  const sources = [
    { name: "voiceinfra", secrets: [new Secret(SECRET), new Secret(OLD_SECRET)], allowUnsigned: false },
    { name: "open", secrets: [], allowUnsigned: true },
  ];
  const ingress = await startIngress({ sources, log: options.wrap?.(log) ?? log, logger: createLogger({ level: "silent" }), port: 0 });
  onTestFinished(async () => {
    await ingress.stop({ graceMs: 100 });
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    ingress,
    url: ingress.url,
    log,
    async post({ body = documentedExample(), headers, path = "/webhooks/voiceinfra", method = "POST" } = {}) {
      const response = await fetch(`${ingress.url}${path}`, {
        method,
        headers: { "x-voiceinfra-signature": sign(body), ...headers },
        body: method === "GET" ? undefined : (body as Uint8Array<ArrayBuffer>),
      });
      return { status: response.status, headers: response.headers, json: (await response.json()) as Record<string, unknown> };
    },
    stored: (topic = CALLS_TOPIC) => log.read({ topic, partition: 0, from: 0, limit: 100_000 }),
  };
}

export { CALLS_TOPIC, QUARANTINE_TOPIC };

/** Writes raw bytes and resolves with all that comes back, when the server closes or `until` is found. */
export function raw(port: number, write: string, options: { until?: RegExp; endAfterWrite?: boolean } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let received = "";
    socket.on("connect", () => {
      socket.write(write);
      if (options.endAfterWrite) socket.destroySoon();
    });
    socket.on("data", (chunk) => {
      received += chunk;
      if (options.until?.test(received)) socket.destroy();
    });
    socket.on("close", () => resolve(received));
    socket.on("error", (error: NodeJS.ErrnoException) => (error.code === "ECONNRESET" ? resolve(received) : reject(error)));
  });
}
