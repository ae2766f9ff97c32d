import { LogUnavailableError, RecordTooLargeError } from "../../errors.ts";
import { createBatcher } from "../../lib/async/batcher.ts";
import { withTimeout } from "../../lib/async/timeout.ts";
import { type LogRecord, MAX_RECORD_BYTES, type Position, type Topic } from "../log.ts";
import type { KafkaClient } from "./client.ts";
import { createDeadlines } from "./deadlines.ts";
import type { Producer } from "./driver/types.ts";
import type { Explain } from "./explain.ts";
import { partitionOf } from "./murmur2.ts";
import { type Outgoing, type Send, sendVerified } from "./send-verified.ts";

const DEADLINE_MS = 8_000;
const MAX_WAITING_RECORDS = 20_000;
const MAX_WAITING_BYTES = 64_000_000;
/** Other programs may read with kafkajs as it was published, whose decoder overflows the stack above about 100,000 records in a batch. */
const MAX_SEND_RECORDS = 1_000;
const MAX_SEND_BYTES = 512_000;
/** How long a broker waits for its replicas. */
const REPLICATE_WITHIN_MS = 5_000;
/** A failure older than this says nothing about now. */
const FAILURE_COUNTS_MS = 10_000;
const STUCK_AFTER_MS = 3_000;
/** While nothing can be stored so many records still wait, to notice when storing works again; the others are refused at once. */
const PROBES = 8;

/** Seventeen tries take about 12 s, longer than a cluster waits for a dead leader (`broker.session.timeout.ms`, 9 s). */
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
  /** Its sender has the error already; sending it now would only make a duplicate. */
  expired: boolean;
  expire(): void;
}

/**
 * One lane: while a send is under way, records gather and go together in the next (natural batching). A broker serves one request of a
 * connection at a time, so a send per record stores 300 a second where this stores 20,000; and with one send in flight, order needs no
 * idempotent producer, which in kafkajs loses records (tulios/kafkajs issue 1005).
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
  const producer = createProducer(client);
  const connect = connectOnce(producer);
  const send = wrapSend(async (topicMessages) => {
    await connect();
    return producer.sendBatch({ acks: -1, timeout: REPLICATE_WITHIN_MS, topicMessages });
  });

  /** Records whose senders still wait. */
  const waiting = createDeadlines<Waiting>({ liveMs: DEADLINE_MS });
  /** Of records in the lane: an expired one counts until the lane has dropped it. */
  let laneBytes = 0;
  let failure: { atMs: number; message: string } | undefined;
  let closed = false;

  const lane = createBatcher<Waiting, Position | Error>({
    maxItems: MAX_SEND_RECORDS,
    maxBytes: MAX_SEND_BYTES,
    sizeOf: ({ bytes }) => bytes,
    async run(batch) {
      const live = batch.filter(({ expired }) => !expired);
      const results = await sendVerified({ records: live, send, explain });
      const failed = results.find((result) => result instanceof LogUnavailableError);
      if (failed) {
        failure = { atMs: performance.now(), message: failed.message };
        onFailed();
      } else if (results.length > 0) failure = undefined;
      const resultOf = new Map(live.map((one, index) => [one, results[index]]));
      return batch.map((one) => resultOf.get(one) ?? new LogUnavailableError("expired"));
    },
  });

  function trouble(): string | undefined {
    if (waiting.longestMs() > STUCK_AFTER_MS) return `records wait for ${STUCK_AFTER_MS / 1000} s to be stored`;
    return failure && performance.now() - failure.atMs < FAILURE_COUNTS_MS ? failure.message : undefined;
  }

  function refusalOf(bytes: number): Error | undefined {
    if (bytes > MAX_RECORD_BYTES) return new RecordTooLargeError(`a record of ${bytes} bytes is above the limit of ${MAX_RECORD_BYTES}`);
    if (closed) return new LogUnavailableError(`the log ${name} is closed`);
    if (lane.size >= MAX_WAITING_RECORDS || laneBytes + bytes > MAX_WAITING_BYTES)
      return new LogUnavailableError(`the log ${name} cannot keep up: ${lane.size} records wait to be stored`);
    const known = waiting.size < PROBES ? undefined : trouble();
    return known === undefined ? undefined : new LogUnavailableError(`${name}: ${known}`);
  }

  return {
    append(record) {
      const { topic, headers } = record;
      const key = Buffer.from(record.key);
      const { buffer, byteOffset, byteLength } = record.value;
      const bytes = byteLength + key.byteLength + headerBytes(headers);
      const refusal = refusalOf(bytes);
      if (refusal) return Promise.reject(refusal);
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

function createProducer({ kafka }: KafkaClient): Producer {
  return kafka.producer({
    idempotent: false,
    allowAutoTopicCreation: false,
    metadataMaxAge: 60_000,
    retry: PRODUCER_RETRY,
    // Every message names its partition: otherwise kafkajs chooses again at each retry for a record without a key.
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition as number,
  });
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
