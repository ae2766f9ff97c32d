import type { KnownBlock, MessageMetadata, WebClient } from "@slack/web-api";
import { truncate } from "../../src/connector/index.ts";
import type { Channel } from "./channel-cache.ts";
import { type OwnMessage, readOne, tsOf } from "./history.ts";
import { LINE_EVENT } from "./metadata.ts";
import { escaped, hoursText } from "./text.ts";

const HOUR_MS = 3_600_000;
/** A repeated attempt comes within minutes; the size that Slack takes of metadata is not documented. */
const COUNTED_MOST = 200;
/** `call_outcome` may be any text: a line stays one. */
const OUTCOMES_MOST = 6;

/** A call on its way into a line: its hash keeps an attempt without an answer from being counted twice. */
interface Counting {
  hash: string;
  outcome: string;
  signal: AbortSignal;
}
type Waiting = Counting & { resolve(ts: string): void; reject(error: unknown): void };

/** The lines that count what is over `max_per_hour`: one message for a channel and an hour, edited as more calls come. */
export interface HourlyDigest {
  /** The line's ts once the call is counted in it. @throws errors of the SDK */
  count(options: Counting & { channel: Channel }): Promise<string>;
}

export function createHourlyDigest(options: { client: WebClient; botId: string | undefined; timezone: string }): HourlyDigest {
  const { client, botId, timezone } = options;
  const queues = new Map<string, Waiting[]>();

  /** One write at a time for a channel; what comes meanwhile goes into the next. */
  async function work(channel: Channel, queue: Waiting[]): Promise<void> {
    while (queue.length > 0) {
      const all = queue.splice(0);
      for (const { signal, reject } of all) if (signal.aborted) reject(signal.reason);
      const calls = all.filter(({ signal }) => !signal.aborted);
      try {
        if (calls.length === 0) continue;
        const ts = await write(channel, calls);
        for (const { resolve } of calls) resolve(ts);
      } catch (error) {
        for (const { reject } of calls) reject(error);
      }
    }
    queues.delete(channel.id);
  }

  async function write(channel: Channel, calls: Counting[]): Promise<string> {
    const hour = Math.floor(Date.now() / HOUR_MS);
    const line = await asItIs(channel, hour);
    const counted = countedIn(line);
    const added = calls.filter(({ hash }) => !counted.includes(hash));
    if (line && added.length === 0) return line.ts;
    const counts = withMore(line?.payload.counts, added);
    const hashes = [...counted, ...added.map(({ hash }) => hash)].slice(-COUNTED_MOST).join(" ");
    const payload = { hour, counts, counted: hashes };
    const message = {
      ...lineOf(counts, { hour, timezone }),
      metadata: { event_type: LINE_EVENT, event_payload: payload } as MessageMetadata,
    };
    const answer = line
      ? await client.chat.update({ channel: channel.id, ts: line.ts, ...message })
      : await client.chat.postMessage({ channel: channel.id, ...message, unfurl_links: false, unfurl_media: false });
    const ts = tsOf(answer);
    channel.messages.set(ts, { ts, type: LINE_EVENT, payload });
    return ts;
  }

  /** Another replica, or this process before a restart, may have counted on. Where Slack cannot be asked, what is known here goes. */
  async function asItIs(channel: Channel, hour: number): Promise<OwnMessage | undefined> {
    const known = [...channel.messages.values()].find(({ type, payload }) => type === LINE_EVENT && payload.hour === hour);
    if (!known || channel.readError !== undefined) return known;
    try {
      const now = await readOne({ client, channel: channel.id, ts: known.ts, botId });
      if (!now) channel.messages.delete(known.ts);
      return now?.ours;
    } catch {
      return known;
    }
  }

  return {
    count({ channel, ...call }) {
      return new Promise((resolve, reject) => {
        const queue = queues.get(channel.id);
        const waiting = { ...call, resolve, reject };
        if (queue) return void queue.push(waiting);
        const started = [waiting];
        queues.set(channel.id, started);
        void work(channel, started);
      });
    },
  };
}

/** Hashes of the calls that a line has counted last. */
export function countedIn(line: OwnMessage | undefined): string[] {
  return typeof line?.payload.counted === "string" ? line.payload.counted.split(" ") : [];
}

function withMore(before: unknown, calls: Counting[]): Record<string, number> {
  const counts = new Map(Object.entries((before ?? {}) as Record<string, number>));
  for (const { outcome } of calls) {
    const word = truncate(outcome.replace(/\s+/g, " ").trim() || "unknown", 30).toWellFormed();
    const name = counts.has(word) || counts.size < OUTCOMES_MOST ? word : "other";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

/** `12 more calls from 14:00 to 15:00: 8 answered, 3 voicemail, 1 failed` */
function lineOf(counts: Record<string, number>, options: { hour: number; timezone: string }): { text: string; blocks: KnownBlock[] } {
  const all = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  const sum = all.reduce((total, [, count]) => total + count, 0);
  const from = options.hour * HOUR_MS;
  const hours = hoursText({ fromMs: from, toMs: from + HOUR_MS, timezone: options.timezone });
  const parts = all.map(([outcome, count]) => `${count} ${escaped(outcome, 100)}`).join(", ");
  const text = `${sum} more ${sum === 1 ? "call" : "calls"} ${hours}: ${parts}`;
  return { text, blocks: [{ type: "context", elements: [{ type: "mrkdwn", text, verbatim: true }] }] };
}
