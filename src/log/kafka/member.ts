import { withTimeout } from "../../lib/async/timeout.ts";
import type { KafkaClient, KafkaEvent } from "./client.ts";
import { HOOKS, type MemberHooks } from "./driver/corrections/member-hooks.ts";
import { PartitionAssigners } from "./driver/load.ts";
import type { Batch, Consumer, PartitionAssigner } from "./driver/types.ts";
import { reasonOf } from "./errors.ts";

/** A member that was not heard of for so long has died; its partitions go to others. */
const SESSION_MS = 12_000;
const HEARTBEAT_EVERY_MS = 3_000;
const REJOIN_WITHIN_MS = 25_000;
/** How long a fetch waits for records. With everything paused kafkajs sleeps as long, so it is also the latency of a resume. */
const FETCH_WAITS_MS = 300;
/** What a broker sends at once; a batch that is larger comes all the same, and alone. */
const FETCH_BYTES = 2_097_152;
const FETCH_BYTES_PER_PARTITION = 262_144;
const METADATA_MAX_AGE_MS = 60_000;
/** Forty tries take about 40 s: longer than a coordinator's death goes unnoticed, shorter than a person waits. Then it restarts. */
const CONSUMER_RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 40 };
const WATCH_EVERY_MS = 5_000;
const SILENT_MS = 3 * SESSION_MS;
/** A member may wait so long to join and again for its partitions, for others that died, and hears nothing meanwhile. */
const SILENT_WHILE_JOINING_MS = 2 * REJOIN_WITHIN_MS + SESSION_MS;

/** The batch and the offset that was asked for; `messages` are those from there on. */
export type FetchedBatch = Batch & { fetchedOffset: string };

export interface Member {
  /** Leaves the group and disconnects, within `withinMs`. */
  leave(options: { withinMs: number }): Promise<void>;
}

/**
 * kafkajs' consumer with what we know about it: commits are ours, `onBatch` returns at once and never throws (a TypeError in a handler
 * ends a kafkajs consumer for ever, silently: issues 1443 and 1299), and a consumer that stops by itself is noticed.
 */
export async function createMember(options: {
  client: KafkaClient;
  groupId: string;
  topic: string;
  hooks: MemberHooks;
  onBatch(batch: FetchedBatch): void;
  /** Something came from Kafka. */
  onAlive(): void;
  /** Nothing comes, and Kafka does not answer; called again while it stays away. */
  onAway(): void;
  onEvent(event: KafkaEvent): void;
  /** kafkajs has ended it for good, for this reason. */
  onEnded(error: Error): void;
  /** It does not move, for no reason that is known. */
  onFailed(error: Error): void;
  /** Whether Kafka answers: only then is silence a reason to give up. */
  reachable(): Promise<boolean>;
}): Promise<Member> {
  const { client, groupId, topic, hooks, onBatch, onEvent, onEnded, onFailed, reachable } = options;
  const consumer = client.kafka.consumer({
    groupId,
    partitionAssigners: [
      assignerWith({
        ...hooks,
        beforeJoin(group) {
          joining = true;
          return hooks.beforeJoin(group);
        },
        joined(group) {
          joining = false;
          return hooks.joined(group);
        },
      }),
    ],
    sessionTimeout: SESSION_MS,
    rebalanceTimeout: REJOIN_WITHIN_MS,
    heartbeatInterval: HEARTBEAT_EVERY_MS,
    maxWaitTimeInMs: FETCH_WAITS_MS,
    minBytes: 1,
    maxBytes: FETCH_BYTES,
    maxBytesPerPartition: FETCH_BYTES_PER_PARTITION,
    allowAutoTopicCreation: false,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    readUncommitted: true,
    retry: { ...CONSUMER_RETRY, restartOnFailure: async () => !leaving },
  });
  let leaving = false;
  let joining = false;
  let heard = true;

  function onAlive(): void {
    heard = true;
    options.onAlive();
  }

  listen(consumer, { onAlive, onEvent, groupId, onEnded: (error) => !leaving && onEnded(error) });
  // Only a default for partitions without a commit; where a group begins is decided by `beforeFetch`.
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const running = consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      onAlive();
      onBatch(batch as FetchedBatch);
    },
  });
  running.catch(onEnded);

  let silentMs = 0;
  const watch = setInterval(async () => {
    if (heard) silentMs = 0;
    else if (await reachable()) silentMs += WATCH_EVERY_MS;
    else options.onAway();
    heard = false;
    if (silentMs < (joining ? SILENT_WHILE_JOINING_MS : SILENT_MS) || leaving) return;
    onFailed(new Error(`the consumer of ${groupId} has not moved for ${silentMs / 1000} s`));
  }, WATCH_EVERY_MS);

  return {
    async leave({ withinMs }) {
      leaving = true;
      clearInterval(watch);
      const left = async () => {
        // A consumer that is asked to stop while it joins would join and never stop: `joined` sends it away, then it has ended.
        await running;
        await consumer.disconnect();
      };
      await withTimeout(withinMs, left()).catch((error) => {
        onEvent({ severity: "warning", text: `the group was left without its answer: ${reasonOf(error)}`, group: groupId });
      });
    },
  };
}

/** Round robin, as kafkajs has it, carrying the hooks. */
function assignerWith(hooks: MemberHooks): PartitionAssigner {
  return (config) => Object.assign(PartitionAssigners.roundRobin(config), { [HOOKS]: hooks });
}

function listen(
  consumer: Consumer,
  {
    groupId,
    onAlive,
    onEvent,
    onEnded,
  }: { groupId: string; onAlive(): void; onEvent(event: KafkaEvent): void; onEnded(error: Error): void },
): void {
  const { HEARTBEAT, FETCH, GROUP_JOIN, CRASH } = consumer.events;
  consumer.on(HEARTBEAT, onAlive);
  consumer.on(FETCH, onAlive);
  consumer.on(GROUP_JOIN, onAlive);
  consumer.on(CRASH, ({ payload: { error, restart } }) => {
    if (restart) onEvent({ severity: "warning", text: `the consumer restarts: ${reasonOf(error)}`, group: groupId });
    else onEnded(error);
  });
}
