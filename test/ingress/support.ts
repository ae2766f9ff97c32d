import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Ingress, type IngressOptions, startIngress } from "../../src/ingress/index.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { Secret } from "../../src/lib/secret.ts";
import { CALLS_TOPIC, type Log, type Message, QUARANTINE_TOPIC, type Topic } from "../../src/log/log.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { startIngressOps } from "../../src/monitoring/ingress.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";

export const SECRET = "patchbay-example-secret";
export const OLD_SECRET = "the-one-before";

export const sign = (body: Uint8Array | string, secret = SECRET) => createHmac("sha256", secret).update(body).digest("hex");

export interface TestIngress {
  ingress: Ingress;
  url: string;
  /** `http://127.0.0.1:<ops port>` */
  opsUrl: string;
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
export async function testIngress(
  options: { wrap?: (log: Log) => Log } & Partial<
    Pick<IngressOptions, "sources" | "logger" | "host" | "trustedProxies" | "quotaBytes" | "closeAfterMs">
  > = {},
): Promise<TestIngress> {
  const { wrap, ...rest } = options;
  const folder = mkdtempSync(join(tmpdir(), "patchbay-ingress-"));
  const log = await openSqliteLog({ path: join(folder, "log.db") });
  onTestFinished(async () => {
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const sources = [
    { name: "voiceinfra", secrets: [new Secret(SECRET), new Secret(OLD_SECRET)], allowUnsigned: false },
    { name: "open", secrets: [], allowUnsigned: true },
  ];
  const ingress = await startIngress({ sources, log: wrap?.(log) ?? log, logger: createLogger({ level: "silent" }), port: 0, ...rest });
  const ops = await startIngressOps({ port: 0, ingress });
  onTestFinished(async () => {
    await ingress.stop({ graceMs: 100 });
    await ops.stop();
  });
  return {
    ingress,
    url: ingress.url,
    opsUrl: ops.url,
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

/** The documented example as another call. */
export function callWithId(callId: string): string {
  return documentedExample().toString().replace("call_01HXYZ123456", callId);
}

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

export interface RawConnection {
  write(text: string | Uint8Array): void;
  /** The next answer whole, by its content-length; what there is when the server closes. */
  answer(): Promise<string>;
  /** Resolves when the server has closed it. */
  closed: Promise<void>;
}

/** A connection that a test writes to byte by byte. */
export function openRaw(port: number): Promise<RawConnection> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    const closed = new Promise<void>((done) => socket.once("close", () => done()));
    let received = "";
    let wake: () => void = () => undefined;
    const take = () => {
      const head = received.indexOf("\r\n\r\n");
      if (head < 0) return undefined;
      const end = head + 4 + (/^HTTP\/1\.1 100/.test(received) ? 0 : Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0));
      if (received.length < end) return undefined;
      const answer = received.slice(0, end);
      received = received.slice(end);
      return answer;
    };
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      wake();
    });
    socket.on("error", () => undefined);
    socket.once("error", reject);
    socket.once("close", () => wake());
    socket.once("connect", () =>
      resolve({
        write: (text) => void socket.write(text),
        closed,
        async answer() {
          for (;;) {
            const answer = take();
            if (answer !== undefined) return answer;
            if (socket.destroyed) return received;
            await new Promise<void>((done) => {
              wake = done;
            });
          }
        },
      }),
    );
  });
}
