import { setTimeout as delay } from "node:timers/promises";
import { withTimeout } from "../../lib/async/timeout.ts";
import type { Position, Taken, Topic, UnreadableRange } from "../log.ts";
import type { PartitionWindow } from "../window.ts";
import type { KafkaEvent } from "./client.ts";
import type { Committer } from "./committer.ts";
import { toMessage, toOffset } from "./convert.ts";
import { createDamageWatch, type DamageWatch } from "./damage-watch.ts";
import type { MemberHooks } from "./driver/corrections/member-hooks.ts";
import type { ConsumerGroup } from "./driver/types.ts";
import { createGenerationWindows, type GenerationWindows } from "./generation.ts";
import type { KafkaRecord, Unreadable } from "./kafka-record.ts";
import type { FetchedBatch } from "./member.ts";
import { fetchOffsets, readStartOffsets } from "./start-offsets.ts";

/** A rejoining member waits so long for what is taken, then so long for its commit: together no longer than a session. */
const BARRIER_MS = 8_000;
const BARRIER_COMMIT_MS = 4_000;
const NOTE_AGAIN_MS = 1_000;

/** What the group has assigned to this member: windows for each generation, from its first fetch to the next rejoin. */
export interface Assignment extends DamageWatch {
  /** For the member; `joined` is the subscription's own. */
  hooks: Pick<MemberHooks, "beforeJoin" | "beforeFetch" | "outOfRange">;
  onBatch(batch: FetchedBatch): void;
  take(max: number): Taken[];
  windows(): PartitionWindow[];
  /** Fetches what there is room for and wanted, and no more. */
  regulateAll(): void;
  /** False: there is nothing to commit, or it did not succeed. */
  commit(): Promise<boolean>;
}

export function createAssignment(options: {
  /** Without the prefix, as messages name it. */
  topicName: Topic;
  /** As Kafka knows them. */
  topic: string;
  groupId: string;
  start: Position[];
  limits: { maxMessages: number; maxBytes: number };
  committer: Committer;
  /** Whether anything is to be fetched at all. */
  wanted(): boolean;
  /** As the subscriber asked for it. */
  onLost(range: { partition: number; from: number; to: number }): Promise<void>;
  onUnreadable(range: UnreadableRange): Promise<void>;
  /** @throws {Error} where the topic is not the one that the group began with: its offsets are other records'. */
  sameTopic(): Promise<void>;
  damageAt: Parameters<typeof createDamageWatch>[0]["damageAt"];
  /** There may be messages to take, or room. */
  onChange(window: PartitionWindow): void;
  onEvent(event: KafkaEvent): void;
}): Assignment {
  const { topicName, topic, groupId, start, limits, committer, wanted, onLost, onUnreadable, sameTopic, damageAt, onEvent } = options;
  let group: ConsumerGroup | undefined;
  let generation: GenerationWindows | undefined;
  /** How far this member had come when its last generation ended; of no use to a member with another id. */
  let reached: { memberId: string | null; offsets: Map<number, number> } = { memberId: null, offsets: new Map() };
  let placing: { manager: object; done: Promise<void> } | undefined;
  /** Partitions that are paused at kafkajs. */
  const notFetched = new Set<number>();
  /** Before records that cannot be read, until that is noted. */
  const noting = new WeakSet<PartitionWindow>();

  function regulate(window: PartitionWindow): void {
    const { partition } = window;
    if (!group || generation?.windows.get(partition) !== window) return;
    const wantsMore = wanted() && !noting.has(window) && generation.wantsMore(window, !notFetched.has(partition));
    if (wantsMore === !notFetched.has(partition)) return;
    const partitions = [{ topic, partitions: [partition] }];
    if (wantsMore) {
      notFetched.delete(partition);
      group.resume(partitions);
    } else {
      notFetched.add(partition);
      group.pause(partitions);
    }
  }

  function windows(): PartitionWindow[] {
    return [...(generation?.windows.values() ?? [])];
  }

  function onChange(window: PartitionWindow): void {
    regulate(window);
    options.onChange(window);
  }

  function commit(): Promise<boolean> {
    return group && generation ? committer.commit(group, generation) : Promise.resolve(false);
  }

  /** Before a member joins again: what is taken is waited for, so that nobody else takes it too, and its position is committed. */
  async function barrier(leaving: ConsumerGroup): Promise<void> {
    const left = generation;
    if (!left) return;
    const leftWindows = windows();
    for (const window of leftWindows) window.drain();
    await withTimeout(BARRIER_MS, Promise.all(leftWindows.map((window) => window.whenIdle()))).catch(() => {
      onEvent({ severity: "warning", text: `${left.taken} messages were still worked on when the group rebalanced`, group: groupId });
    });
    await withTimeout(BARRIER_COMMIT_MS, committer.commit(leaving, left)).catch(() => false);
    reached = { memberId: left.memberId, offsets: new Map(leftWindows.map(({ partition, commitOffset }) => [partition, commitOffset])) };
    for (const window of leftWindows) window.close();
    if (generation === left) generation = undefined;
  }

  async function place(joined: ConsumerGroup): Promise<void> {
    const { offsetManager: manager, memberId } = joined;
    if (!manager) return;
    await sameTopic();
    const partitions = joined.assigned().flatMap((one) => (one.topic === topic ? one.partitions : []));
    const offsets = memberId !== null && memberId === reached.memberId ? reached.offsets : new Map<number, number>();
    const begin = await readStartOffsets({ group: joined, topic, partitions, start, reached: offsets });
    if (joined.offsetManager !== manager) return;
    group = joined;
    generation = createGenerationWindows({ manager, memberId, begin, limits, onChange });
    notFetched.clear();
    joined.resume([{ topic, partitions }]);
    for (const { partition, from } of begin) joined.seek({ topic, partition, offset: String(from) });
    for (const window of windows()) regulate(window);
    // A group without a commit begins wherever "the beginning" is then: where it begins now is committed at once.
    void commit();
  }

  /** Reads on behind records that cannot be read, once that is noted: without a note nobody would ever know. */
  async function passOver(window: PartitionWindow, unreadable: Unreadable): Promise<void> {
    const { partition } = window;
    const { to, reason } = unreadable;
    const from = Math.max(unreadable.from, window.next);
    noting.add(window);
    while (!window.closed) {
      try {
        await onUnreadable({ partition, from, to, reason });
        break;
      } catch {
        await delay(NOTE_AGAIN_MS);
      }
    }
    noting.delete(window);
    if (window.closed) return;
    onEvent({ severity: "error", text: `${to - from} records cannot be read, ${from} to ${to - 1}: ${reason}`, group: groupId, partition });
    window.skipTo(to);
    if (generation?.windows.get(partition) === window) group?.seek({ topic, partition, offset: String(window.next) });
    onChange(window);
  }

  const watch = createDamageWatch({
    windows,
    isWanted: (window) => !noting.has(window) && !notFetched.has(window.partition),
    ends: async (partitions) => (group ? fetchOffsets(group.cluster, topic, partitions, { fromBeginning: false }) : new Map()),
    damageAt,
    passOver,
    onFailure(error) {
      // The next look asks again; that Kafka is away is reported elsewhere.
      const why = error instanceof Error ? error.message : "unknown";
      onEvent({ severity: "warning", text: `partitions that do not move could not be examined: ${why}`, group: groupId });
    },
  });

  return {
    ...watch,
    hooks: {
      beforeJoin: barrier,
      async beforeFetch(joined) {
        const manager = joined.offsetManager;
        if (!manager || generation?.manager === manager) return;
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
        const window = generation?.windows.get(partition);
        if (!window || generation?.manager !== joined.offsetManager) return;
        const oldest = (await fetchOffsets(joined.cluster, topic, [partition], { fromBeginning: true })).get(partition) ?? 0;
        const behind = window.next < oldest;
        const text = behind
          ? `retention took ${oldest - window.next} messages that were not read: ${window.next} to ${oldest - 1}`
          : `the position ${window.next} lies behind the end: the topic has lost its end; reading continues at ${oldest}`;
        if (!behind) await sameTopic();
        try {
          if (behind) await onLost({ partition, from: window.next, to: oldest });
        } catch {
          // It is asked for again, refused again, and noted then: without a note nobody would ever know.
          await delay(NOTE_AGAIN_MS);
          return;
        }
        onEvent({ severity: "error", text, group: groupId, partition });
        if (behind) window.skipTo(oldest);
        else generation.restart(partition, oldest);
        joined.seek({ topic, partition, offset: String(oldest) });
      },
    },
    onBatch({ partition, messages, fetchedOffset }) {
      const window = generation?.windows.get(partition);
      if (!group || !window || noting.has(window)) return;
      // From further on than we are: it was asked for before a rejoin, and taking it would pass over what lies between.
      const fits = toOffset(fetchedOffset) <= window.next;
      const fetched = (fits ? (messages as KafkaRecord[]) : []).filter(({ offset }) => toOffset(offset) >= window.next);
      const unreadable = fetched.find((record) => record.unreadable)?.unreadable;
      const readable = unreadable
        ? fetched.slice(
            0,
            fetched.findIndex((record) => record.unreadable),
          )
        : fetched;
      const wantedNow = readable.map((record) => toMessage(record, { topic: topicName, partition }));
      const taken = generation?.room(window, wantedNow) ?? [];
      window.offer(taken);
      const cut = taken.length < wantedNow.length;
      if (!fits || cut || unreadable) group.seek({ topic, partition, offset: String(window.next) });
      if (unreadable && !cut) void passOver(window, unreadable);
      onChange(window);
    },
    take: (max) => generation?.take(max) ?? [],
    windows,
    regulateAll() {
      for (const window of windows()) regulate(window);
    },
    commit,
  };
}
