import { UnreachableError, UsageError } from "../../errors.ts";
import type { Admin } from "./driver/types.ts";
import { DENIED, hasErrorCode } from "./errors.ts";
import { createExplain } from "./explain.ts";
import type { KafkaSettings } from "./settings.ts";
import { MAX_MESSAGE_BYTES, type WantedTopic } from "./topic-checks.ts";

/** What another default of the cluster must not decide; some clusters that others run let nobody set it, and have these values anyway. */
const ASKED_FOR = {
  // `topic-checks.ts` says why.
  "compression.type": "producer",
  // By time alone: calls that go by size would go before anybody is warned.
  "retention.bytes": "-1",
};

/**
 * Makes a topic; it may not be known to every broker yet. Nothing happens where another process was quicker.
 * @throws {UsageError} for more copies than brokers, {UnreachableError} where this user may not.
 */
export async function makeTopic(options: {
  admin: Pick<Admin, "createTopics">;
  one: WantedTopic & { partitions: number };
  settings: KafkaSettings;
}): Promise<void> {
  const { admin, one, settings } = options;
  const topic = settings.prefix + one.topic;
  const needed = {
    "cleanup.policy": "delete",
    "retention.ms": String(settings.retentionMs),
    "max.message.bytes": String(MAX_MESSAGE_BYTES),
    "min.insync.replicas": String(one.minInsync),
    // The broker's clock: what `appendedAt` promises, in order within a partition, and no ingress with a wrong clock is refused.
    "message.timestamp.type": "LogAppendTime",
  };
  const ask = async (config: Record<string, string>) => {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    const shape = { topic, numPartitions: one.partitions, replicationFactor: one.replication, configEntries };
    await admin.createTopics({ waitForLeaders: false, topics: [shape] });
  };
  try {
    await ask({ ...needed, ...ASKED_FOR }).catch((error) => {
      if (!hasErrorCode(error, ["POLICY_VIOLATION", "INVALID_CONFIG"])) throw error;
      return ask(needed);
    });
  } catch (error) {
    throw explainCreation(error, { one, settings });
  }
}

function explainCreation(error: unknown, { one, settings }: { one: WantedTopic; settings: KafkaSettings }): Error {
  const topic = settings.prefix + one.topic;
  const address = settings.brokers.join(",");
  if (hasErrorCode(error, ["INVALID_REPLICATION_FACTOR"])) {
    return new UsageError(`the topic ${topic} cannot have ${one.replication} copies: the cluster has fewer brokers`, {
      hint: `Start the missing brokers, or say replication=1 in the log's URL (a call is then lost with its broker).`,
      cause: error,
    });
  }
  const { message, hint } = createExplain(settings)(error, { topic, operation: "Create" });
  if (!hasErrorCode(error, DENIED)) return new UnreachableError(message, { address, hint, cause: error });
  return new UnreachableError(`the topic ${topic} does not exist, and Kafka at ${address} does not let this user create it`, {
    address,
    hint: `${hint} Or have it made, as docs/kafka.md shows.`,
    cause: error,
  });
}
