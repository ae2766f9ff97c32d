import type { WebClient } from "@slack/web-api";
import { CannotTellError, type Delivery, parseDurationMs, unixMsOf } from "../../src/connector/index.ts";
import { MAX_PAGES, type OwnMessage, readOwnMessages, tsOfMs } from "./history.ts";
import { countedIn } from "./hourly-digest.ts";
import type { SlackWith } from "./mapping.ts";
import { CALL_EVENT, LINE_EVENT, shortKeyOf } from "./metadata.ts";
import { type Posted, THREAD_FOR } from "./post.ts";
import { extra } from "./receipt.ts";

/** The sender's clock may differ from Slack's. */
const MARGIN_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;

/**
 * Looks for the message of an attempt whose answer was lost, by the key in its metadata: in the channel, the newest first, back to the call's
 * end; in its customer's threads; and in the lines that count calls. Undefined when it is not there.
 * @throws {CannotTellError} when there is too much to read; an error of the SDK when Slack cannot be asked (no scope, a rate limit).
 */
export async function findMessage(options: {
  client: WebClient;
  delivery: Delivery<SlackWith>;
  botId: string | undefined;
  customer: string | undefined;
  callHash: string;
  signal: AbortSignal;
}): Promise<Posted | undefined> {
  const { client, delivery, botId, customer, callHash, signal } = options;
  const { max_per_hour: most, thread_for: threadFor = THREAD_FOR } = delivery.with;
  const channel = extra.read(delivery.previous).channel ?? delivery.with.channel;
  const isIt = ({ type, payload }: OwnMessage) =>
    type === CALL_EVENT && (payload.key === shortKeyOf(delivery.key) || payload.key === delivery.key);

  // A thread, or a line, may have begun before the call.
  const beforeMs = Math.max(customer === undefined ? 0 : (parseDurationMs(threadFor) ?? 0), most === undefined ? 0 : HOUR_MS);
  const endedAtMs = unixMsOf(delivery.call.end_time);
  const oldest = (beforeMs: number) => (endedAtMs === undefined ? "0" : tsOfMs(endedAtMs - MARGIN_MS - beforeMs));
  const { messages, complete } = await readOwnMessages({ client, channel, oldest: oldest(beforeMs), botId, until: isIt, signal });
  const found = messages.find(isIt);
  if (found) return { channel, ts: found.ts };

  const line = messages.find((one) => one.type === LINE_EVENT && countedIn(one).includes(callHash));
  if (line) return { channel, ts: line.ts, inDigest: true };

  for (const { ts: thread } of messages.filter(({ payload }) => customer !== undefined && payload.customer === customer)) {
    const replies = await readOwnMessages({ client, channel, thread, oldest: oldest(0), botId, until: isIt, signal });
    const reply = replies.messages.find(isIt);
    if (reply) return { channel, ts: reply.ts, thread };
    if (!replies.complete) throw new CannotTellError("the thread has more messages since the call than can be read");
  }
  if (!complete) throw new CannotTellError(`the channel has more than ${200 * MAX_PAGES} messages since the call`);
  return undefined;
}
