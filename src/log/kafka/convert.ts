/** Converts between kafkajs' shapes and the log's: offsets are strings there and numbers here. */
import type { Message, Topic } from "../log.ts";
import type { KafkaRecord } from "./kafka-record.ts";

/** @throws {RangeError} beyond 2^53, where a number would not be exact. */
export function toOffset(text: string): number {
  const offset = Number(text);
  if (!Number.isSafeInteger(offset)) throw new RangeError(`the offset ${text} is not a safe integer`);
  return offset;
}

export function toMessage(record: KafkaRecord, place: { topic: Topic; partition: number }): Message {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(record.headers ?? {})) headers[name] = headerText(value);
  return {
    ...place,
    offset: toOffset(record.offset),
    appendedAt: Number(record.timestamp),
    key: record.key?.toString("utf8") ?? "",
    // Copied: a slice would keep the whole answer, up to 2 MB, alive for as long as one message of it is open.
    value: record.value === null ? new Uint8Array() : new Uint8Array(record.value),
    headers,
  };
}

/** A header that is given several times counts with its last value. */
function headerText(value: unknown): string {
  const last: unknown = Array.isArray(value) ? value.at(-1) : value;
  return Buffer.isBuffer(last) ? last.toString("utf8") : typeof last === "string" ? last : "";
}

/** Metadata of a commit, at most 4,096 bytes by Kafka's default: when the log took the next message, from which any process computes the lag in seconds. */
export function commitMetadata(oldestOpenAt: number | undefined): string {
  return oldestOpenAt === undefined ? "" : JSON.stringify({ v: 1, t: oldestOpenAt });
}

/** What {@link commitMetadata} wrote; undefined for anything else (other programs may commit too). */
export function readCommitMetadata(text: string | null | undefined): number | undefined {
  if (!text) return undefined;
  try {
    const { v, t } = Object(JSON.parse(text));
    return v === 1 && Number.isSafeInteger(t) ? t : undefined;
  } catch {
    return undefined;
  }
}
