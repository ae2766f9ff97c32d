import type { Topic } from "../log.ts";

export const APPLICATION = "patchbay-log";

/** A topic is a table, so that its offsets are SQLite's row ids and one B-tree finds a message. */
export const TABLES: Record<Topic, string> = { "patchbay.calls": "calls", "patchbay.quarantine": "quarantine" };

const messageTable = (name: string) => `
  CREATE TABLE ${name} (
    log_offset INTEGER PRIMARY KEY,
    appended_at INTEGER NOT NULL,
    key TEXT NOT NULL,
    headers TEXT NOT NULL,
    value BLOB NOT NULL
  ) STRICT;
  CREATE INDEX ${name}_by_time ON ${name} (appended_at);
`;

/** Times are Unix ms. Offsets are dense per topic, from 0 on, and never used again: `next_offset` outlives removed messages. */
export const MIGRATIONS = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO meta VALUES ('identity', 'sqlite-' || lower(hex(randomblob(16)))), ('checked_at', '0');
  CREATE TABLE topics (topic TEXT PRIMARY KEY, next_offset INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO topics VALUES ('patchbay.calls', 0), ('patchbay.quarantine', 0);
  ${messageTable("calls")}
  ${messageTable("quarantine")}
  CREATE TABLE consumer_groups (
    topic TEXT NOT NULL,
    name TEXT NOT NULL,
    committed INTEGER NOT NULL,
    owner TEXT,
    leased_until INTEGER NOT NULL,
    PRIMARY KEY (topic, name)
  ) STRICT, WITHOUT ROWID;
  `,
];

/** Unix ms by the database's clock: SQLite's, and so the host's, the same for every process. */
export const NOW_MS = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
