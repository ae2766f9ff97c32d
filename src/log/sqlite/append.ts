import type { DatabaseSync } from "node:sqlite";
import { LogUnavailableError, RecordTooLargeError } from "../../errors.ts";
import { createBatcher } from "../../lib/batcher.ts";
import { type LogRecord, MAX_RECORD_BYTES, type Position } from "../log.ts";

const MAX_WAITING_RECORDS = 20_000;
const MAX_WAITING_BYTES = 64_000_000;

/** Group commit: the records that arrive while one transaction is written go together in the next. */
export function createAppender(options: {
  db: DatabaseSync;
  path: string;
  onAppended: () => void;
}): (record: LogRecord) => Promise<Position> {
  const { db, path, onAppended } = options;
  const nextOffset = db.prepare("SELECT next_offset FROM topics WHERE topic = ?");
  const setNextOffset = db.prepare("INSERT INTO topics VALUES (?, ?) ON CONFLICT (topic) DO UPDATE SET next_offset = excluded.next_offset");
  const insert = db.prepare("INSERT INTO messages (topic, log_offset, appended_at, key, headers, value) VALUES (?, ?, ?, ?, ?, ?)");
  let waitingBytes = 0;

  function write(records: LogRecord[]): Position[] {
    const nowMs = Date.now();
    const next = new Map<string, number>();
    db.exec("BEGIN IMMEDIATE");
    try {
      const positions = records.map(({ topic, key, value, headers }) => {
        const offset = next.get(topic) ?? Number(nextOffset.get(topic)?.next_offset ?? 0);
        insert.run(topic, offset, nowMs, key, JSON.stringify(headers), value);
        next.set(topic, offset + 1);
        return { partition: 0, offset };
      });
      for (const [topic, offset] of next) setNextOffset.run(topic, offset);
      db.exec("COMMIT");
      return positions;
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  }

  const batches = createBatcher<LogRecord, Position>({
    maxItems: 1_000,
    maxBytes: 4_000_000,
    sizeOf: ({ value }) => value.byteLength,
    run: async (records) => {
      try {
        const positions = write(records);
        onAppended();
        return positions;
      } catch (error) {
        throw new LogUnavailableError(`the log ${path} cannot be written: ${error instanceof Error ? error.message : "unknown"}`, {
          cause: error,
        });
      }
    },
  });

  return async (record) => {
    const bytes = sizeOf(record);
    if (bytes > MAX_RECORD_BYTES) throw new RecordTooLargeError(`a record of ${bytes} bytes is above the limit of ${MAX_RECORD_BYTES}`);
    if (batches.size >= MAX_WAITING_RECORDS || waitingBytes + bytes > MAX_WAITING_BYTES) {
      throw new LogUnavailableError(`the log ${path} cannot keep up: ${batches.size} records wait to be written`);
    }
    waitingBytes += bytes;
    try {
      return await batches.add(record);
    } finally {
      waitingBytes -= bytes;
    }
  };
}

function sizeOf({ key, value, headers }: LogRecord): number {
  let bytes = value.byteLength + key.length * 3;
  for (const [name, text] of Object.entries(headers)) bytes += name.length + text.length * 3;
  return bytes;
}
