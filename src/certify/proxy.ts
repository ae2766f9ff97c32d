import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Sandbox } from "../connector/index.ts";
import { parseRetryAfterMs } from "../lib/net/retry-after.ts";
import type { Fault } from "./faults.ts";
import { injectWireFault } from "./wire-faults.ts";

/** A request that came to the proxy. */
export interface SeenRequest {
  /** When it came, on the clock of `performance.now()`. */
  atMs: number;
  writes: boolean;
  /** The sandbox's answer is JSON: something is read from it. */
  isJson?: boolean;
  /** Of the answer; undefined while there is none, or when it was not one. */
  status?: number;
}

/** How far a request has come: seen, carried out by the sandbox, answered. */
export type Step = "seen" | "carried out" | "answered";

export interface FaultProxy {
  url: string;
  readonly requests: readonly SeenRequest[];
  /** Puts the fault on the next write, on every write where it lasts, or on the request `at`, counted from 0; other requests pass. */
  meet(fault: Fault, at?: number): void;
  /** What came since a request met the fault, and what its answer named in Retry-After; undefined: none has met it. */
  met(): { atMs: number; requestsSince: number; askedMs: number | undefined } | undefined;
  /** Every write passes again. */
  clear(): void;
  /** Resolves when the sandbox has carried out all that reached it. */
  carriedOut(): Promise<void>;
  /** Whether the answer to the last write was JSON. */
  answersJson(): boolean;
  close(): Promise<void>;
}

/** Headers of one connection, and of a body that was decompressed. */
const OF_THE_CONNECTION = new Set(["connection", "transfer-encoding", "keep-alive", "expect", "content-encoding"]);

/** Serves a sandbox, with faults on demand. `onStep` may stop a request for good by answering `false`. */
export async function startFaultProxy(options: {
  sandbox: Sandbox;
  slowMs: number;
  lateMs: number;
  onStep?: ((step: Step, index: number) => Promise<boolean>) | undefined;
}): Promise<FaultProxy> {
  const { sandbox, slowMs, lateMs, onStep = async () => true } = options;
  const requests: SeenRequest[] = [];
  let fault: Fault | undefined;
  let faultAt: number | undefined;
  let met: { atRequest: number; atMs: number; askedMs: number | undefined } | undefined;
  const underWay = new Set<Promise<unknown>>();

  async function carryOut(incoming: IncomingMessage, url: string, body: Buffer): Promise<Answer> {
    const done = Promise.resolve(fetchOf(sandbox)(requestOf(incoming, url, body))).then(answerOf);
    underWay.add(done);
    try {
      return await done;
    } finally {
      underWay.delete(done);
    }
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const { method = "GET", url = "/" } = incoming;
    const seen: SeenRequest = { atMs: performance.now(), writes: sandbox.writes?.({ method, path: url.split("?")[0] ?? "" }) ?? false };
    const index = requests.push(seen) - 1;
    const hit = (faultAt === undefined ? seen.writes : index === faultAt) ? fault : undefined;
    if (hit && !hit.lasts) fault = undefined;
    if (hit) met = { atRequest: index, atMs: seen.atMs, askedMs: met?.askedMs };
    if (!(await onStep("seen", index))) return;

    let answer: Answer = { status: 200, headers: {}, body: Buffer.alloc(0) };
    if (!hit || hit.carriedOut) answer = await carryOut(incoming, url, body);
    if (!(await onStep("carried out", index))) return;
    if (hit && "vendor" in hit.does) {
      answer = await answerOf(sandbox.fault?.(hit.does.vendor) ?? new Response("the sandbox has no fault()", { status: 500 }));
      met = { atRequest: index, atMs: seen.atMs, askedMs: parseRetryAfterMs(answer.headers["retry-after"], Date.now()) };
    }
    const give = () => {
      seen.status = answer.status;
      response.writeHead(answer.status, answer.headers);
      response.end(method === "HEAD" ? undefined : answer.body, () => void onStep("answered", index));
    };
    if (hit && "wire" in hit.does)
      return injectWireFault({ how: hit.does.wire, text: answer.body.toString(), response, slowMs, lateMs, answer: give });
    seen.isJson = holdsJson(answer.body);
    give();
  }

  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    meet(one, at) {
      fault = one;
      faultAt = at;
      met = undefined;
    },
    met: () => met && { atMs: met.atMs, requestsSince: requests.length - 1 - met.atRequest, askedMs: met.askedMs },
    clear() {
      fault = undefined;
    },
    async carriedOut() {
      // What has been written to a socket is read in the next turns of the event loop.
      for (let turn = 0; turn < 3; turn += 1) await nextTurn();
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
    answersJson: () => requests.findLast(({ writes }) => writes)?.isJson ?? false,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function requestOf(incoming: IncomingMessage, url: string, body: Buffer): Request {
  const headers = Object.entries(incoming.headers).filter(([name]) => !OF_THE_CONNECTION.has(name)) as [string, string][];
  const { method = "GET" } = incoming;
  return new Request(`http://${incoming.headers.host}${url}`, { method, headers, ...(body.length > 0 ? { body } : {}) });
}

async function answerOf(response: Response): Promise<Answer> {
  const headers = [...response.headers].filter(([name]) => !OF_THE_CONNECTION.has(name));
  return { status: response.status, headers: Object.fromEntries(headers), body: Buffer.from(await response.arrayBuffer()) };
}

function fetchOf({ fetch }: Sandbox): NonNullable<Sandbox["fetch"]> {
  if (!fetch) throw new Error("a sandbox without fetch has no proxy");
  return fetch;
}

function holdsJson(body: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}
