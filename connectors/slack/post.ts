import type { WebClient } from "@slack/web-api";
import { type Delivery, parseDurationMs } from "../../src/connector/index.ts";
import { type Channel, type Channels, postedInAnHour } from "./channels.ts";
import { tsOf } from "./history.ts";
import type { Lines } from "./lines.ts";
import type { Message } from "./message.ts";
import { CALL_EVENT } from "./metadata.ts";
import type { createThreads } from "./threads.ts";
import type { SlackWith } from "./with.ts";

const HOUR_MS = 3_600_000;
export const THREAD_FOR = "24h";

/** Where a call's first message went. */
export interface Posted {
  channel: string;
  ts: string;
  /** The message that it is a reply to. */
  thread?: string | undefined;
  /** It is a line that counts this call among others. */
  summed?: boolean;
  /** Why it began no thread, or stands in none, although it might belong into one. */
  unthreaded?: string | undefined;
}

export interface PostOptions {
  client: WebClient;
  channels: Channels;
  lines: Lines;
  threads: ReturnType<typeof createThreads>;
  delivery: Delivery<SlackWith>;
  message: Message;
  /** By which the customer's thread is known; undefined: the message stands by itself. */
  customer: string | undefined;
  /** By which a line knows the call. */
  callHash: string;
  /** What looking around may take of the attempt's time. */
  maxWaitMs: number;
  signal: AbortSignal;
}

/** Posts a call's message: into its customer's thread, or into the channel, or into the line where the channel has had enough. @throws errors of the SDK */
export async function postMessage(options: PostOptions): Promise<Posted> {
  const { channels, lines, threads, delivery, customer, callHash, maxWaitMs, signal } = options;
  const { channel: id, max_per_hour: most, thread_for: threadFor = THREAD_FOR } = delivery.with;
  if (customer === undefined && most === undefined) return postNow(options, undefined, undefined);

  const forMs = parseDurationMs(threadFor) ?? 0;
  const spanMs = Math.max(customer === undefined ? 0 : forMs, most === undefined ? 0 : HOUR_MS);
  const channel = await channels.look({ channel: id, spanMs, maxWaitMs, signal });
  if (most !== undefined && postedInAnHour(channel) >= most) {
    const ts = await lines.count({ channel, hash: callHash, outcome: delivery.call.call_outcome, signal });
    return { channel: id, ts, summed: true };
  }
  // Counted before it is there: eight at once would each find room for one more.
  channel.sending += 1;
  try {
    if (customer === undefined) return await postNow(options, channel, undefined);
    return await threads.write({ channel, customer, forMs, post: (thread) => postNow(options, channel, thread) });
  } finally {
    channel.sending -= 1;
  }
}

async function postNow(options: PostOptions, channel: Channel | undefined, thread: string | undefined): Promise<Posted> {
  const { client, delivery, message, customer, signal } = options;
  // The caller may have stopped waiting, and look for the message already: it must not be written after that.
  signal.throwIfAborted();
  const answer = await client.chat.postMessage({
    channel: delivery.with.channel,
    ...message,
    ...(thread === undefined ? {} : { thread_ts: thread }),
    unfurl_links: false,
    unfurl_media: false,
  });
  const ts = tsOf(answer);
  // A reply is no parent.
  const payload = customer === undefined || thread !== undefined ? {} : { customer };
  channel?.messages.set(ts, { ts, type: CALL_EVENT, payload });
  const unthreaded = customer !== undefined && thread === undefined ? channel?.trouble : undefined;
  return { channel: answer.channel ?? delivery.with.channel, ts, thread, unthreaded };
}
