import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { assertInPlace } from "../../lib/sqlite/place.ts";
import type { Log, Message, PartitionRange, Position, Topic } from "../log.ts";
import { TABLES } from "./schema.ts";

/** A page takes some 2 ms; the event loop turns between two. */
export const PAGE_MESSAGES = 200;
const PAGE_BYTES = 2_000_000;

export interface Page {
  messages: Message[];
  /** The log holds no more than this. */
  end: boolean;
}

export interface Reader {
  /** Messages from an offset on, up to either bound; with `atLeastOne` a message larger than `maxBytes` comes alone. */
  page(options: { topic: Topic; from: number; maxMessages: number; maxBytes: number; atLeastOne: boolean }): Page;
  read: Log["read"];
  ranges: Log["ranges"];
  offsetsAt: Log["offsetsAt"];
}

export function createReader(db: DatabaseSync): Reader {
  const statements = Object.fromEntries(
    Object.entries(TABLES).map(([topic, table]) => [
      topic,
      {
        page: db.prepare(
          `SELECT log_offset, appended_at, key, headers, value FROM ${table} WHERE log_offset >= ? ORDER BY log_offset LIMIT ?`,
        ),
        range: db.prepare(
          `SELECT next_offset AS high, coalesce((SELECT min(log_offset) FROM ${table}), next_offset) AS low FROM topics WHERE topic = '${topic}'`,
        ),
        firstSince: db.prepare(`SELECT min(log_offset) AS first FROM ${table} WHERE appended_at >= ?`),
      },
    ]),
  ) as Record<Topic, Record<"page" | "range" | "firstSince", ReturnType<DatabaseSync["prepare"]>>>;

  function page(options: { topic: Topic; from: number; maxMessages: number; maxBytes: number; atLeastOne: boolean }): Page {
    const { topic, from, maxMessages, maxBytes, atLeastOne } = options;
    const messages: Message[] = [];
    let bytes = 0;
    // Row by row: 200 records of 2 MB must not be in memory before we notice.
    for (const row of statements[topic].page.iterate(from, maxMessages)) {
      const message = toMessage(topic, row);
      bytes += message.value.byteLength;
      if (bytes > maxBytes && !(atLeastOne && messages.length === 0)) return { messages, end: false };
      messages.push(message);
    }
    return { messages, end: messages.length < maxMessages };
  }

  function range(topic: Topic): PartitionRange {
    assertInPlace(db);
    const row = statements[topic].range.get();
    return { partition: 0, low: Number(row?.low), high: Number(row?.high) };
  }

  return {
    page,
    async read({ topic, partition, from, limit }) {
      const messages: Message[] = [];
      let position = from;
      while (partition === 0 && messages.length < limit) {
        const maxMessages = Math.min(PAGE_MESSAGES, limit - messages.length);
        const { messages: some, end } = page({ topic, from: position, maxMessages, maxBytes: PAGE_BYTES, atLeastOne: true });
        messages.push(...some);
        position = (some.at(-1)?.offset ?? position) + 1;
        if (end) break;
        await nextTurn();
      }
      return messages;
    },
    async ranges(topic) {
      return [range(topic)];
    },
    async offsetsAt({ topic, atMs }): Promise<Position[]> {
      const first = statements[topic].firstSince.get(atMs)?.first;
      return [{ partition: 0, offset: typeof first === "number" ? first : range(topic).high }];
    },
  };
}

function toMessage(topic: Topic, row: Record<string, SQLOutputValue>): Message {
  const { log_offset, appended_at, key, headers, value } = row;
  return {
    topic,
    partition: 0,
    offset: Number(log_offset),
    appendedAt: Number(appended_at),
    key: String(key),
    headers: JSON.parse(String(headers)),
    value: value instanceof Uint8Array ? value : new Uint8Array(),
  };
}
