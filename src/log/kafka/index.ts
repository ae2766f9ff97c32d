/** The log on Apache Kafka. The contract is `src/log/log.ts`; kafkajs is behind `driver/`. */
import { LogUnavailableError, UnreachableError, UsageError } from "../../errors.ts";
import { withTimeout } from "../../lib/async/timeout.ts";
import { CALLS_TOPIC, type Log, QUARANTINE_TOPIC, type Subscription } from "../log.ts";
import { createAppender } from "./append.ts";
import { createClient, type KafkaEvent } from "./client.ts";
import { createExplain } from "./explain.ts";
import { createReader } from "./reader.ts";
import type { Send } from "./send-verified.ts";
import { readSettings } from "./settings.ts";
import { subscribe } from "./subscription.ts";
import { type CheckedTopics, ensureTopics } from "./topics.ts";

export type { KafkaEvent } from "./client.ts";

const CONNECT_WITHIN_MS = 8_000;
const CHECK_WITHIN_MS = 3_000;
const CLOSE_WITHIN_MS = 3_000;
/** For questions, which their callers ask again; the producer and the members have their own. */
const CLIENT_RETRY = { initialRetryTime: 100, maxRetryTime: 500, retries: 3 };

/**
 * @param options.url see `readSettings`.
 * @throws {UsageError} for a URL that cannot be read, and for topics that would break a promise.
 * @throws {UnreachableError} when no broker answers, or all refuse us.
 */
export async function openKafkaLog(options: {
  url: string;
  onEvent(event: KafkaEvent): void;
  /** For commands that only look: no topic is created, and one that is not as it should be becomes an event. */
  mustExist?: boolean;
  /** Replaces the real send in tests of what must survive it. */
  wrapSend?: (send: Send) => Send;
}): Promise<Log> {
  const { url, onEvent, mustExist = false, wrapSend } = options;
  const settings = readSettings(url);
  const { prefix } = settings;
  const name = `kafka://${settings.brokers.join(",")}`;
  const explain = createExplain(settings);
  const client = createClient({ settings, retry: CLIENT_RETRY, onEvent });
  const reader = createReader({ client, prefix, explain, onEvent });
  let topics: CheckedTopics;
  try {
    await withTimeout(CONNECT_WITHIN_MS, reader.metadata([]));
    topics = await ensureTopics({ client, settings, name, mustExist, metadata: reader.metadata, onEvent });
  } catch (error) {
    await reader.close({ graceMs: CLOSE_WITHIN_MS });
    client.destroy();
    if (error instanceof UsageError || error instanceof UnreachableError) throw error;
    const { message, hint } = explain(error, { topic: prefix + CALLS_TOPIC });
    throw new UnreachableError(message, { address: client.address, hint, cause: error });
  }
  const appender = createAppender({
    client,
    name,
    prefix,
    explain,
    partitionsOf: topics.partitionsOf,
    onFailed: () => void topics.recount().catch(() => undefined),
    ...(wrapSend && { wrapSend }),
  });
  const subscriptions = new Set<Subscription>();
  let closing: Promise<void> | undefined;

  async function check(): Promise<void> {
    const trouble = appender.trouble();
    if (trouble !== undefined) throw new LogUnavailableError(`${name}: ${trouble}`);
    try {
      const { topicMetadata } = await withTimeout(CHECK_WITHIN_MS, reader.metadata([CALLS_TOPIC]));
      const partitions = topicMetadata.flatMap((topic) => topic.partitionMetadata);
      const weak = partitions.filter(({ leader, isr }) => leader < 0 || isr.length < topics.minInsync);
      if (weak.length > 0)
        throw new LogUnavailableError(`${name}: ${weak.length} of ${partitions.length} partitions have too few copies in sync`);
      for (const topic of [CALLS_TOPIC, QUARANTINE_TOPIC]) await withTimeout(CHECK_WITHIN_MS, reader.refuseTopic(topic, "Write"));
    } catch (error) {
      if (error instanceof UnreachableError) throw error;
      const { message, hint } = explain(error, { topic: prefix + CALLS_TOPIC });
      throw new LogUnavailableError(message, { hint, cause: error });
    }
  }

  return {
    name,
    engine: "kafka",
    append: appender.append,
    async subscribe(subscription) {
      await reader.refuseTopic(subscription.topic, "Read");
      await reader.refuseGroup(subscription.group);
      const one = await subscribe({
        client,
        prefix,
        subscription,
        onEvent,
        explain,
        damageAt: reader.damageAt,
        refuseGroup: reader.refuseGroup,
        identity: reader.identity,
        reachable: () =>
          withTimeout(CHECK_WITHIN_MS, reader.metadata([]))
            .then(() => true)
            .catch(() => false),
        onStopped: () => subscriptions.delete(one),
      });
      subscriptions.add(one);
      return one;
    },
    read: reader.read,
    ranges: reader.ranges,
    committed: reader.committed,
    placeGroup: reader.placeGroup,
    offsetsAt: reader.offsetsAt,
    identity: reader.identity,
    earlierIdentities: reader.earlierIdentities,
    retentionMs: async () => topics.retentionMs,
    check,
    close() {
      closing ??= (async () => {
        await Promise.all([...subscriptions].map((one) => one.stop({ graceMs: 0 })));
        await appender.close({ graceMs: CLOSE_WITHIN_MS });
        await reader.close({ graceMs: CLOSE_WITHIN_MS });
        client.destroy();
      })();
      return closing;
    },
  };
}
