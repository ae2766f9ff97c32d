import type { WebClient } from "@slack/web-api";
import { type Delivery, unixMsOf } from "../../src/connector.ts";
import { EVENT_TYPE, type SlackWith } from "./message.ts";

/** The sender's clock may differ from Slack's. */
const MARGIN_MS = 10 * 60_000;
/** 200 is what Slack recommends at most; ten pages are a thousand seconds of a channel that is as busy as Slack allows. */
const PAGE = 200;
const MAX_PAGES = 10;

/**
 * Looks for the message of an attempt whose answer was lost: the newest first, back to the call's end, by the key in its metadata.
 * Undefined when it is not there.
 * @throws an error of the SDK when Slack cannot be asked (no scope, a rate limit), and one of ours when there is too much to read: then nobody knows.
 */
export async function findMessage(options: {
  client: WebClient;
  delivery: Delivery<SlackWith>;
  botId: string | undefined;
  signal: AbortSignal;
}): Promise<{ channel: string; ts: string } | undefined> {
  const { client, delivery, botId, signal } = options;
  const channel = delivery.previous?.extra?.channel ?? delivery.with.channel;
  const endedAtMs = unixMsOf(delivery.call.end_time);
  const oldest = endedAtMs === undefined ? "0" : String(Math.max(0, (endedAtMs - MARGIN_MS) / 1000));
  let cursor: string | undefined;

  for (let page = 0; page < MAX_PAGES; page += 1) {
    signal.throwIfAborted();
    const answer = await client.conversations.history({
      channel,
      oldest,
      limit: PAGE,
      include_all_metadata: true,
      ...(cursor ? { cursor } : {}),
    });
    for (const message of answer.messages ?? []) {
      // Anybody's app may write such metadata; ours alone is our message.
      if (botId !== undefined && message.bot_id !== botId) continue;
      const { event_type, event_payload } = message.metadata ?? {};
      const key = (event_payload as Record<string, unknown> | undefined)?.key;
      if (event_type === EVENT_TYPE && key === delivery.key && message.ts) return { channel, ts: message.ts };
    }
    cursor = answer.response_metadata?.next_cursor;
    if (!answer.has_more || !cursor) return undefined;
  }
  throw new Error(`the channel has more than ${PAGE * MAX_PAGES} messages since the call`);
}
