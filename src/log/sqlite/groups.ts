import type { DatabaseSync } from "node:sqlite";
import { inTransaction } from "../../lib/sqlite/open.ts";
import type { CommittedPosition, Position, Topic } from "../log.ts";
import { NOW_MS, TABLES } from "./schema.ts";

/** A subscription's name in the table of groups. */
export interface Owner {
  topic: Topic;
  group: string;
  /** One subscription, of all processes. */
  owner: string;
}

export type Acquired = { held: true; from: number } | { held: false; leftMs: number };

/** Positions and leases of the groups: the owner of a group's lease has its one partition. */
export interface Groups {
  /** Takes the lease if it is free. A group without a position gets one: `start`, or the oldest message. */
  acquire(options: Owner & { start: Position[] }): Acquired;
  /** Commits positions and renews leases, all in one transaction. @returns in the same order whether each lease is still owned; without it nothing was committed. */
  keep(holds: (Owner & { commitOffset: number })[]): boolean[];
  /** Commits the position and gives the lease up. */
  giveUp(hold: Owner & { commitOffset: number }): void;
  committed(options: { topic: Topic; group: string }): CommittedPosition[];
  /** Sets the position, unless somebody holds the group: `false` then. */
  place(options: { topic: Topic; group: string; offset: number }): boolean;
}

export function createGroups({ db, leaseMs }: { db: DatabaseSync; leaseMs: number }): Groups {
  const select = db.prepare(
    `SELECT committed, owner, leased_until - ${NOW_MS} AS left_ms FROM consumer_groups WHERE topic = ? AND name = ?`,
  );
  const insert = db.prepare(
    `INSERT INTO consumer_groups (topic, name, committed, owner, leased_until) VALUES (?, ?, ?, ?, ${NOW_MS} + ${leaseMs})
     ON CONFLICT (topic, name) DO UPDATE SET owner = excluded.owner, leased_until = excluded.leased_until`,
  );
  const renew = db.prepare(
    `UPDATE consumer_groups SET committed = ?, leased_until = ${NOW_MS} + ${leaseMs} WHERE topic = ? AND name = ? AND owner = ?`,
  );
  const place = db.prepare(
    `INSERT INTO consumer_groups (topic, name, committed, owner, leased_until) VALUES (?, ?, ?, NULL, 0)
     ON CONFLICT (topic, name) DO UPDATE SET committed = excluded.committed`,
  );
  const release = db.prepare(
    "UPDATE consumer_groups SET committed = ?, owner = NULL, leased_until = 0 WHERE topic = ? AND name = ? AND owner = ?",
  );
  const bounds = perTopic((table, topic) =>
    db.prepare(
      `SELECT next_offset AS high, coalesce((SELECT min(log_offset) FROM ${table}), next_offset) AS low FROM topics WHERE topic = '${topic}'`,
    ),
  );
  const openSince = perTopic((table) => db.prepare(`SELECT appended_at FROM ${table} WHERE log_offset >= ? ORDER BY log_offset LIMIT 1`));

  /** How long another owner has the lease at least; undefined when it is free. */
  function leaseOfAnother({ topic, group, owner }: Owner): number | undefined {
    const row = select.get(topic, group);
    const leftMs = Number(row?.left_ms);
    return row && row.owner !== null && row.owner !== owner && leftMs > 0 ? leftMs : undefined;
  }

  /** Never outside of what the log has: a position beyond its end would skip calls that come later. */
  function firstPosition(topic: Topic, start: Position[]): number {
    const range = bounds[topic].get();
    const low = Number(range?.low);
    const from = start.find(({ partition }) => partition === 0)?.offset ?? low;
    return Math.min(Math.max(from, low), Number(range?.high));
  }

  return {
    acquire({ start, ...me }) {
      const { topic, group, owner } = me;
      // A look without the write lock first: members that stand by look often.
      let leftMs = leaseOfAnother(me);
      if (leftMs !== undefined) return { held: false, leftMs };
      return inTransaction(db, () => {
        leftMs = leaseOfAnother(me);
        if (leftMs !== undefined) return { held: false, leftMs };
        const from = Number(select.get(topic, group)?.committed ?? firstPosition(topic, start));
        insert.run(topic, group, from, owner);
        return { held: true, from };
      });
    },
    keep(holds) {
      return inTransaction(db, () =>
        holds.map(({ commitOffset, topic, group, owner }) => renew.run(commitOffset, topic, group, owner).changes === 1),
      );
    },
    giveUp({ commitOffset, topic, group, owner }) {
      inTransaction(db, () => release.run(commitOffset, topic, group, owner));
    },
    place({ topic, group, offset }) {
      return inTransaction(db, () => {
        if (leaseOfAnother({ topic, group, owner: "" }) !== undefined) return false;
        place.run(topic, group, offset);
        return true;
      });
    },
    committed({ topic, group }) {
      const row = select.get(topic, group);
      if (!row) return [];
      const offset = Number(row.committed);
      // Looked up rather than stored with the commit: so it is right also while nobody reads the group.
      const oldest = openSince[topic].get(offset)?.appended_at;
      return [{ partition: 0, offset, ...(typeof oldest === "number" && { oldestOpenAt: oldest }) }];
    },
  };
}

function perTopic<T>(make: (table: string, topic: string) => T): Record<Topic, T> {
  return Object.fromEntries(Object.entries(TABLES).map(([topic, table]) => [topic, make(table, topic)])) as Record<Topic, T>;
}
