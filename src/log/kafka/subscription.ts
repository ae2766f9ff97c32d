import type { SubscribeOptions, Subscription } from "../log.ts";
import type { PartitionWindow } from "../window.ts";
import type { KafkaClient, KafkaEvent } from "./client.ts";
import { createCommitter } from "./committer.ts";
import { TimeoutError, within } from "./faults.ts";
import { createHolding, type Holding } from "./holding.ts";
import type { ConsumerGroup, KafkaRecord } from "./internals.ts";
import { createMember, type FetchedBatch } from "./member.ts";
import { beginAt, edges } from "./positions.ts";
import { toMessage, toOffset } from "./wire.ts";

const DEFAULT_WINDOW = { maxMessages: 2_000, maxBytes: 16_000_000 };
const COMMIT_EVERY_MS = 1_000;
/** After the last message of a window is acknowledged: soon, but not once per message. */
const COMMIT_DRAINED_AFTER_MS = 100;
/** A rejoining member waits so long for what is taken, then so long for its commit: together no longer than a session. */
const BARRIER_MS = 8_000;
const BARRIER_COMMIT_MS = 4_000;
/** What would be handed out while commits fail would be handed out again by whoever comes next. */
const HAND_OUT_WHILE_COMMITS_FAIL_MS = 5_000;
const LEAVE_WITHIN_MS = 5_000;

/**
 * A member of a group with its window: kafkajs' handler only fills the window and returns, so that fetching and heartbeats never wait
 * for deliveries; what is done is committed up to the first message that is not.
 */
export async function subscribe(options: {
  client: KafkaClient;
  prefix: string;
  subscription: SubscribeOptions;
  reachable(): Promise<boolean>;
  onEvent(event: KafkaEvent): void;
  onStopped(): void;
}): Promise<Subscription> {
  const { client, prefix, subscription, reachable, onEvent, onStopped } = options;
  const { start, window: limits = DEFAULT_WINDOW } = subscription;
  const topic = prefix + subscription.topic;
  const groupId = prefix + subscription.group;
  const failed = Promise.withResolvers<Error>();

  let group: ConsumerGroup | undefined;
  let holding: Holding | undefined;
  /** How far this member had come when its last holding ended; worth nothing to a member with another id. */
  let reached: { memberId: string | null; heads: Map<number, number> } = { memberId: null, heads: new Map() };
  let placing: { manager: object; done: Promise<void> } | undefined;
  /** Partitions that are paused at kafkajs. */
  const notFetched = new Set<number>();
  let pausedByRequest = false;
  let stopping: Promise<void> | undefined;
  let aliveAt = Date.now();
  let waiters: (() => void)[] = [];
  let drainTimer: NodeJS.Timeout | undefined;

  const committer = createCommitter({ topic, groupId, onEvent, onCommitted: alive });

  function alive(): void {
    aliveAt = Date.now();
  }

  function wake(): void {
    const woken = waiters;
    waiters = [];
    for (const resolve of woken) resolve();
  }

  function commit(): Promise<boolean> {
    return group && holding ? committer.commit(group, holding) : Promise.resolve(false);
  }

  /** Fetches what there is room for, and no more. */
  function regulate(window: PartitionWindow): void {
    const { partition } = window;
    if (!group || holding?.windows.get(partition) !== window) return;
    const wanted = !pausedByRequest && !stopping && holding.wantsMore(window, !notFetched.has(partition));
    if (wanted === !notFetched.has(partition)) return;
    const partitions = [{ topic, partitions: [partition] }];
    if (wanted) {
      notFetched.delete(partition);
      group.resume(partitions);
    } else {
      notFetched.add(partition);
      group.pause(partitions);
    }
  }

  function regulateAll(): void {
    for (const window of holding?.windows.values() ?? []) regulate(window);
  }

  function onChange(window: PartitionWindow): void {
    regulate(window);
    if (window.heldMessages === 0) drainTimer ??= setTimeout(onDrained, COMMIT_DRAINED_AFTER_MS);
    wake();
  }

  function onDrained(): void {
    drainTimer = undefined;
    void commit();
  }

  function onBatch({ partition, messages, fetchedOffset }: FetchedBatch): void {
    const window = holding?.windows.get(partition);
    if (!group || !window) return;
    const place = { topic: subscription.topic, partition };
    // From further on than we are: it was asked for before a rejoin, and taking it would pass over what lies between.
    const fits = toOffset(fetchedOffset) <= window.next;
    const fetched = fits ? messages.filter(({ offset }) => toOffset(offset) >= window.next) : [];
    const wanted = fetched.map((record) => toMessage(record as KafkaRecord, place));
    const taken = holding?.room(window, wanted) ?? [];
    window.offer(taken);
    if (!fits || taken.length < wanted.length) group.seek({ topic, partition, offset: String(window.next) });
    regulate(window);
    wake();
  }

  /** Before a member joins again: what is taken is waited for, so that nobody else takes it too, and its position is committed. */
  async function barrier(leaving: ConsumerGroup): Promise<void> {
    const left = holding;
    if (!left) return;
    for (const window of left.windows.values()) window.retire();
    const settled = Promise.all([...left.windows.values()].map((window) => window.settled()));
    await within(BARRIER_MS, settled).catch(() => {
      onEvent({ severity: "warning", text: `${left.taken} messages were still worked on when the group rebalanced`, group: groupId });
    });
    await within(BARRIER_COMMIT_MS, committer.commit(leaving, left)).catch(() => false);
    reached = { memberId: left.memberId, heads: new Map([...left.windows].map(([partition, { head }]) => [partition, head])) };
    for (const window of left.windows.values()) window.close();
    if (holding === left) holding = undefined;
  }

  async function place(joined: ConsumerGroup): Promise<void> {
    const { offsetManager: manager, memberId } = joined;
    if (!manager) return;
    const partitions = joined.assigned().flatMap((one) => (one.topic === topic ? one.partitions : []));
    const heads = memberId !== null && memberId === reached.memberId ? reached.heads : new Map<number, number>();
    const begin = await beginAt({ group: joined, topic, partitions, start, reached: heads });
    if (joined.offsetManager !== manager) return;
    group = joined;
    holding = createHolding({ manager, memberId, begin, limits, onChange });
    notFetched.clear();
    joined.resume([{ topic, partitions }]);
    for (const { partition, from } of begin) joined.seek({ topic, partition, offset: String(from) });
    regulateAll();
    alive();
    // A group that has not committed begins anew wherever "the beginning" is then: where it begins now is said at once.
    void commit();
  }

  const member = await createMember({
    client,
    groupId,
    topic,
    reachable,
    onEvent,
    onFailed: failed.resolve,
    onAlive: alive,
    onBatch,
    hooks: {
      beforeJoin: barrier,
      async joined(joined) {
        if (!stopping) return;
        await joined.leave();
        throw new Error("the subscription was stopped while it joined");
      },
      async beforeFetch(joined) {
        const manager = joined.offsetManager;
        if (!manager || holding?.manager === manager) return;
        // Each broker has a fetcher of its own; one of them places the member.
        if (placing?.manager !== manager) placing = { manager, done: place(joined) };
        try {
          await placing.done;
        } catch (error) {
          placing = undefined;
          throw error;
        }
      },
      async outOfRange(joined, partition) {
        const window = holding?.windows.get(partition);
        if (!window || holding?.manager !== joined.offsetManager) return;
        const oldest = (await edges(joined.cluster, topic, [partition], { fromBeginning: true })).get(partition) ?? 0;
        const behind = window.next < oldest;
        const text = behind
          ? `retention took ${oldest - window.next} messages that were not read: ${window.next} to ${oldest - 1}`
          : `the position ${window.next} lies behind the end: the topic was cut or made anew; reading goes on at ${oldest}`;
        onEvent({ severity: "error", text, group: groupId, partition });
        if (behind) window.skipTo(oldest);
        else holding.restart(partition, oldest);
        joined.seek({ topic, partition, offset: String(oldest) });
      },
    },
  });
  const commitTimer = setInterval(() => {
    void commit();
    if (committer.failingForMs() === 0) wake();
  }, COMMIT_EVERY_MS);

  function handOut(max: number) {
    if (pausedByRequest || committer.failingForMs() > HAND_OUT_WHILE_COMMITS_FAIL_MS) return [];
    return holding?.take(max) ?? [];
  }

  async function stop(graceMs: number): Promise<void> {
    wake();
    regulateAll();
    const left = holding;
    for (const window of left?.windows.values() ?? []) window.retire();
    const settled = Promise.all([...(left?.windows.values() ?? [])].map((window) => window.settled()));
    await within(graceMs, settled).catch((error) => {
      if (!(error instanceof TimeoutError)) throw error;
    });
    clearInterval(commitTimer);
    clearTimeout(drainTimer);
    await within(BARRIER_COMMIT_MS, commit()).catch(() => false);
    for (const window of left?.windows.values() ?? []) window.close();
    await member.leave({ withinMs: LEAVE_WITHIN_MS });
    holding = undefined;
    onStopped();
  }

  return {
    failed: failed.promise,
    async take({ max, signal }) {
      while (!signal?.aborted && !stopping) {
        const taken = handOut(max);
        if (taken.length > 0) return taken;
        const woken = Promise.withResolvers<void>();
        waiters.push(woken.resolve);
        signal?.addEventListener("abort", wake, { once: true });
        await woken.promise;
        signal?.removeEventListener("abort", wake);
      }
      return [];
    },
    pause() {
      pausedByRequest = true;
      regulateAll();
    },
    resume() {
      pausedByRequest = false;
      regulateAll();
      wake();
    },
    status() {
      const windows = [...(holding?.windows.values() ?? [])];
      const since = windows.map(({ oldestOpenAt }) => oldestOpenAt).filter((at) => at !== undefined);
      return {
        partitions: windows.map(({ partition }) => partition).sort((a, b) => a - b),
        standby: false,
        open: holding?.taken ?? 0,
        oldestOpenAt: since.length > 0 ? Math.min(...since) : undefined,
        aliveAt,
      };
    },
    stop({ graceMs }) {
      // Twice, because `stop` reads it while it begins.
      const begun = stopping ?? Promise.resolve();
      if (stopping) return begun;
      const done = Promise.withResolvers<void>();
      stopping = done.promise;
      stop(graceMs).then(done.resolve, done.reject);
      return done.promise;
    },
  };
}
