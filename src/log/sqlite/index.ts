/** The embedded log: one SQLite file, one partition per topic, group commit. The contract is `src/log/log.ts`. */
import { resolve } from "node:path";
import { LogUnavailableError } from "../../errors.ts";
import { openSqlite } from "../../lib/sqlite.ts";
import type { Log, Message, Subscription, Topic } from "../log.ts";
import { createAppender } from "./append.ts";
import { MIGRATIONS, NOW_MS } from "./schema.ts";
import { subscribeSqlite } from "./subscription.ts";
import { createWake } from "./wake.ts";

/** Bounds the memory of one `read`, as its rows may be 2 MB each. */
const MAX_PAGE_BYTES = 8_000_000;

/** @throws {UsageError} when the file cannot be opened, saying why and what to do. */
export async function openSqliteLog(options: { path: string }): Promise<Log> {
  const { path } = options;
  const db = openSqlite({ path, application: "patchbay-log", migrations: MIGRATIONS });
  const wake = createWake({ db, path: resolve(path) });
  const append = createAppender({ db, path, onAppended: wake.announce });
  const subscriptions = new Set<Subscription>();

  const page = db.prepare("SELECT * FROM messages WHERE topic = ? AND log_offset >= ? ORDER BY log_offset LIMIT ?");
  const range = db.prepare(
    `SELECT coalesce((SELECT next_offset FROM topics WHERE topic = :topic), 0) AS high,
            coalesce((SELECT min(log_offset) FROM messages WHERE topic = :topic), (SELECT next_offset FROM topics WHERE topic = :topic), 0) AS low`,
  );
  const position = db.prepare("SELECT committed, oldest_open_at FROM groups WHERE topic = ? AND name = ? AND committed IS NOT NULL");
  const offsetAt = db.prepare("SELECT min(log_offset) AS first FROM messages WHERE topic = ? AND appended_at >= ?");
  const identity = db.prepare("SELECT value FROM meta WHERE key = 'identity'");
  const touch = db.prepare(`UPDATE meta SET value = ${NOW_MS} WHERE key = 'checked_at'`);

  function readPage(topic: Topic, from: number, limit: number): Message[] {
    const messages: Message[] = [];
    let bytes = 0;
    for (const row of page.iterate(topic, from, limit)) {
      const value = row.value as Uint8Array;
      messages.push({
        topic,
        partition: 0,
        offset: Number(row.log_offset),
        appendedAt: Number(row.appended_at),
        key: String(row.key),
        headers: JSON.parse(String(row.headers)),
        value,
      });
      bytes += value.byteLength;
      if (bytes > MAX_PAGE_BYTES) break;
    }
    return messages;
  }

  function highOf(topic: Topic): { low: number; high: number } {
    const row = range.get({ topic });
    return { low: Number(row?.low), high: Number(row?.high) };
  }

  return {
    name: `sqlite:${path}`,
    engine: "sqlite",
    append,
    async subscribe(subscribe) {
      const subscription = subscribeSqlite({ db, wake, subscribe, readPage: (from, limit) => readPage(subscribe.topic, from, limit) });
      subscriptions.add(subscription);
      return subscription;
    },
    async read({ topic, partition, from, limit }) {
      if (partition !== 0) return [];
      const messages: Message[] = [];
      while (messages.length < limit) {
        const next = (messages.at(-1)?.offset ?? from - 1) + 1;
        const more = readPage(topic, next, limit - messages.length);
        if (more.length === 0) break;
        messages.push(...more);
      }
      return messages;
    },
    ranges: async (topic) => [{ partition: 0, ...highOf(topic) }],
    async committed({ group, topic }) {
      const row = position.get(topic, group);
      if (!row) return [];
      return [
        { partition: 0, offset: Number(row.committed), oldestOpenAt: row.oldest_open_at === null ? undefined : Number(row.oldest_open_at) },
      ];
    },
    async offsetsAt({ topic, atMs }) {
      const first = offsetAt.get(topic, atMs)?.first;
      return [{ partition: 0, offset: first === null || first === undefined ? highOf(topic).high : Number(first) }];
    },
    identity: async () => String(identity.get()?.value),
    async check() {
      try {
        touch.run();
      } catch (error) {
        throw new LogUnavailableError(`the log ${path} cannot be written: ${error instanceof Error ? error.message : "unknown"}`, {
          cause: error,
        });
      }
    },
    async close() {
      await Promise.all([...subscriptions].map((subscription) => subscription.stop({ graceMs: 0 })));
      wake.close();
      if (db.isOpen) db.close();
    },
  };
}
