import type { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { scrubFile, tryToEmptyWriteAhead } from "../../lib/sqlite/scrub.ts";
import type { Log, Topic } from "../log.ts";
import { NOW_MS, TABLES } from "./schema.ts";

/** One statement's worth: some 10 ms, between which appends run. */
const AT_ONCE = 1_000;

/** Retention: removes old messages that every named group has done with, and values that must not be kept. */
export function createTrimmer({ db, path }: { db: DatabaseSync; path: string }): Required<Pick<Log, "trim" | "erase" | "scrub">> {
  const perTopic = Object.fromEntries(
    Object.entries(TABLES).map(([topic, table]) => [
      topic,
      {
        // The range of offsets bounds what is looked at; messages are in the order of time.
        remove: db.prepare(
          `DELETE FROM ${table} WHERE log_offset IN (
             SELECT log_offset FROM ${table} WHERE appended_at < ${NOW_MS} - ? AND log_offset < ? ORDER BY log_offset LIMIT ${AT_ONCE})`,
        ),
        erase: db.prepare(`UPDATE ${table} SET value = x'' WHERE log_offset = ?`),
      },
    ]),
  ) as Record<Topic, Record<"remove" | "erase", ReturnType<DatabaseSync["prepare"]>>>;
  const reached = db.prepare("SELECT committed FROM consumer_groups WHERE topic = ? AND name = ?");

  return {
    async trim({ topic, olderThanMs, groups }) {
      const positions = groups.map((group) => reached.get(topic, group)?.committed).filter((at) => at !== undefined);
      const below = Math.min(Number.MAX_SAFE_INTEGER, ...positions.map(Number));
      let removed = 0;
      for (;;) {
        const { changes } = perTopic[topic].remove.run(olderThanMs, below);
        removed += Number(changes);
        if (Number(changes) < AT_ONCE) return removed;
        await nextTurn();
      }
    },
    async erase({ topic, offset }) {
      perTopic[topic].erase.run(offset);
      // While another connection reads, this does nothing and the next scrub does it.
      tryToEmptyWriteAhead(db);
    },
    scrub: (options) => scrubFile({ db, path, ...options }),
  };
}
