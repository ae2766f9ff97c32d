/** Unix ms by the database's clock. */
export const NOW_MS = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

export const MIGRATIONS = [
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
];
