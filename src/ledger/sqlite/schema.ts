import type { DatabaseSync } from "node:sqlite";
import type { Migration } from "../../lib/sqlite/open.ts";
import type { Action } from "../actions.ts";
import { createFingerprint } from "../fingerprint.ts";
import { SEALED_HEAD, sealsOfOld } from "../seals.ts";
import type { Dialect } from "../sql/conflicts.ts";

/** Unix ms by the database's clock. */
export const NOW_MS = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/** `sha256` is our own function: SQLite has none. */
export const DIALECT: Dialect = {
  nowMs: NOW_MS,
  sha256: (text) => `sha256(${text})`,
  last: (text, length) => `substr(${text}, -${length})`,
};

export const MIGRATIONS: readonly Migration[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE deliveries (
    route TEXT NOT NULL,
    source TEXT NOT NULL,
    call_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sending', 'delivered', 'skipped', 'waiting', 'dead')),
    claim_id TEXT,
    claimed_by TEXT,
    claimed_until INTEGER NOT NULL DEFAULT 0,
    ambiguous INTEGER NOT NULL DEFAULT 0,
    log_partition INTEGER NOT NULL,
    log_offset INTEGER NOT NULL,
    hash TEXT NOT NULL,
    sent_fields TEXT NOT NULL DEFAULT '[]',
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER,
    error_code TEXT,
    reason TEXT,
    receipt TEXT,
    routes_version TEXT,
    accepted_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    body BLOB,
    PRIMARY KEY (route, source, call_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX deliveries_by_call ON deliveries (call_id);
  CREATE INDEX deliveries_by_update ON deliveries (updated_at);
  CREATE INDEX deliveries_open ON deliveries (route, state, due_at) WHERE state IN ('sending', 'waiting', 'dead');
  CREATE TABLE route_counts (route TEXT NOT NULL, state TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (route, state)) STRICT, WITHOUT ROWID;
  CREATE TRIGGER deliveries_count_new AFTER INSERT ON deliveries BEGIN
    INSERT INTO route_counts VALUES (new.route, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
  END;
  CREATE TRIGGER deliveries_count_change AFTER UPDATE OF state ON deliveries WHEN old.state <> new.state BEGIN
    UPDATE route_counts SET n = n - 1 WHERE route = old.route AND state = old.state;
    INSERT INTO route_counts VALUES (new.route, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
  END;
  CREATE TRIGGER deliveries_count_gone AFTER DELETE ON deliveries BEGIN
    UPDATE route_counts SET n = n - 1 WHERE route = old.route AND state = old.state;
  END;
  CREATE TABLE route_state (route TEXT PRIMARY KEY, start TEXT) STRICT, WITHOUT ROWID;
  CREATE TABLE route_positions (
    route TEXT NOT NULL, log_partition INTEGER NOT NULL, log_offset INTEGER NOT NULL, PRIMARY KEY (route, log_partition)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE workers (worker TEXT PRIMARY KEY, beat_at INTEGER NOT NULL, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE deliveries ADD COLUMN aged_ms INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN paced INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN replay INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE route_state ADD COLUMN pause TEXT;
  ALTER TABLE route_state ADD COLUMN skip_before INTEGER;
  ALTER TABLE route_state ADD COLUMN skip_reason TEXT;
  CREATE INDEX deliveries_replayed ON deliveries (route) WHERE replay = 1;
  CREATE TRIGGER deliveries_count_move AFTER UPDATE OF route ON deliveries WHEN old.route <> new.route BEGIN
    UPDATE route_counts SET n = n - 1 WHERE route = old.route AND state = old.state;
    INSERT INTO route_counts VALUES (new.route, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
  END;
  CREATE TABLE actions (at INTEGER NOT NULL, by_whom TEXT NOT NULL, route TEXT NOT NULL, action TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
  CREATE TABLE destination_state (key TEXT PRIMARY KEY, not_before INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
  CREATE TABLE routes_files (version TEXT PRIMARY KEY, text TEXT NOT NULL, good_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE replays (id TEXT PRIMARY KEY, spec TEXT NOT NULL, updated_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE forgotten (hash TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE lost_ranges (
    route TEXT NOT NULL, log_partition INTEGER NOT NULL, from_offset INTEGER NOT NULL, to_offset INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (route, log_partition, from_offset)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE deliveries ADD COLUMN awaits TEXT;
  ALTER TABLE deliveries ADD COLUMN found INTEGER;
  CREATE INDEX deliveries_awaiting ON deliveries (route, awaits, state, source, call_id) WHERE awaits IS NOT NULL;
  CREATE INDEX deliveries_unmatched ON deliveries (updated_at) WHERE found <> 1;
  `,
  (db) => {
    db.exec(`
      ALTER TABLE deliveries ADD COLUMN versions TEXT NOT NULL DEFAULT '';
      ALTER TABLE deliveries ADD COLUMN returned INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE deliveries ADD COLUMN returned_at INTEGER;
      CREATE TABLE log_ends (log_partition INTEGER PRIMARY KEY, log_offset INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      INSERT INTO meta VALUES ('fingerprint_key', lower(hex(randomblob(32))));
    `);
    const fingerprint = createFingerprint(fingerprintKey(db));
    db.function("fingerprint", { deterministic: true }, (hash) => fingerprint(String(hash)));
    db.exec("UPDATE deliveries SET hash = fingerprint(hash) WHERE length(hash) = 64 OR hash = 'unreadable'");
  },
  (db) => {
    db.exec(`
      ALTER TABLE actions ADD COLUMN seq INTEGER;
      ALTER TABLE actions ADD COLUMN by_system TEXT NOT NULL DEFAULT '';
      ALTER TABLE actions ADD COLUMN seal TEXT NOT NULL DEFAULT '';
      CREATE UNIQUE INDEX actions_by_seq ON actions (seq);
    `);
    const old = db.prepare("SELECT rowid AS id, at, by_whom AS by, route, action, detail FROM actions ORDER BY at, rowid").all();
    const seals = sealsOfOld(old as unknown as Omit<Action, "system">[]);
    const seal = db.prepare("UPDATE actions SET seq = ?, seal = ? WHERE rowid = ?");
    for (const [index, one] of seals.entries()) seal.run(one.seq, one.seal, Number(old[index]?.id));
    const last = seals.at(-1);
    if (last) db.prepare("INSERT INTO meta VALUES (?, ?)").run(SEALED_HEAD, `${last.seq}-${last.seal}`);
  },
  `
  ALTER TABLE lost_ranges ADD COLUMN kind TEXT NOT NULL DEFAULT 'retention';
  ALTER TABLE lost_ranges ADD COLUMN reason TEXT NOT NULL DEFAULT '';
  ALTER TABLE lost_ranges ADD COLUMN accepted_at INTEGER;
  `,
];

export function fingerprintKey(db: DatabaseSync): string {
  return String(db.prepare("SELECT value FROM meta WHERE key = 'fingerprint_key'").get()?.value);
}
