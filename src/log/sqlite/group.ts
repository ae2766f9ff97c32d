import type { DatabaseSync } from "node:sqlite";
import { NOW_MS } from "./schema.ts";

/** A holder that has not renewed for so long has died; another may take over. */
const LEASE_MS = 10_000;

/** A consumer group's row: who holds it, and how far it has come. One member holds it at a time. */
export interface Group {
  /** Takes the lease if it is free or has run out, or renews it. `undefined`: another member holds it. */
  hold(start: number | undefined): { committed: number } | undefined;
  /** Stores the position if the lease is still ours. */
  commit(position: { offset: number; oldestOpenAt: number | undefined }): boolean;
  /** Gives the lease up, so that another takes over at once. */
  leave(): void;
}

export function createGroup(options: { db: DatabaseSync; topic: string; group: string; owner: string }): Group {
  const { db, topic, group, owner } = options;
  const take = db.prepare(`
    INSERT INTO groups (topic, name, owner, leased_until) VALUES (:topic, :group, :owner, ${NOW_MS} + ${LEASE_MS})
    ON CONFLICT (topic, name) DO UPDATE SET owner = excluded.owner, leased_until = excluded.leased_until
    WHERE groups.owner IS NULL OR groups.owner = :owner OR groups.leased_until < ${NOW_MS}
    RETURNING committed`);
  const begin = db.prepare("UPDATE groups SET committed = ? WHERE topic = ? AND name = ? AND committed IS NULL");
  const low = db.prepare("SELECT min(log_offset) AS low FROM messages WHERE topic = ?");
  const save = db.prepare(`
    UPDATE groups SET committed = ?, oldest_open_at = ?, leased_until = ${NOW_MS} + ${LEASE_MS}
    WHERE topic = ? AND name = ? AND owner = ?`);
  const free = db.prepare("UPDATE groups SET owner = NULL, leased_until = 0 WHERE topic = ? AND name = ? AND owner = ?");

  return {
    hold(start) {
      const row = take.get({ topic, group, owner });
      if (!row) return undefined;
      if (row.committed !== null) return { committed: Number(row.committed) };
      const committed = start ?? Number(low.get(topic)?.low ?? 0);
      begin.run(committed, topic, group);
      return { committed };
    },
    commit: ({ offset, oldestOpenAt }) => save.run(offset, oldestOpenAt ?? null, topic, group, owner).changes === 1,
    leave: () => void free.run(topic, group, owner),
  };
}
