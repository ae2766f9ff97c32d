import { setTimeout as delay } from "node:timers/promises";
import type { Sandbox, SandboxOptions, VendorFault } from "../../../src/connector/index.ts";
import { checkBlocks, checkMetadata, mentionsIn } from "./blocks.ts";
import { createBuckets } from "./limits.ts";
import { BOT, type Form, type Message, readHistory, readReplies, refuse, shown, userByEmail } from "./reads.ts";

const TOKEN = "xoxb-sandbox";
const SCOPES = "chat:write,channels:history,groups:history,users:read,users:read.email";

interface Channel {
  name: string;
  /** Whether the bot was invited. */
  member: boolean;
  archived?: boolean;
}

/** Where the bot is, where it is not, and one that is closed. */
const CHANNELS = new Map<string, Channel>([
  ["C0123456789", { name: "sales", member: true }],
  ["C0123456780", { name: "support", member: true }],
  ["C0123456781", { name: "marketing", member: true }],
  ["C0123456782", { name: "billing", member: true }],
  ["C0NOTINVITED", { name: "board", member: false }],
  ["C0ARCHIVED01", { name: "old", member: true, archived: true }],
]);

/**
 * "About one message a second and channel, short bursts are tolerated" (docs.slack.dev/apis/web-api/rate-limits). How short is not said:
 * 20 here, so that a demo is not a lesson in patience. Tier 3 methods: 50 a minute.
 */
const POSTS = { burst: 20, perSecond: 1 };
const TIER_3 = { burst: 50, perSecond: 50 / 60 };

type Answer = Record<string, unknown> & { ok: boolean };

/** Slack's Web API, as far as a bot that writes call summaries meets it. */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const { limits = true, latencyMs = 0 } = options;
  const messages: Message[] = [];
  const takeToken = createBuckets();
  let lastTs = 0;

  /** Unique and rising, as Slack's are: seconds with six digits behind the point. */
  function nextTs(): string {
    lastTs = Math.max(lastTs + 1, Date.now() * 1000);
    return `${Math.floor(lastTs / 1e6)}.${String(lastTs % 1e6).padStart(6, "0")}`;
  }

  function channelError(id: string): string | undefined {
    const channel = CHANNELS.get(id);
    if (!channel) return "channel_not_found";
    if (!channel.member) return "not_in_channel";
    return undefined;
  }

  function content(form: Form): Pick<Message, "text" | "blocks" | "metadata" | "mentions"> | Answer {
    const text = form.get("text") ?? "";
    const blocks = checkBlocks(form.get("blocks") ?? "[]");
    if ("error" in blocks) return refuse(blocks.error, blocks.messages ? { response_metadata: { messages: blocks.messages } } : {});
    if (text === "" && blocks.blocks.length === 0) return refuse("no_text");
    if ([...text].length > 40_000) return refuse("msg_too_long");
    const metadata = form.has("metadata") ? checkMetadata(form.get("metadata") ?? "") : { metadata: undefined };
    if ("error" in metadata) return refuse(metadata.error);
    return { text, blocks: blocks.blocks, metadata: metadata.metadata, mentions: mentionsIn([text, ...blocks.texts]) };
  }

  const methods: Record<string, { limit?: { burst: number; perSecond: number }; run(form: Form): Answer }> = {
    "auth.test": {
      run: () => ({ ok: true, url: "https://sandbox.slack.com/", team: "Sandbox", user: "patchbay", ...BOT }),
    },

    "chat.postMessage": {
      limit: POSTS,
      run(form) {
        const channel = form.get("channel") ?? "";
        const wrong = channelError(channel) ?? (CHANNELS.get(channel)?.archived ? "is_archived" : undefined);
        if (wrong) return refuse(wrong);
        const checked = content(form);
        if ("ok" in checked) return checked;
        const thread = form.get("thread_ts");
        // Not documented for chat.postMessage; what Slack answers to a reply under a message that is not there.
        if (thread !== undefined && !messages.some((one) => one.channel === channel && one.ts === thread))
          return refuse("thread_not_found");
        const message = { ...checked, channel, ts: nextTs(), thread, edited: 0 };
        messages.push(message);
        return { ok: true, channel, ts: message.ts, message: shown(message, false) };
      },
    },

    "chat.update": {
      limit: TIER_3,
      run(form) {
        const channel = form.get("channel") ?? "";
        const wrong = channelError(channel) ?? (CHANNELS.get(channel)?.archived ? "is_inactive" : undefined);
        if (wrong) return refuse(wrong);
        const message = messages.find((one) => one.channel === channel && one.ts === form.get("ts"));
        if (!message) return refuse("message_not_found");
        const checked = content(form);
        if ("ok" in checked) return checked;
        // Metadata that an update does not name stays.
        Object.assign(message, checked, { metadata: checked.metadata ?? message.metadata, edited: message.edited + 1 });
        return { ok: true, channel, ts: message.ts, text: message.text, message: shown(message, false) };
      },
    },

    "chat.delete": {
      limit: TIER_3,
      run(form) {
        const channel = form.get("channel") ?? "";
        const wrong = channelError(channel);
        if (wrong) return refuse(wrong);
        const at = messages.findIndex((one) => one.channel === channel && one.ts === form.get("ts"));
        if (at < 0) return refuse("message_not_found");
        const [message] = messages.splice(at, 1);
        return { ok: true, channel, ts: message?.ts };
      },
    },

    "conversations.history": { limit: TIER_3, run: (form) => readHistory({ form, messages, channelError }) },
    "conversations.replies": { limit: TIER_3, run: (form) => readReplies({ form, messages, channelError }) },
    "users.lookupByEmail": { limit: TIER_3, run: (form) => userByEmail(form) },
  };

  async function answer(request: Request): Promise<Response> {
    if (latencyMs > 0) await delay(latencyMs);
    const name = /^\/api\/([\w.]+)$/.exec(new URL(request.url).pathname)?.[1] ?? "";
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (!method) return Response.json(refuse("unknown_method", { req_method: name }));
    if (request.method !== "POST" || request.headers.get("content-type")?.split(";")[0] !== "application/x-www-form-urlencoded") {
      return Response.json(refuse("invalid_form_data"));
    }
    const form: Form = new Map(new URLSearchParams(await request.text()));
    const token = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
    if (token !== TOKEN) return Response.json(refuse(token === undefined ? "not_authed" : "invalid_auth"));
    if (limits && method.limit) {
      const waitS = takeToken(name === "chat.postMessage" ? `${name} ${form.get("channel")}` : name, method.limit);
      if (waitS > 0) return Response.json(refuse("ratelimited"), { status: 429, headers: { "retry-after": String(waitS) } });
    }
    return Response.json(method.run(form), { headers: { "x-oauth-scopes": SCOPES } });
  }

  return {
    example: { channel: [...CHANNELS].find(([, { member, archived }]) => member && !archived)?.[0] },
    wrong: { token: "xoxb-wrong-credential" },
    writes: ({ path }) => /\/chat\.(postMessage|update)$/.test(path),
    fault: faultOf,
    fetch: answer,
    // A sandbox without limits is for who wants no pace either.
    settings: ({ url }) => ({ base_url: `${url}/api/`, token: TOKEN, ...(limits ? {} : { rate: "none" }) }),
    records: async () =>
      messages.map((message) => ({
        key: String(message.metadata?.event_payload.key ?? ""),
        id: message.ts,
        line: `#${CHANNELS.get(message.channel)?.name} · "${titleOf(message)}"${message.edited > 0 ? " (edited)" : ""} · ${message.ts}`,
        body: { ...message },
      })),
  };
}

/** The header's text, or the first line of what stands there instead. */
function titleOf(message: Message): string {
  const first = message.blocks[0];
  const text = first?.type === "header" ? first.text.text : message.text;
  return text.split("\n")[0] ?? "";
}

function faultOf(kind: VendorFault): Response {
  switch (kind) {
    case "rate-limited":
      return Response.json(refuse("ratelimited"), { status: 429, headers: { "retry-after": "1" } });
    case "rate-limited-silent":
      return Response.json(refuse("ratelimited"));
    case "server-error":
      return new Response("upstream error", { status: 500 });
    case "unauthorized":
      return Response.json(refuse("token_revoked"));
  }
}
