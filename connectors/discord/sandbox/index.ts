import { setTimeout as delay } from "node:timers/promises";
import type { Sandbox, SandboxOptions, VendorFault } from "../../../src/connector/index.ts";
import { problemsOf } from "./form.ts";

const ID = "223704706495545344";
const TOKEN = "sandbox-3d89bb7572e0fb30d8128367b3b1b44fecd1726de135cbe28a41f8b2f777c372";
const PLACE = { guild_id: "199737254929760255", channel_id: "199737254929760256" };

/** Five requests in two seconds and webhook: what Discord's headers are known to say; the docs name no figure ("should not be hard coded"). */
const LIMIT = { requests: 5, windowMs: 2_000 };

interface Message {
  id: string;
  content: Record<string, unknown>;
  edits: number;
}

/** A Discord channel's webhook: get, execute, and get, edit and delete its messages (docs.discord.com/developers/resources/webhook, API v10). */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const { limits = true, latencyMs = 0 } = options;
  const messages = new Map<string, Message>();
  const takenAtMs: number[] = [];
  let lastId = 1_000_000_000_000_000_000n;

  /** Seconds to wait, with fractions; 0 when the request may pass. */
  function overLimit(): number {
    const nowMs = performance.now();
    while (takenAtMs[0] !== undefined && nowMs - takenAtMs[0] >= LIMIT.windowMs) takenAtMs.shift();
    if (takenAtMs.length >= LIMIT.requests) return (LIMIT.windowMs - (nowMs - (takenAtMs[0] ?? nowMs))) / 1000;
    takenAtMs.push(nowMs);
    return 0;
  }

  async function write(request: Request, message: Message | undefined): Promise<Response> {
    if (request.headers.get("content-type")?.split(";")[0] !== "application/json") return refuse(400, 50035, "Invalid Form Body");
    let body: unknown;
    try {
      body = JSON.parse(await request.text());
    } catch {
      return refuse(400, 50109, "The request body contains invalid JSON.");
    }
    const errors = problemsOf(body);
    if (errors) return Response.json({ message: "Invalid Form Body", code: 50035, errors }, { status: 400 });
    const content = body as Record<string, unknown>;
    if (!message && !content.content && !(content.embeds as unknown[] | undefined)?.length)
      return refuse(400, 50006, "Cannot send an empty message");
    lastId += 1n;
    const kept = message ?? { id: String(lastId), content: {}, edits: -1 };
    messages.set(kept.id, { ...kept, content: { ...kept.content, ...content }, edits: kept.edits + 1 });
    if (!message && new URL(request.url).searchParams.get("wait") !== "true") return new Response(null, { status: 204 });
    return Response.json(shown(messages.get(kept.id) ?? kept));
  }

  async function answer(request: Request): Promise<Response> {
    if (latencyMs > 0) await delay(latencyMs);
    const [, version, id, token, messageId] =
      /^\/api\/(v\d+)?\/?webhooks\/(\d+)\/([\w-]+)(?:\/messages\/(\d+))?$/.exec(new URL(request.url).pathname) ?? [];
    if (!/^DiscordBot \(https?:\/\/\S+, [\d.]+\)/.test(request.headers.get("user-agent") ?? ""))
      return refuse(403, 40333, "internal network error");
    if (version !== "v10") return refuse(404, 0, "404: Not Found");
    if (id !== ID) return refuse(404, 10015, "Unknown Webhook");
    if (token !== TOKEN) return refuse(401, 50027, "Invalid Webhook Token");
    const waitS = limits ? overLimit() : 0;
    if (waitS > 0) return rateLimited(waitS);

    const { method } = request;
    if (messageId === undefined && method === "GET")
      return Response.json({ id: ID, type: 1, name: "Calls", avatar: null, token: TOKEN, application_id: null, ...PLACE });
    if (messageId === undefined && method === "POST") return write(request, undefined);
    const message = messages.get(messageId ?? "");
    if (messageId === undefined || !["GET", "PATCH", "DELETE"].includes(method)) return refuse(405, 0, "405: Method Not Allowed");
    if (!message) return refuse(404, 10008, "Unknown Message");
    if (method === "GET") return Response.json(shown(message));
    if (method === "PATCH") return write(request, message);
    messages.delete(message.id);
    return new Response(null, { status: 204 });
  }

  return {
    example: {},
    wrong: { url: `https://discord.com/api/webhooks/${ID}/wrong-credential` },
    writes: ({ method }) => method === "POST" || method === "PATCH",
    fault: faultOf,
    fetch: answer,
    settings: ({ url }) => ({ base_url: `${url}/api`, url: `https://discord.com/api/webhooks/${ID}/${TOKEN}` }),
    records: async () =>
      [...messages.values()].map(({ id, content, edits }) => {
        const [embed] = (content.embeds ?? []) as { title?: string; footer?: { text?: string } }[];
        return {
          key: embed?.footer?.text ?? "",
          id,
          line: `"${embed?.title ?? content.content}"${edits > 0 ? " (edited)" : ""} · ${id}`,
          body: content,
        };
      }),
  };
}

function shown({ id, content, edits }: Message): Record<string, unknown> {
  const { allowed_mentions: _, ...kept } = content;
  return { id, type: 0, content: "", webhook_id: ID, ...PLACE, ...kept, edited_timestamp: edits > 0 ? new Date().toISOString() : null };
}

function refuse(status: number, code: number, message: string): Response {
  return Response.json({ message, code }, { status });
}

/** The header is whole seconds, the body's are exact. */
function rateLimited(waitS: number): Response {
  const headers = {
    "retry-after": String(Math.ceil(waitS)),
    "x-ratelimit-limit": String(LIMIT.requests),
    "x-ratelimit-remaining": "0",
    "x-ratelimit-scope": "user",
  };
  return Response.json({ message: "You are being rate limited.", retry_after: waitS, global: false }, { status: 429, headers });
}

function faultOf(kind: VendorFault): Response {
  switch (kind) {
    case "rate-limited":
      return rateLimited(1);
    case "rate-limited-silent":
      // What stands before Discord's API bans an address in a word of its own.
      return new Response("error code: 1015", { status: 429 });
    case "server-error":
      return refuse(500, 0, "500: Internal Server Error");
    case "unauthorized":
      return refuse(401, 50027, "Invalid Webhook Token");
  }
}
