import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { Sandbox, SandboxOptions, VendorFault } from "../../../src/connector/index.ts";

const TOKEN = "sandbox-token";

/** What Example takes: make it as strict as the vendor's documentation is, and answer in the vendor's own words. */
const record = z.strictObject({
  title: z.string().min(1).max(1_000),
  note: z.string().max(10_000).optional(),
  outcome: z.string().optional(),
  started_at: z.string(),
  duration_seconds: z.int().min(0),
});

/** Example's limit, as its documentation has it: so many requests in a second. */
const PER_SECOND = 50;

/** Example's API, as far as calls meet it. */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const { limits = true, latencyMs = 0 } = options;
  const records = new Map<string, { id: string; body: Record<string, unknown> }>();
  let second = { startedAtMs: 0, requests: 0 };

  function overLimit(): boolean {
    const nowMs = performance.now();
    if (nowMs - second.startedAtMs >= 1_000) second = { startedAtMs: nowMs, requests: 0 };
    second.requests += 1;
    return limits && second.requests > PER_SECOND;
  }

  async function answer(request: Request): Promise<Response> {
    if (latencyMs > 0) await delay(latencyMs);
    if (request.headers.get("authorization") !== `Bearer ${TOKEN}`) return faultOf("unauthorized");
    if (overLimit()) return faultOf("rate-limited");
    const { pathname } = new URL(request.url);
    if (request.method === "GET" && pathname === "/me") return Response.json({ name: "sandbox" });
    const key = /^\/calls\/([^/]+)$/.exec(pathname)?.[1];
    if (key === undefined || request.method !== "PUT") return Response.json({ error: "not found" }, { status: 404 });
    const parsed = record.safeParse(await request.json().catch(() => undefined));
    if (!parsed.success) return Response.json({ error: z.prettifyError(parsed.error) }, { status: 400 });
    const kept = records.get(key) ?? { id: String(records.size + 1), body: {} };
    records.set(key, { ...kept, body: { ...kept.body, ...parsed.data } });
    return Response.json({ id: kept.id });
  }

  return {
    example: {},
    wrong: { token: "wrong-credential" },
    writes: ({ method }) => method === "PUT",
    fault: faultOf,
    fetch: answer,
    settings: ({ url }) => ({ base_url: url, token: TOKEN }),
    records: async () =>
      [...records].map(([key, { id, body }]) => ({ key: decodeURIComponent(key), id, line: `"${body.title}" · ${id}`, body })),
  };
}

function faultOf(kind: VendorFault): Response {
  switch (kind) {
    case "rate-limited":
      return Response.json({ error: "slow down" }, { status: 429, headers: { "retry-after": "1" } });
    case "rate-limited-silent":
      return Response.json({ error: "slow down" }, { status: 429 });
    case "server-error":
      return Response.json({ error: "internal" }, { status: 500 });
    case "unauthorized":
      return Response.json({ error: "bad token" }, { status: 401 });
  }
}
