import { setTimeout as delay } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import type { Sandbox, SandboxOptions, VendorFault } from "../../../src/connector/index.ts";

const PATH = "/hooks/calls";
const SECRET = `whsec_${Buffer.from("patchbay sandbox signing secret!").toString("base64")}`;
const WRONG = `whsec_${Buffer.from("wrong-credential, 32 bytes long.").toString("base64")}`;

/** The specification recommends 20 kB; receivers commonly refuse above a megabyte (nginx's client_max_body_size is 1 MB). */
const MAX_BODY_BYTES = 1024 * 1024;
const EVENT_TYPE = /^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$/;
const ISO_8601 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

interface Received {
  /** Without its last part, which is the version's. */
  id: string;
  versions: number;
  body: { type: string; timestamp: string; data: Record<string, unknown> };
}

/**
 * A receiver as the standard wants it: it verifies with the reference library (npm standardwebhooks), takes each webhook-id once, and keeps the
 * newest version of each call.
 */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const { latencyMs = 0 } = options;
  const verifier = new Webhook(SECRET);
  const seen = new Set<string>();
  const kept = new Map<string, Received>();

  async function answer(request: Request): Promise<Response> {
    if (latencyMs > 0) await delay(latencyMs);
    if (new URL(request.url).pathname !== PATH) return Response.json({ error: "not found" }, { status: 404 });
    if (request.method !== "POST") return Response.json({ error: "method not allowed" }, { status: 405 });
    const raw = Buffer.from(await request.arrayBuffer());
    if (raw.byteLength > MAX_BODY_BYTES) return Response.json({ error: "too large" }, { status: 413 });
    if (request.headers.get("content-type")?.split(";")[0] !== "application/json")
      return Response.json({ error: "no JSON" }, { status: 415 });
    const id = request.headers.get("webhook-id") ?? "";
    try {
      verifier.verify(raw, Object.fromEntries(request.headers));
    } catch {
      return Response.json({ error: "bad signature" }, { status: 401 });
    }
    const body = JSON.parse(raw.toString("utf8"));
    const wrong = complaintAbout(id, body);
    if (wrong) return Response.json({ error: wrong }, { status: 400 });
    take(id, body);
    return new Response(null, { status: 204 });
  }

  function take(id: string, body: Received["body"]): void {
    if (seen.has(id)) return;
    seen.add(id);
    const key = String(body.data.delivery_key);
    kept.set(key, { id: id.replace(/_[^_]*$/, ""), versions: (kept.get(key)?.versions ?? 0) + 1, body });
  }

  return {
    example: {},
    wrong: { secret: WRONG },
    writes: ({ method, path }) => method === "POST" && path === PATH,
    fault: faultOf,
    fetch: answer,
    settings: ({ url }) => ({ url: `${url}${PATH}`, secret: SECRET, allow_http: "true", allow_private: "true" }),
    records: async () =>
      [...kept].map(([key, { id, versions, body }]) => ({
        key,
        id,
        line: `${body.type} · ${body.data.call_id}${versions > 1 ? ` (${versions} versions)` : ""} · ${id}`,
        body: { ...body },
      })),
  };
}

/** What the specification's "Payload structure" and "webhook-id" ask for. */
function complaintAbout(id: string, body: unknown): string | undefined {
  if (!/^[A-Za-z0-9_-]{8,100}$/.test(id)) return "webhook-id is not an id";
  if (typeof body !== "object" || body === null) return "the body is not an object";
  const { type, timestamp, data } = body as Record<string, unknown>;
  if (typeof type !== "string" || !EVENT_TYPE.test(type)) return "type is not an event type";
  if (typeof timestamp !== "string" || !ISO_8601.test(timestamp)) return "timestamp is not an ISO 8601 time";
  if (typeof data !== "object" || data === null || !("delivery_key" in data)) return "data has no delivery_key";
  return undefined;
}

function faultOf(kind: VendorFault): Response {
  switch (kind) {
    case "rate-limited":
      return Response.json({ error: "slow down" }, { status: 429, headers: { "retry-after": "1" } });
    case "rate-limited-silent":
      return Response.json({ error: "slow down" }, { status: 429 });
    case "server-error":
      return new Response("<h1>500 Internal Server Error</h1>", { status: 500, headers: { "content-type": "text/html" } });
    case "unauthorized":
      return Response.json({ error: "bad signature" }, { status: 401 });
  }
}
