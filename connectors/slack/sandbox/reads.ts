import type { Blocks, Metadata } from "./blocks.ts";

export const BOT = { bot_id: "B0SANDBOX01", user_id: "U0SANDBOX01", app_id: "A0SANDBOX01", team_id: "T0SANDBOX01" };

/** Who has an account in the sandbox' workspace. */
const USERS = new Map([
  ["sales@example.com", "U0SALES0001"],
  ["dana.owner@example.com", "U0OWNER0001"],
]);

export interface Message {
  channel: string;
  ts: string;
  /** Of the message that it is a reply to. */
  thread: string | undefined;
  text: string;
  blocks: Blocks;
  metadata: Metadata | undefined;
  mentions: string[];
  edited: number;
}

type Answer = Record<string, unknown> & { ok: boolean };
export type Form = Map<string, string>;

interface Asked {
  form: Form;
  messages: Message[];
  channelError(channel: string): string | undefined;
}

export const refuse = (error: string, more: Record<string, unknown> = {}): Answer => ({ ok: false, error, ...more });

/** conversations.history: a channel's messages, the newest first; replies are not among them. */
export function readHistory({ form, messages, channelError }: Asked): Answer {
  const channel = form.get("channel") ?? "";
  const wrong = channelError(channel);
  if (wrong) return refuse(wrong);
  return page(form, messages.filter((one) => one.channel === channel && one.thread === undefined && inSpan(form, one.ts)).toReversed());
}

/** conversations.replies: a thread, the oldest first; its first message comes whatever the span is. */
export function readReplies({ form, messages, channelError }: Asked): Answer {
  const channel = form.get("channel") ?? "";
  const wrong = channelError(channel);
  if (wrong) return refuse(wrong);
  const asked = messages.find((one) => one.channel === channel && one.ts === form.get("ts"));
  if (!asked) return refuse("thread_not_found");
  const parent = asked.thread ?? asked.ts;
  return page(
    form,
    messages.filter((one) => one.channel === channel && (one.ts === parent || (one.thread === parent && inSpan(form, one.ts)))),
  );
}

function inSpan(form: Form, ts: string): boolean {
  const [oldest, latest] = [Number(form.get("oldest") ?? 0), Number(form.get("latest") ?? Number.POSITIVE_INFINITY)];
  const inclusive = form.get("inclusive") === "true";
  const at = Number(ts);
  return inclusive ? at >= oldest && at <= latest : at > oldest && at < latest;
}

function page(form: Form, found: Message[]): Answer {
  const limit = Number(form.get("limit") ?? 100);
  if (!Number.isInteger(limit) || limit < 1 || limit > 999) return refuse("invalid_limit");
  if (Number.isNaN(Number(form.get("oldest") ?? 0))) return refuse("invalid_ts_oldest");
  if (Number.isNaN(Number(form.get("latest") ?? 0))) return refuse("invalid_ts_latest");
  const from = form.has("cursor") ? Number(Buffer.from(form.get("cursor") ?? "", "base64").toString()) : 0;
  if (!Number.isInteger(from)) return refuse("invalid_cursor");
  const more = from + limit < found.length;
  return {
    ok: true,
    messages: found.slice(from, from + limit).map((message) => shown(message, form.get("include_all_metadata") === "true")),
    has_more: more,
    response_metadata: { next_cursor: more ? Buffer.from(String(from + limit)).toString("base64") : "" },
  };
}

export function userByEmail(form: Form): Answer {
  const id = USERS.get(form.get("email") ?? "");
  return id === undefined ? refuse("users_not_found") : { ok: true, user: { id, team_id: BOT.team_id, deleted: false } };
}

export function shown(message: Message, withMetadata: boolean): Record<string, unknown> {
  const { ts, thread, text, blocks, metadata } = message;
  const { bot_id, app_id, user_id: user, team_id: team } = BOT;
  const inThread = thread === undefined ? {} : { thread_ts: thread };
  return { type: "message", ts, ...inThread, user, team, bot_id, app_id, text, blocks, ...(withMetadata && metadata ? { metadata } : {}) };
}
