import type { Consumer, EachBatchPayload } from "kafkajs";
import type { SubscribeOptions, Subscription, Taken } from "../log.ts";
import type { PartitionWindow } from "../window.ts";
import type { KafkaClient, KafkaEvent } from "./client.ts";
import { createCommitter } from "./committer.ts";
import { isFault, reasonOf, within } from "./faults.ts";
import { createHolding, type Holding } from "./holding.ts";
import type { ConsumerGroup } from "./internals.ts";
import { createMember, SESSION_MS } from "./member.ts";
import type { MemberHooks } from "./patch-member.ts";
import { beginAt, edges } from "./positions.ts";
import { toMessage, toOffset } from "./wire.ts";

const DEFAULT_WINDOW = { maxMessages: 2_000, maxBytes: 16_000_000 };
const COMMIT_EVERY_MS = 1_000;
/** After the last message of a window is acknowledged: soon, but not once per message. */
const COMMIT_DRAINED_AFTER_MS = 100;
/** A rejoining member waits so long for what is taken, then so long for its commit: together less than a session. */
const BARRIER_MS = 8_000;
const BARRIER_COMMIT_MS = 4_000;
/** What would be handed out while commits fail would be handed out again by whoever comes next. */
const HAND_OUT_WHILE_COMMITS_FAIL_MS = 5_000;
const SILENT_AFTER_S = (3 * SESSION_MS) / 1_000;
const LEAVE_WITHIN_MS = 5_000;

/**
 * A member of a group with its window: kafkajs' handler only fills the window and returns, so fetching and heartbeats never wait for
 * deliveries; what is done is committed up to the first message that is not (house reference §3 and §10.1).
 */
export async function subscribe(options: {
  client: KafkaClient;
  prefix: string;
  subscription: SubscribeOptions;
  onEvent(event: KafkaEvent): void;
  onStopped(): void;
}): Promise<Subscription> {
  const { client, prefix, subscription, onEvent, onStopped } = options;
  const { start, window: limits = DEFAULT_WINDOW } = subscription;
  const topic = prefix + subscription.topic;
  const groupId = prefix + subscription.group;
  const failed = Promise.withResolvers<Error>();

  let group: ConsumerGroup | undefined;
  let holding: Holding | undefined;
  /** How far this member had come when its last holding ended; worth nothing to a member with another id. */
  const reached: { memberId: string | null; heads: Map<number, number> } = { memberId: null, heads: new Map() };
  let placing: { manager: object; done: Promise<void> } | undefined;
  const notFetched = new Set<number>();
  const pausedByRequest = false;
  let stopping: Promise<void> | undefined;
  let aliveAt = Date.now();
  let silentForS = 0;
  let waiters: (() => void)[] = [];
  let drainTimer: NodeJS.Timeout | undefined;

  const committer = createCommitter({ topic, groupId, onEvent, onCommitted: alive });

  function alive(): void {
    aliveAt = Date.now();
    silentForS = 0;
  }

  function wake(): void {
    const woken = waiters;
    waiters = [];
    for (const go of woken) go();
  }

  function isCurrent(one: ConsumerGroup): boolean {
    return holding !== undefined && holding.manager === one.offsetManager;
  }

  /** Fetches what there is room for, and no more. */
  function regulate({ partition, ...window }: PartitionWindow | { partition: number }, now = holding?.windows.get(partition)): void {
    void window;
    if (!group || !holding || !now) return;
    const wanted = !pausedByRequest && holding.wantsMore(now, !notFetched.has(partition));
    if (wanted === !notFetched.has(partition)) return;
    if (wanted) {
      notFetched.delete(partition);
      group.resume([{ topic, partitions: [partition] }]);
    } else {
      notFetched.add(partition);
      group.pause([{ topic, partitions: [partition] }]);
    }
  }
  return undefined as never;
}
