import { createServer } from "node:http";
import { expect, onTestFinished } from "vitest";
import type { z } from "zod";
import { hubspot } from "../../connectors/hubspot/index.ts";
import type { HubSpotWith } from "../../connectors/hubspot/mapping.ts";
import { createSandbox, type HubSpotSandboxOptions } from "../../connectors/hubspot/sandbox/index.ts";
import type { Delivery, OpenDestination, Receipt, Sandbox, SetupStep, SharedCall } from "../../src/connector/index.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { type Exchange, faultsOf } from "../specs/hubspot.ts";

export const KEY = "voiceinfra/call_01HXYZ123456";
export const UPSERT = "/crm/objects/2026-09/calls/batch/upsert";
export const SEARCH = "/crm/objects/2026-09/contacts/search";
export const ASSOCIATE = "/crm/associations/2026-09/calls/contacts/batch/associate/default";

export function without(call: SharedCall, ...names: (keyof SharedCall)[]): SharedCall {
  return Object.fromEntries(Object.entries(call).filter(([name]) => !names.includes(name as keyof SharedCall))) as unknown as SharedCall;
}

/** A route's `with` as written. */
export type Words = z.input<typeof hubspot.with>;

export function deliveryOf(
  call: SharedCall,
  options: { with?: Words; previous?: Receipt; sinceAcceptedMs?: number } = {},
): Delivery<HubSpotWith> {
  return {
    key: `${call.source}/${call.call_id}`,
    call,
    with: hubspot.with.parse(options.with ?? {}),
    previous: options.previous,
    sinceAcceptedMs: options.sinceAcceptedMs ?? 0,
    related: undefined,
  };
}

export interface SeenRequest {
  method: string;
  path: string;
  body: unknown;
}

/** What was asked, and what the stand-in answered. */
export type { Exchange } from "../specs/hubspot.ts";

export interface Setup {
  sandbox: Sandbox;
  url: string;
  /** All requests so far, also those that a fault answered. */
  seen: SeenRequest[];
  seenAt(path: string): SeenRequest[];
  /** The same, each with its answer. */
  exchanges: Exchange[];
  /** The next request to this path is answered with this instead, once; the sandbox does not see it. */
  failNext(path: string, answer: (request: Request) => Response | Promise<Response>): void;
  /** `patchbay setup`. */
  prepare(): Promise<SetupStep[] | undefined>;
  open(settings?: Record<string, string>, timeoutMs?: number): Promise<OpenDestination<HubSpotWith>>;
  /** Asks the sandbox as a person with the same token would. */
  ask(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
}

/**
 * A sandbox that is set up, served on loopback; limits are off unless asked for, since few tests are about them. Every request of the connector, and
 * every answer of the sandbox, is held to the contract when the test is over.
 */
export async function setUp(options: HubSpotSandboxOptions = {}): Promise<Setup> {
  const sandbox = createSandbox({ limits: false, ...options });
  const seen: SeenRequest[] = [];
  const exchanges: Exchange[] = [];
  const faults: { path: string; answer: (request: Request) => Response | Promise<Response> }[] = [];
  const served = await serveSandbox({
    sandbox: {
      ...sandbox,
      async fetch(request) {
        const { method, url, headers } = request;
        const path = new URL(url).pathname;
        const text = method === "GET" ? "" : await request.clone().text();
        const body = text === "" ? undefined : JSON.parse(text);
        seen.push({ method, path, body });
        const exchange: Exchange = { method, url, headers, body };
        exchanges.push(exchange);
        const at = faults.findIndex((fault) => fault.path === path);
        const [fault] = at < 0 ? [] : faults.splice(at, 1);
        if (fault) return fault.answer(request);
        const answer = (await sandbox.fetch?.(request)) ?? Response.error();
        const answered = await answer.clone().text();
        exchange.answer = { status: answer.status, body: answered === "" ? undefined : JSON.parse(answered) };
        return answer;
      },
    },
  });
  onTestFinished(async () => {
    await served.close();
    expect(exchanges.flatMap(faultsOf)).toEqual([]);
  });
  const settings = sandbox.settings({ url: served.url, folder: "" });

  return {
    sandbox,
    url: served.url,
    seen,
    exchanges,
    seenAt: (path) => seen.filter((one) => one.path === path),
    failNext: (path, answer) => faults.push({ path, answer }),
    prepare: async () => hubspot.setup?.({ settings: hubspot.settings.parse(settings), timezone: "UTC", timeoutMs: 15_000 }),
    open: (changes = {}, timeoutMs = 15_000) =>
      hubspot.open({ settings: hubspot.settings.parse({ ...settings, ...changes }), timezone: "Europe/Berlin", timeoutMs }),
    async ask(method, path, body) {
      const headers = { authorization: `Bearer ${settings.access_token}`, "content-type": "application/json" };
      const request = new Request(`${served.url}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const response = await sandbox.fetch?.(request);
      const text = (await response?.text()) ?? "";
      return { status: response?.status, headers: response?.headers, ...(text === "" ? {} : JSON.parse(text)) };
    },
  };
}

export function send(to: OpenDestination<HubSpotWith>, ...deliveries: Delivery<HubSpotWith>[]) {
  return to.send(deliveries, { signal: AbortSignal.timeout(120_000) });
}

/** A relay that passes requests on and, once, drops the connection when the answer to this path comes. */
export async function dropsAfter(url: string, path: string): Promise<string> {
  let left = 1;
  const relay = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = { authorization: request.headers.authorization ?? "", "content-type": "application/json" };
    const body = request.method === "GET" ? undefined : Buffer.concat(chunks);
    const answer = await fetch(`${url}${request.url}`, { method: request.method ?? "GET", headers, ...(body ? { body } : {}) });
    const text = await answer.text();
    if (request.url === path && left-- > 0) return void request.socket.destroy();
    response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    relay.closeAllConnections();
    await new Promise((resolve) => relay.close(resolve));
  });
  const address = relay.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}
