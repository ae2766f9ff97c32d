import { UnreachableError } from "../../errors.ts";
import { TimeoutError, withTimeout } from "../../lib/async/timeout.ts";
import type { SubscribeOptions, Subscription } from "../log.ts";
import { createTakeQueue } from "../take-queue.ts";
import { createAssignment } from "./assignment.ts";
import type { KafkaClient, KafkaEvent } from "./client.ts";
import { createCommitter } from "./committer.ts";
import type { Explain } from "./explain.ts";
import { createMember } from "./member.ts";
import type { Records } from "./records.ts";

const DEFAULT_WINDOW = { maxMessages: 2_000, maxBytes: 16_000_000 };
const COMMIT_EVERY_MS = 1_000;
/** After the last message of a window is acknowledged: soon, but not once per message. */
const COMMIT_DRAINED_AFTER_MS = 100;
/** What would be handed out while commits fail would be handed out again by the next owner. */
const HAND_OUT_WHILE_COMMITS_FAIL_MS = 5_000;
/** A partition that does not move for one to two of these although it has records is examined. */
const LOOK_EVERY_MS = 20_000;
const LAST_COMMIT_WITHIN_MS = 4_000;
const LEAVE_WITHIN_MS = 5_000;

/**
 * A member of a group with its windows: kafkajs' handler only fills them and returns, so that fetching and heartbeats never wait for
 * deliveries; what is done is committed up to the first message that is not.
 */
export async function subscribe(options: {
  client: KafkaClient;
  prefix: string;
  subscription: SubscribeOptions;
  reachable(): Promise<boolean>;
  /** Of the topic, as it is now. */
  identity(): Promise<string>;
  explain: Explain;
  damageAt: Records["damageAt"];
  /** @throws {UnreachableError} where this user may not join the group, which is named without the prefix. */
  refuseGroup(group: string): Promise<void>;
  onEvent(event: KafkaEvent): void;
  onStopped(): void;
}): Promise<Subscription> {
  const { client, prefix, subscription, reachable, identity, explain, onEvent, onStopped } = options;
  const { start, window: limits = DEFAULT_WINDOW, onLost = async () => undefined, onUnreadable = async () => undefined } = subscription;
  const topic = prefix + subscription.topic;
  const groupId = prefix + subscription.group;
  const failed = Promise.withResolvers<Error>();
  const begunWith = await identity();

  let pausedByRequest = false;
  let stopping: Promise<void> | undefined;
  let aliveAt = Date.now();
  let away = false;
  let drainTimer: NodeJS.Timeout | undefined;

  function alive(): void {
    aliveAt = Date.now();
    away = false;
  }

  async function sameTopic(): Promise<void> {
    if ((await identity()) === begunWith) return;
    const replaced = new Error(`the topic ${topic} was deleted and created again while it was read`);
    failed.resolve(replaced);
    throw replaced;
  }

  const queue = createTakeQueue({
    hasEnded: () => stopping !== undefined,
    handOut(max) {
      if (pausedByRequest || committer.failingForMs() > HAND_OUT_WHILE_COMMITS_FAIL_MS) return [];
      return assignment.take(max);
    },
  });
  const committer = createCommitter({ topic, groupId, explain, onEvent, onCommitted: alive });
  const assignment = createAssignment({
    topicName: subscription.topic,
    topic,
    groupId,
    start,
    limits,
    committer,
    onLost,
    onUnreadable,
    sameTopic,
    damageAt: (partition, from) => options.damageAt({ topic: subscription.topic, partition }, from),
    wanted: () => !pausedByRequest && !stopping,
    onChange({ heldMessages }) {
      if (heldMessages === 0) drainTimer ??= setTimeout(onDrained, COMMIT_DRAINED_AFTER_MS);
      queue.wake();
    },
    onEvent,
  });

  function onDrained(): void {
    drainTimer = undefined;
    void assignment.commit();
  }

  const member = await createMember({
    client,
    groupId,
    topic,
    reachable,
    onEvent,
    onFailed: failed.resolve,
    onEnded(error) {
      const { message, hint } = explain(error, { topic, group: groupId, operation: "Read" });
      failed.resolve(
        error instanceof UnreachableError ? error : new UnreachableError(message, { address: client.address, hint, cause: error }),
      );
    },
    onAlive: alive,
    onAway() {
      aliveAt = Date.now();
      away = true;
    },
    onBatch: assignment.onBatch,
    hooks: {
      ...assignment.hooks,
      async joined(joined) {
        if (!stopping) return;
        await joined.leave();
        throw new Error("the subscription was stopped while it joined");
      },
      noCoordinator: () => options.refuseGroup(subscription.group),
    },
  });
  const commitTimer = setInterval(() => {
    void assignment.commit();
    // Messages are handed out again once commits succeed.
    queue.wake();
  }, COMMIT_EVERY_MS);
  const lookTimer = setInterval(() => void assignment.look(), LOOK_EVERY_MS);

  async function stop(graceMs: number): Promise<void> {
    queue.wake();
    assignment.regulateAll();
    const left = assignment.windows();
    for (const window of left) window.drain();
    await withTimeout(graceMs, Promise.all(left.map((window) => window.whenIdle()))).catch((error) => {
      if (!(error instanceof TimeoutError)) throw error;
    });
    clearInterval(commitTimer);
    clearInterval(lookTimer);
    clearTimeout(drainTimer);
    await withTimeout(LAST_COMMIT_WITHIN_MS, assignment.commit()).catch(() => false);
    for (const window of left) window.close();
    await member.leave({ withinMs: LEAVE_WITHIN_MS });
    onStopped();
  }

  return {
    failed: failed.promise,
    take: queue.take,
    pause() {
      pausedByRequest = true;
      assignment.regulateAll();
    },
    resume() {
      pausedByRequest = false;
      assignment.regulateAll();
      queue.wake();
    },
    status() {
      const windows = assignment.windows();
      const since = windows.map(({ oldestOpenAt }) => oldestOpenAt).filter((at) => at !== undefined);
      return {
        partitions: windows.map(({ partition }) => partition).sort((a, b) => a - b),
        standby: false,
        open: windows.reduce((sum, { taken }) => sum + taken, 0),
        oldestOpenAt: since.length > 0 ? Math.min(...since) : undefined,
        aliveAt,
        away,
        trouble: assignment.trouble(),
      };
    },
    stop({ graceMs }) {
      if (stopping) return stopping;
      const done = Promise.withResolvers<void>();
      // First, since `stop` and what it calls read it.
      stopping = done.promise;
      stop(graceMs).then(done.resolve, done.reject);
      return stopping;
    },
  };
}
