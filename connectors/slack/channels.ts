import type { WebClient } from "@slack/web-api";
import { untilAborted } from "../../src/connector.ts";
import { msOfTs, type OurMessage, readOurs, tsOfMs } from "./history.ts";
import { CALL_EVENT } from "./metadata.ts";
import { outcomeOfSlack } from "./outcome.ts";

/**
 * What other replicas post is seen after so long. conversations.history may be asked 50 times a minute for all channels together (Tier 3):
 * this leaves room for 25 of them.
 */
const LOOK_EVERY_MS = 30_000;
/** Slack's clock, and messages that were on their way during the last look. */
const OVERLAP_MS = 60_000;
const HOUR_MS = 3_600_000;

/** What this app has in a channel, as far as this process knows: what it wrote itself at once, the rest from the channel's history. */
export interface Channel {
  readonly id: string;
  /** By ts; older ones than anybody asks for are dropped. */
  readonly messages: Map<string, OurMessage>;
  /** Messages on their way, which count too. */
  sending: number;
  /** Why the history could not be read, as a code: then only this process's own messages are known. */
  trouble: string | undefined;
}

export interface Channels {
  /** Never throws: what cannot be read is in `trouble`. Takes at most `maxWaitMs`. */
  look(options: { channel: string; spanMs: number; maxWaitMs: number; signal: AbortSignal }): Promise<Channel>;
}

type Known = Channel & {
  /** How far back anybody has asked for, and how far back it is known. */
  askedSpanMs: number;
  spanMs: number;
  lookedAtMs: number;
  nextLookAtMs: number;
  looking: Promise<void> | undefined;
};

export function createChannels(options: { client: WebClient; botId: string | undefined }): Channels {
  const { client, botId } = options;
  const channels = new Map<string, Known>();

  async function read(channel: Known, spanMs: number, signal: AbortSignal): Promise<void> {
    const nowMs = Date.now();
    const sinceMs = spanMs > channel.spanMs ? nowMs - spanMs : Math.max(nowMs - spanMs, channel.lookedAtMs - OVERLAP_MS);
    try {
      const { messages } = await readOurs({ client, channel: channel.id, oldest: tsOfMs(sinceMs), botId, signal });
      for (const message of messages) channel.messages.set(message.ts, message);
      Object.assign(channel, { spanMs: Math.max(spanMs, channel.spanMs), lookedAtMs: nowMs, trouble: undefined });
    } catch (error) {
      const outcome = outcomeOfSlack(error, { channel: channel.id });
      channel.trouble = "code" in outcome ? outcome.code : outcome.kind;
    }
    channel.nextLookAtMs = nowMs + LOOK_EVERY_MS;
    for (const { ts } of channel.messages.values()) if (msOfTs(ts) < nowMs - channel.askedSpanMs) channel.messages.delete(ts);
  }

  return {
    async look({ channel: id, spanMs, maxWaitMs, signal }) {
      const channel = channels.get(id) ?? newChannel(id);
      channels.set(id, channel);
      if (channel.looking) await channel.looking;
      if (Date.now() >= channel.nextLookAtMs || spanMs > channel.askedSpanMs) {
        channel.askedSpanMs = Math.max(spanMs, channel.askedSpanMs);
        const limit = AbortSignal.any([signal, AbortSignal.timeout(maxWaitMs)]);
        channel.looking ??= untilAborted(limit, () => read(channel, channel.askedSpanMs, limit))
          .catch(() => {
            Object.assign(channel, { trouble: "no_answer", nextLookAtMs: Date.now() + LOOK_EVERY_MS });
          })
          .finally(() => {
            channel.looking = undefined;
          });
        await channel.looking;
      }
      return channel;
    },
  };
}

function newChannel(id: string): Known {
  const spans = { askedSpanMs: 0, spanMs: 0, lookedAtMs: 0, nextLookAtMs: 0 };
  return { id, messages: new Map(), sending: 0, trouble: undefined, ...spans, looking: undefined };
}

/** Messages of calls in the last 60 minutes. Replies in threads that another process wrote are not known. */
export function postedInAnHour({ messages, sending }: Channel): number {
  const sinceMs = Date.now() - HOUR_MS;
  let count = sending;
  for (const { type, ts } of messages.values()) if (type === CALL_EVENT && msOfTs(ts) > sinceMs) count += 1;
  return count;
}

/** The first message of the customer within `forMs`: the one that more calls are written under. */
export function parentOf({ messages }: Channel, options: { customer: string; forMs: number }): string | undefined {
  const sinceMs = Date.now() - options.forMs;
  const own = [...messages.values()].filter(({ payload, ts }) => payload.customer === options.customer && msOfTs(ts) > sinceMs);
  return own.map(({ ts }) => ts).toSorted((a, b) => Number(a) - Number(b))[0];
}
