import type { DatabaseSync } from "node:sqlite";
import { LogUnavailableError, RecordTooLargeError } from "../../errors.ts";
import { createBatcher } from "../../lib/async/batcher.ts";
import { inTransaction } from "../../lib/sqlite/open.ts";
import { type LogRecord, MAX_RECORD_BYTES, type Position, type Topic } from "../log.ts";
import { TABLES } from "./schema.ts";
import { unavailable } from "./unavailable.ts";

/** What may wait for the next commit. Beyond that the sender is refused at once: it has a queue of its own, and memory here would grow. */
const MAX_WAITING_RECORDS = 20_000;
const MAX_WAITING_BYTES = 64_000_000;
/** One commit of 4 MB holds the event loop for some 20 ms. */
const MAX_COMMIT_BYTES = 4_000_000;

interface Waiting {
  record: LogRecord;
  bytes: number;
}

export interface Appender {
  /** @throws {LogUnavailableError} {RecordTooLargeError} */
  append(record: LogRecord): Promise<Position>;
  /** Resolves when what was appended before is answered; nothing more is taken. */
  close(): Promise<void>;
}

/** Group commit: records that arrive in one turn of the event loop share a transaction, and so one wait for the disk. */
export function createAppender(options: { db: DatabaseSync; name: string; onAppended: () => void }): Appender {
  const { db, name, onAppended } = options;
  const topics = Object.fromEntries(
    Object.entries(TABLES).map(([topic, table]) => [topic, db.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?)`)]),
  ) as Record<Topic, ReturnType<DatabaseSync["prepare"]>>;
  const selectNext = db.prepare("SELECT next_offset FROM topics WHERE topic = ?");
  const updateNext = db.prepare("UPDATE topics SET next_offset = ? WHERE topic = ?");
  let waitingBytes = 0;
  let closed = false;
  const underWay = new Set<Promise<Position>>();

  function write(waiting: Waiting[]): Position[] {
    return inTransaction(db, () => {
      const appendedAt = Date.now();
      const next = new Map<Topic, number>();
      const positions = waiting.map(({ record: { topic, key, value, headers } }) => {
        const offset = next.get(topic) ?? Number(selectNext.get(topic)?.next_offset);
        topics[topic].run(offset, appendedAt, key, JSON.stringify(headers), value);
        next.set(topic, offset + 1);
        return { partition: 0, offset };
      });
      for (const [topic, offset] of next) updateNext.run(offset, topic);
      return positions;
    });
  }

  const commits = createBatcher<Waiting, Position>({
    maxItems: 1_000,
    maxBytes: MAX_COMMIT_BYTES,
    sizeOf: ({ bytes }) => bytes,
    async run(waiting) {
      try {
        const positions = write(waiting);
        onAppended();
        return positions;
      } catch (error) {
        throw unavailable(name, error);
      }
    },
  });

  return {
    async append(record) {
      const bytes = sizeOf(record);
      if (bytes > MAX_RECORD_BYTES) {
        throw new RecordTooLargeError(`a record of ${bytes} bytes is above the limit of ${MAX_RECORD_BYTES} bytes`);
      }
      if (closed) throw new LogUnavailableError(`${name} is closed`);
      if (commits.size >= MAX_WAITING_RECORDS || waitingBytes + bytes > MAX_WAITING_BYTES) {
        throw new LogUnavailableError(`${name} cannot keep up: ${commits.size} records wait to be written`);
      }
      waitingBytes += bytes;
      const result = commits.add({ record, bytes });
      underWay.add(result);
      try {
        return await result;
      } finally {
        underWay.delete(result);
        waitingBytes -= bytes;
      }
    },
    async close() {
      closed = true;
      await Promise.allSettled(underWay);
    },
  };
}

/** Key, value and headers together, in UTF-8. */
function sizeOf({ key, value, headers }: LogRecord): number {
  let bytes = value.byteLength + Buffer.byteLength(key);
  for (const [header, text] of Object.entries(headers)) bytes += Buffer.byteLength(header) + Buffer.byteLength(text);
  return bytes;
}
