import type { WebClient } from "@slack/web-api";
import { abortable } from "../../src/connector/index.ts";
import { outcomeOfSlack } from "./errors.ts";
import { msOfTs, type OwnMessage, readOwnMessages, tsOfMs } from "./history.ts";
import { CALL_EVENT } from "./metadata.ts";

/**
 * What other replicas post is seen after so long. conversations.history may be asked 50 times a minute for all channels together (Tier 3):
 * this leaves room for 25 of them.
 */
const READ_EVERY_MS = 30_000;
/** Slack's clock, and messages that were on their way during the last look. */
const OVERLAP_MS = 60_000;
/** A reading goes on behind the messages that no longer wait for it: ten pages of a busy channel take longer than one message may. */
const READ_WITHIN_MS = 60_000;
const HOUR_MS = 3_600_000;

/** What this app has in a channel, as far as this process knows: what it wrote itself at once, the rest from the channel's history. */
export interface Channel {
  readonly id: string;
  /** By ts; older ones than anybody asks for are dropped. */
  readonly messages: Map<string, OwnMessage>;
  /** Messages on their way, which count too. */
  inFlight: number;
  /** Why the history could not be read, as a code: then only this process's own messages are known. */
  readError: string | undefined;
}

export interface ChannelCache {
  /** Never throws: what cannot be read, or is not read yet, is in `readError`. Takes at most `maxWaitMs`. */
  refresh(options: { channel: string; spanMs: number; maxWaitMs: number; signal: AbortSignal }): Promise<Channel>;
  /** Ends what is being read. */
  close(): void;
}

type Known = Channel & {
  /** How far back anybody has asked for, and how far back it is known. */
  askedSpanMs: number;
  spanMs: number;
  readAtMs: number;
  nextReadAtMs: number;
  reading: { done: Promise<void>; sinceMs: number } | undefined;
};

export function createChannelCache(options: { client: WebClient; botId: string | undefined }): ChannelCache {
  const { client, botId } = options;
  const channels = new Map<string, Known>();
  const closing = new AbortController();

  async function read(channel: Known, spanMs: number): Promise<void> {
    const nowMs = Date.now();
    const reachesFurther = spanMs > channel.spanMs;
    const sinceMs = reachesFurther ? nowMs - spanMs : Math.max(nowMs - spanMs, channel.readAtMs - OVERLAP_MS);
    if (reachesFurther) channel.readError = "no_answer";
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(READ_WITHIN_MS)]);
    const onFound = (message: OwnMessage) => channel.messages.set(message.ts, message);
    try {
      await abortable(signal, () => readOwnMessages({ client, channel: channel.id, oldest: tsOfMs(sinceMs), botId, onFound, signal }));
      Object.assign(channel, { spanMs: Math.max(spanMs, channel.spanMs), readAtMs: nowMs, readError: undefined });
    } catch (error) {
      const outcome = outcomeOfSlack(error, { channel: channel.id });
      channel.readError = signal.aborted ? "no_answer" : "code" in outcome ? outcome.code : outcome.kind;
    }
    channel.nextReadAtMs = Date.now() + READ_EVERY_MS;
    for (const { ts } of channel.messages.values()) if (msOfTs(ts) < nowMs - channel.askedSpanMs) channel.messages.delete(ts);
  }

  function startReading(channel: Known): void {
    const done = read(channel, channel.askedSpanMs).finally(() => {
      channel.reading = undefined;
    });
    channel.reading = { done, sinceMs: performance.now() };
  }

  /** All who ask wait until the same moment: a reading that takes long holds up one message's time, not that of each that comes. */
  async function waitFor(channel: Known, maxWaitMs: number, signal: AbortSignal): Promise<void> {
    if (!channel.reading) return;
    const { done, sinceMs } = channel.reading;
    const leftMs = Math.max(0, Math.ceil(sinceMs + maxWaitMs - performance.now()));
    await abortable(AbortSignal.any([signal, AbortSignal.timeout(leftMs)]), () => done).catch(() => undefined);
  }

  return {
    async refresh({ channel: id, spanMs, maxWaitMs, signal }) {
      const channel = channels.get(id) ?? newChannel(id);
      channels.set(id, channel);
      await waitFor(channel, maxWaitMs, signal);
      const due = Date.now() >= channel.nextReadAtMs || spanMs > channel.askedSpanMs;
      if (due && !channel.reading) {
        channel.askedSpanMs = Math.max(spanMs, channel.askedSpanMs);
        startReading(channel);
        await waitFor(channel, maxWaitMs, signal);
      }
      return channel;
    },
    close: () => closing.abort(),
  };
}

function newChannel(id: string): Known {
  const spans = { askedSpanMs: 0, spanMs: 0, readAtMs: 0, nextReadAtMs: 0 };
  return { id, messages: new Map(), inFlight: 0, readError: undefined, ...spans, reading: undefined };
}

/** Messages of calls in the last 60 minutes. Replies in threads that another process wrote are not known. */
export function postedInAnHour({ messages, inFlight }: Channel): number {
  const sinceMs = Date.now() - HOUR_MS;
  let count = inFlight;
  for (const { type, ts } of messages.values()) if (type === CALL_EVENT && msOfTs(ts) > sinceMs) count += 1;
  return count;
}

/** The first message of the customer within `forMs`: the one that more calls are written under. */
export function parentOf({ messages }: Channel, options: { customer: string; forMs: number }): string | undefined {
  const sinceMs = Date.now() - options.forMs;
  const own = [...messages.values()].filter(({ payload, ts }) => payload.customer === options.customer && msOfTs(ts) > sinceMs);
  return own.map(({ ts }) => ts).toSorted((a, b) => Number(a) - Number(b))[0];
}
