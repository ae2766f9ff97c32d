import type { WebClient } from "@slack/web-api";
import { NotSlackError } from "./errors.ts";

/** 200 is what Slack recommends at most; ten pages are a thousand seconds of a channel that is as busy as Slack allows, twice. */
const PAGE = 200;
export const MAX_PAGES = 10;

/** A message that this app wrote, as Slack shows it. */
export interface OwnMessage {
  ts: string;
  /** Its metadata's `event_type`. */
  type: string;
  payload: Record<string, unknown>;
}

/**
 * What this app has written into a channel (or into one thread of it) since `oldest`, by its metadata. A channel's history holds no replies.
 * `complete: false`: there is more than {@link MAX_PAGES} pages, or `until` has ended the reading.
 * @throws an error of the SDK when Slack cannot be asked: no scope, a rate limit.
 */
export async function readOwnMessages(options: {
  client: WebClient;
  channel: string;
  thread?: string;
  /** As `ts`: seconds since 1970. */
  oldest: string;
  botId: string | undefined;
  until?: (message: OwnMessage) => boolean;
  /** Hears of each of them as soon as its page is there: a long reading may be cut off. */
  onFound?: (message: OwnMessage) => void;
  signal: AbortSignal;
}): Promise<{ messages: OwnMessage[]; complete: boolean }> {
  const { client, channel, thread, oldest, botId, until = () => false, onFound, signal } = options;
  const found: OwnMessage[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    signal.throwIfAborted();
    const asked = { channel, oldest, limit: PAGE, include_all_metadata: true, ...(cursor ? { cursor } : {}) };
    const answer =
      thread === undefined ? await client.conversations.history(asked) : await client.conversations.replies({ ...asked, ts: thread });
    for (const one of answer.messages ?? []) {
      const ours = ownMessageOf(one, botId);
      if (!ours) continue;
      found.push(ours);
      onFound?.(ours);
      if (until(ours)) return { messages: found, complete: false };
    }
    cursor = answer.response_metadata?.next_cursor;
    if (!answer.has_more || !cursor) return { messages: found, complete: true };
  }
  return { messages: found, complete: false };
}

/** One message as it is now; undefined when it is gone, or not ours. */
export async function readOne(options: {
  client: WebClient;
  channel: string;
  ts: string;
  thread?: string | undefined;
  botId: string | undefined;
}): Promise<{ ours: OwnMessage; raw: Record<string, unknown> } | undefined> {
  const { client, channel, ts, thread, botId } = options;
  const asked = { channel, latest: ts, oldest: ts, inclusive: true, include_all_metadata: true };
  // A thread's first message comes with every page of its replies.
  const { messages = [] } =
    thread === undefined
      ? await client.conversations.history({ ...asked, limit: 1 })
      : await client.conversations.replies({ ...asked, ts: thread, limit: 2 });
  const raw = messages.find((one) => one.ts === ts);
  const ours = raw && ownMessageOf(raw, botId);
  return ours && { ours, raw: raw as Record<string, unknown> };
}

/** What a write gave: without the name of the message nobody knows that it is there. @throws {NotSlackError} */
export function tsOf({ ts }: { ts?: string | undefined }): string {
  if (!ts || !/^\d+\.\d+$/.test(ts)) throw new NotSlackError();
  return ts;
}

/** Anybody's app may write such metadata; ours alone is our message. */
function ownMessageOf(message: object, botId: string | undefined): OwnMessage | undefined {
  const { ts, bot_id, metadata } = message as { ts?: string; bot_id?: string; metadata?: { event_type?: string; event_payload?: object } };
  if (!ts || (botId !== undefined && bot_id !== botId)) return undefined;
  return { ts, type: metadata?.event_type ?? "", payload: (metadata?.event_payload ?? {}) as Record<string, unknown> };
}

export const tsOfMs = (ms: number): string => String(Math.max(0, ms) / 1000);
export const msOfTs = (ts: string): number => Number(ts) * 1000;
