/**
 * The log stores accepted calls in order, and every route reads them at its own pace.
 * Two engines keep this contract, `src/log/sqlite` and `src/log/kafka`; `test/contracts/log.contract.ts` is its suite.
 *
 * Rules every engine keeps:
 * - `append` resolves only when the record survives a crash of this process and of its host's disk cache
 *   (embedded) or of one broker of three (Kafka). A record may be stored twice, never lost.
 * - A group's messages of one partition are taken in order and acknowledged in any order; the committed
 *   position never passes a message that is not acknowledged.
 * - A partition belongs to one member at a time. Before it passes to another member, {@link Taken.signal} is
 *   aborted, and what the member has taken is awaited (bounded), so that nothing is handed out twice without
 *   need. After a crash it is: readers must cope with a message taken again.
 * - Offsets are numbers: 2^53 records at 10,000 a second last 28,000 years.
 */

import type { StoreFile } from "../lib/sqlite/copy.ts";

export type Topic = "patchbay.calls" | "patchbay.quarantine";
export const CALLS_TOPIC: Topic = "patchbay.calls";
export const QUARANTINE_TOPIC: Topic = "patchbay.quarantine";

/** The log refuses records above this size (key, value and headers together), in bytes. */
export const MAX_RECORD_BYTES = 2_000_000;

export interface LogRecord {
  topic: Topic;
  /** Records of one key keep their order. */
  key: string;
  /** The raw bytes, never changed. */
  value: Uint8Array;
  headers: Record<string, string>;
}

export interface Position {
  partition: number;
  /** Of the next message to read. */
  offset: number;
}

export interface Message extends LogRecord {
  partition: number;
  offset: number;
  /** When the log took it, Unix ms. */
  appendedAt: number;
}

/** A message that this process has taken: it must end in exactly one of `ack` and `release`. */
export interface Taken {
  readonly message: Message;
  /** Aborted when the partition is about to pass to another member: finish what is being sent, release the rest. */
  readonly signal: AbortSignal;
  /** Done with: delivered, skipped, or parked in the ledger. Once the partition is lost this does nothing. */
  ack(): void;
  /** Not done: it is handed out again, perhaps to another member. */
  release(): void;
}

/** Messages in the log that cannot be read: a disk altered them, or their compression is not known here. */
export interface UnreadableRange {
  partition: number;
  /** From this offset … */
  from: number;
  /** … up to, not including, this one. */
  to: number;
  /** For people; it quotes nothing of the messages. */
  reason: string;
}

export interface SubscribeOptions {
  topic: Topic;
  /** The consumer group: `patchbay.<route id>`. */
  group: string;
  /** Where to begin in a partition for which the group has no committed position; a partition not listed begins at its oldest message. */
  start: Position[];
  /** Unacknowledged messages held at once, buffered ones included. Default 2,000 messages and 16 MB. */
  window?: { maxMessages: number; maxBytes: number };
  /** Retention took messages that the group had not read: `from` up to, not including, `to`. Reading continues behind them once it is noted. */
  onLost?(range: { partition: number; from: number; to: number }): Promise<void>;
  /** Messages cannot be read. Reading continues behind them once it is noted; other partitions do not wait for that. */
  onUnreadable?(range: UnreadableRange): Promise<void>;
}

export interface SubscriptionStatus {
  /** Partitions held now; empty while joining or standing by. */
  partitions: number[];
  /** Another process has the group (embedded log only). */
  standby: boolean;
  /** Taken and not yet acknowledged or released. */
  open: number;
  /** When the log took the oldest message not yet acknowledged, Unix ms. */
  oldestOpenAt: number | undefined;
  /** When anything last moved: fetched, heartbeat answered, committed. While the log is away it is kept fresh: no restart brings it back. Unix ms. */
  aliveAt: number;
  /** The log's service does not answer (Kafka only). */
  away?: boolean;
  /** Why a partition does not move, where the log is the reason (Kafka only); for people. */
  trouble?: string | undefined;
}

export interface Subscription {
  /**
   * The next messages, at least one and at most `max`; waits for them. `[]` only when the signal was aborted
   * or the subscription is stopping.
   */
  take(options: { max: number; signal?: AbortSignal }): Promise<Taken[]>;
  /** Stops handing out; the member stays in its group for as long as it takes, lag grows. */
  pause(): void;
  resume(): void;
  status(): SubscriptionStatus;
  /** Hands out nothing more, waits up to `graceMs` for what is taken, commits, leaves. Safe to call twice. */
  stop(options: { graceMs: number }): Promise<void>;
  /** Resolves with the reason if the engine gives up for good; the process should end and be restarted. Never rejects. */
  readonly failed: Promise<Error>;
}

export interface PartitionRange {
  partition: number;
  /** The oldest offset still kept. */
  low: number;
  /** The offset the next record will get. */
  high: number;
}

/** How long to wait for an answer before it is an error; by default the engine's own time, up to 10 s while its service is away. */
export interface Bound {
  withinMs?: number | undefined;
}

export interface ReadOptions {
  topic: Topic;
  partition: number;
  from: number;
  limit: number;
  onUnreadable?: ((range: UnreadableRange) => void) | undefined;
}

export interface CommittedPosition extends Position {
  /** When the log took the message at `offset`, as the last commit said; absent when it was caught up or unknown. Unix ms. */
  oldestOpenAt?: number;
}

export interface Log {
  /** For people, without credentials: `sqlite:data/patchbay.db`, `kafka://broker:9092`. */
  readonly name: string;
  readonly engine: "sqlite" | "kafka";
  /** Absent where the log is no file. */
  readonly file?: StoreFile;
  /**
   * Resolves when the record is durable, with its place.
   * @throws {LogUnavailableError} not stored, as far as we know, within the engine's deadline.
   * @throws {RecordTooLargeError}
   */
  append(record: LogRecord): Promise<Position>;
  /**
   * Joins the group. Resolves when the subscription exists, which may be before it holds a partition.
   * @throws {UnreachableError} where we may not.
   */
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  /**
   * Reads without a group: replay, audit, `deliveries`. Fewer than `limit` messages only at the end of the partition.
   * It passes over messages that cannot be read, and reports them to `onUnreadable`, or as events of the log without it.
   */
  read(options: ReadOptions): Promise<Message[]>;
  ranges(topic: Topic, bound?: Bound): Promise<PartitionRange[]>;
  /**
   * Removes messages older than that which all these groups have done with. A group without a position holds nothing back.
   * Absent where the log has a retention of its own (Kafka), {@link retentionMs}.
   * @returns how many were removed.
   */
  trim?(options: { topic: Topic; olderThanMs: number; groups: string[] }): Promise<number>;
  /** How long the log itself keeps calls; undefined where {@link trim} does it. */
  retentionMs?(): Promise<number | undefined>;
  /** Takes a record's value away, its place stays. Absent where a log cannot (Kafka): there it goes when its retention ends. */
  erase?(options: { topic: Topic; partition: number; offset: number }): Promise<void>;
  /**
   * Overwrites what {@link trim} and {@link erase} removed in the bytes of its files. `pack`: also between other records, for which writers
   * wait seconds. `keepCopiesMs`: copies that were kept before an upgrade go when they are older.
   * @returns sentences for people about what may stay where; none is the good answer. Absent where there is no erase.
   */
  scrub?(options: { pack: boolean; keepCopiesMs?: number }): Promise<string[]>;
  /** The group's committed positions; a partition without a commit is absent. */
  committed(options: Bound & { group: string; topic: Topic }): Promise<CommittedPosition[]>;
  /** Sets the positions of a group that has no member; the next one begins there. @throws {LogUnavailableError} also while the group has a member. */
  placeGroup(options: { group: string; topic: Topic; positions: Position[] }): Promise<void>;
  /** For every partition the first offset whose message was taken at or after `atMs`, or the end. */
  offsetsAt(options: { topic: Topic; atMs: number }): Promise<Position[]>;
  /** Differs from that of any other log, also of one of the same name that was lost and created again: their offsets cannot be compared. Asked each time. */
  identity(): Promise<string>;
  /** Names that this log had for ledgers of earlier programs. */
  earlierIdentities?(): Promise<string[]>;
  /** Resolves when records can be stored right now. @throws {LogUnavailableError} with the reason, {UnreachableError} where that does not pass. */
  check(): Promise<void>;
  close(): Promise<void>;
}
