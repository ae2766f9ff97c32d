import { LogUnavailableError, RecordTooLargeError } from "../../errors.ts";
import { createBatcher } from "../../lib/async/batcher.ts";
import { withTimeout } from "../../lib/async/timeout.ts";
import { type LogRecord, MAX_RECORD_BYTES, type Position, type Topic } from "../log.ts";
import type { KafkaClient } from "./client.ts";
import type { Producer } from "./driver/types.ts";
import type { Explain } from "./explain.ts";
import { partitionOf } from "./murmur2.ts";
import { createPatience } from "./patience.ts";
import { type Outgoing, type Send, sendCovered } from "./send-covered.ts";

const DEADLINE_MS = 8_000;
const MAX_WAITING_RECORDS = 20_000;
const MAX_WAITING_BYTES = 64_000_000;
/** kafkajs decodes a batch onto the stack: far larger ones crash a reader (kafkajs' fetch decoder, above about 100,000 records). */
const MAX_SEND_RECORDS = 1_000;
const MAX_SEND_BYTES = 512_000;
/** How long a broker waits for its replicas. */
const REPLICATE_WITHIN_MS = 5_000;
/** A failure older than this says nothing about now. */
const FAILURE_COUNTS_MS = 10_000;
const STUCK_AFTER_MS = 3_000;
/** While nothing can be stored so many records wait all the same, to find out when it can; the others are refused at once. */
const PROBES = 8;

/** Seventeen tries take about 12 s, longer than a dead leader is waited for (`broker.session.timeout.ms`, 9 s). */
const PRODUCER_RETRY = { initialRetryTime: 50, maxRetryTime: 1_000, retries: 16 };

export interface Appender {
  /** @throws {LogUnavailableError} {@link RecordTooLargeError} */
  append(record: LogRecord): Promise<Position>;
  /** Why records cannot be stored now, as far as the last ones tell. */
  trouble(): string | undefined;
  /** Waits for what was appended, up to `graceMs`, and closes the producer. */
  close(options: { graceMs: number }): Promise<void>;
}

interface Waiting extends Outgoing {
  bytes: number;
  /** Its sender was told that it failed; sending it now would only make a duplicate. */
  expired: boolean;
  expire(): void;
}

/**
 * One lane: while a send is under way, records gather and go together in the next (natural batching). A broker serves one request of a
 * connection at a time, so a send per record stores 300 a second where this stores 20,000; and with one send in flight, order needs no
 * idempotent producer, whose kafkajs form loses records (house reference; tulios/kafkajs issue 1005).
 */
export function createAppender(options: {
  client: KafkaClient;
  name: string;
  prefix: string;
  explain: Explain;
  partitionsOf(topic: Topic): number;
  /** A record was not stored. */
  onFailed?(): void;
  /** Replaces the real send in tests of what must survive it. */
  wrapSend?: (send: Send) => Send;
}): Appender {
  const { client, name, prefix, explain, partitionsOf, onFailed = () => undefined, wrapSend = (send) => send } = options;
  const producer = client.kafka.producer({
    idempotent: false,
    allowAutoTopicCreation: false,
    metadataMaxAge: 60_000,
    retry: PRODUCER_RETRY,
    // Every message names its partition: left to kafkajs, each retry would choose anew for a record without a key.
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition as number,
  });
  const connect = connectOnce(producer);
  const send = wrapSend(async (topicMessages) => {
    await connect();
    return producer.sendBatch({ acks: -1, timeout: REPLICATE_WITHIN_MS, topicMessages });
  });

  /** Whose senders still wait. */
  const waiting = createPatience<Waiting>({ liveMs: DEADLINE_MS });
  /** In the lane: an expired record takes its room until the lane has dropped it. */
  let laneBytes = 0;
  let failure: { atMs: number; message: string } | undefined;
  let closed = false;

  const lane = createBatcher<Waiting, Position | Error>({
    maxItems: MAX_SEND_RECORDS,
    maxBytes: MAX_SEND_BYTES,
    sizeOf: ({ bytes }) => bytes,
    async run(batch) {
      const live = batch.filter(({ expired }) => !expired);
      const results = await sendCovered({ records: live, send, explain });
      const failed = results.find((result) => result instanceof LogUnavailableError);
      if (failed) {
        failure = { atMs: performance.now(), message: failed.message };
        onFailed();
      } else if (results.length > 0) failure = undefined;
      if (live.length === batch.length) return results;
      const resultOf = new Map(live.map((one, index) => [one, results[index]]));
      return batch.map((one) => resultOf.get(one) ?? new LogUnavailableError("expired"));
    },
  });

  function trouble(): string | undefined {
    if (waiting.longestMs() > STUCK_AFTER_MS) return `records wait for ${STUCK_AFTER_MS / 1000} s to be stored`;
    return failure && performance.now() - failure.atMs < FAILURE_COUNTS_MS ? failure.message : undefined;
  }

  return {
    append(record) {
      const { topic, headers } = record;
      const key = Buffer.from(record.key);
      const { buffer, byteOffset, byteLength } = record.value;
      const bytes = byteLength + key.byteLength + headerBytes(headers);
      if (bytes > MAX_RECORD_BYTES) {
        return Promise.reject(new RecordTooLargeError(`a record of ${bytes} bytes is above the limit of ${MAX_RECORD_BYTES}`));
      }
      if (closed) return Promise.reject(new LogUnavailableError(`the log ${name} is closed`));
      if (lane.size >= MAX_WAITING_RECORDS || laneBytes + bytes > MAX_WAITING_BYTES) {
        return Promise.reject(new LogUnavailableError(`the log ${name} cannot keep up: ${lane.size} records wait to be stored`));
      }
      const known = waiting.size < PROBES ? undefined : trouble();
      if (known !== undefined) return Promise.reject(new LogUnavailableError(`${name}: ${known}`));
      return new Promise((resolve, reject) => {
        const partition = partitionOf(key, partitionsOf(topic));
        const one: Waiting = {
          topic: prefix + topic,
          message: { key, value: Buffer.from(buffer, byteOffset, byteLength), headers, partition },
          bytes,
          expired: false,
          expire() {
            one.expired = true;
            failure = { atMs: performance.now(), message: `${name} did not store a record within ${DEADLINE_MS / 1000} s` };
            reject(new LogUnavailableError(failure.message));
          },
        };
        waiting.add(one);
        laneBytes += one.bytes;
        lane.add(one).then((result) => {
          laneBytes -= bytes;
          waiting.delete(one);
          if (result instanceof Error) reject(result);
          else resolve(result);
        }, reject);
      });
    },

    trouble,

    async close({ graceMs }) {
      closed = true;
      const deadlineMs = performance.now() + graceMs;
      while (waiting.size > 0 && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 10));
      waiting.end();
      await withTimeout(graceMs, producer.disconnect()).catch(() => undefined);
    },
  };
}

/** Connects on the first send: most commands never send. */
function connectOnce(producer: Producer): () => Promise<void> {
  let connected: Promise<void> | undefined;
  return () => {
    connected ??= producer.connect().catch((error) => {
      connected = undefined;
      throw error;
    });
    return connected;
  };
}

function headerBytes(headers: Record<string, string>): number {
  let bytes = 0;
  for (const name in headers) bytes += name.length + Buffer.byteLength(headers[name] ?? "");
  return bytes;
}
