import { type Delivery, parseDurationMs } from "../../src/connector/index.ts";
import { type Channel, postedInAnHour } from "./channel-cache.ts";
import type { SlackContext } from "./context.ts";
import { tsOf } from "./history.ts";
import type { SlackWith } from "./mapping.ts";
import type { Message } from "./message.ts";
import { CALL_EVENT } from "./metadata.ts";

const HOUR_MS = 3_600_000;
export const THREAD_FOR = "24h";

/** Where a call's first message went. */
export interface Posted {
  channel: string;
  ts: string;
  /** The message that it is a reply to. */
  thread?: string | undefined;
  /** It is a line of the hourly digest, which counts this call among others. */
  inDigest?: boolean;
  /** Why the message is in no thread although it might belong into one: a code. */
  unthreaded?: string | undefined;
}

export interface PostOptions {
  slack: Pick<SlackContext, "client" | "channels" | "digest" | "threads" | "maxWaitMs">;
  delivery: Delivery<SlackWith>;
  message: Message;
  /** By which the customer's thread is known; undefined: the message is in no thread. */
  customer: string | undefined;
  /** By which the digest knows the call. */
  callHash: string;
  signal: AbortSignal;
}

/**
 * Posts a call's message: into its customer's thread, or into the channel, or into the hourly digest where the channel has had enough.
 * @throws errors of the SDK
 */
export async function postMessage(options: PostOptions): Promise<Posted> {
  const { slack, delivery, customer, callHash, signal } = options;
  const { channel: id, max_per_hour: maxPerHour, thread_for: threadFor = THREAD_FOR } = delivery.with;
  if (customer === undefined && maxPerHour === undefined) return postNow(options, undefined, undefined);

  const forMs = parseDurationMs(threadFor) ?? 0;
  const spanMs = Math.max(customer === undefined ? 0 : forMs, maxPerHour === undefined ? 0 : HOUR_MS);
  const channel = await slack.channels.refresh({ channel: id, spanMs, maxWaitMs: slack.maxWaitMs, signal });
  if (maxPerHour !== undefined && postedInAnHour(channel) >= maxPerHour) {
    const ts = await slack.digest.count({ channel, hash: callHash, outcome: delivery.call.call_outcome, signal });
    return { channel: id, ts, inDigest: true };
  }
  // Counted before it is there: eight at once would each find room for one more.
  channel.inFlight += 1;
  try {
    if (customer === undefined) return await postNow(options, channel, undefined);
    return await slack.threads.write({ channel, customer, forMs, post: (thread) => postNow(options, channel, thread) });
  } finally {
    channel.inFlight -= 1;
  }
}

async function postNow(options: PostOptions, channel: Channel | undefined, thread: string | undefined): Promise<Posted> {
  const { slack, delivery, message, customer, signal } = options;
  // The caller may have stopped waiting, and look for the message already: it must not be written after that.
  signal.throwIfAborted();
  const answer = await slack.client.chat.postMessage({
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
  const unthreaded = customer !== undefined && thread === undefined ? channel?.readError : undefined;
  return { channel: answer.channel ?? delivery.with.channel, ts, thread, unthreaded };
}
