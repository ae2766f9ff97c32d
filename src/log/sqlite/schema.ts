/** "PbLg" */
export const APPLICATION_ID = 0x50624c67;

/** Offsets are dense per topic and never used again: `next_offset` outlives trimmed messages. */
export const MIGRATIONS = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO meta VALUES ('identity', 'sqlite-' || lower(hex(randomblob(16)))), ('checked_at', '0');
  CREATE TABLE topics (topic TEXT PRIMARY KEY, next_offset INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE messages (
    topic TEXT NOT NULL,
    log_offset INTEGER NOT NULL,
    appended_at INTEGER NOT NULL,
    key TEXT NOT NULL,
    headers TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (topic, log_offset)
  ) STRICT;
  CREATE INDEX messages_by_time ON messages (topic, appended_at);
  CREATE TABLE groups (
    topic TEXT NOT NULL,
    name TEXT NOT NULL,
    committed INTEGER,
    oldest_open_at INTEGER,
    owner TEXT,
    leased_until INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, name)
  ) STRICT, WITHOUT ROWID;
  `,
];

/** Unix ms by the database's clock. */
export const NOW_MS = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
