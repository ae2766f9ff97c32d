/** The log's contract in memory: partitions that move between processes as the seed wants, and forget whoever crashes. */
import { CALLS_TOPIC, type Log, type LogRecord, type Message, type SubscribeOptions, type Subscription } from "../../src/log/log.ts";
import { createTakeQueue } from "../../src/log/take-queue.ts";
import { createWindow, type PartitionWindow } from "../../src/log/window.ts";
import type { Process, World } from "./world.ts";

/** Who is silent for so long loses its partitions. */
export const SESSION_MS = 12_000;
const SETTLE_WITHIN_MS = 20_000;
const COMMIT_EVERY_MS = 1_000;

interface Member {
  process: Process;
  windows: Map<number, PartitionWindow>;
  leaving: boolean;
  wake(): void;
}

interface Group {
  name: string;
  start: number[];
  committed: (number | undefined)[];
  members: Member[];
  holders: (Member | undefined)[];
  /** With the log that was lost. */
  gone: boolean;
}

export interface SimulatedLog {
  /** As the ingress appends. */
  append(record: LogRecord): Message;
  /** The log as one process reaches it. */
  forProcess(process: Process): Log;
  /** The process is gone: its partitions pass on once its session has run out. */
  crashed(process: Process): void;
  /** The group gives its partitions to others: it has been silent for longer than its session. */
  expelled(process: Process): void;
  /** Partitions change hands. */
  shuffle(): void;
  /** An operator raises the number of partitions: keys go to other ones from then on. */
  addPartitions(count: number): void;
  /** A copy of the log as it is, its groups' positions with it. */
  copy(): LogCopy;
  /** The log is put back from a copy, or is lost and made again. No process may be alive. */
  putBack(copy: LogCopy | undefined): void;
  partitions: Message[][];
  groups: Map<string, Group>;
}

export interface LogCopy {
  partitions: Message[][];
  committed: Map<string, (number | undefined)[]>;
}

export function createSimulatedLog(options: {
  world: World;
  partitions: number;
  /** Called with each message that a commit passes. */
  onCommitted(group: string, message: Message): void;
}): SimulatedLog {
  const { world, onCommitted } = options;
  const { random } = world;
  const partitions: Message[][] = Array.from({ length: options.partitions }, () => []);
  const groups = new Map<string, Group>();
  let lives = 0;

  function partitionOf(key: string): number {
    let hash = 7;
    for (const letter of key) hash = (hash * 31 + letter.charCodeAt(0)) | 0;
    return Math.abs(hash) % partitions.length;
  }

  function commit(group: Group, member: Member, partition: number, window: PartitionWindow): void {
    if (group.gone || group.holders[partition] !== member) return;
    const from = group.committed[partition] ?? group.start[partition] ?? 0;
    for (let offset = from; offset < window.commitOffset; offset += 1) {
      const message = partitions[partition]?.[offset];
      if (message) onCommitted(group.name, message);
    }
    group.committed[partition] = Math.max(from, window.commitOffset);
  }

  function give(group: Group, partition: number, member: Member | undefined): void {
    group.holders[partition] = member;
    if (!member) return;
    const from = group.committed[partition] ?? group.start[partition] ?? 0;
    member.windows.set(partition, createWindow({ partition, from, onChange: member.wake }));
    world.at(random.next() * 100, member.wake, member.process);
  }

  /** Takes the partition from its holder: what it has in hand is waited for, but not for ever. */
  function take(group: Group, partition: number, then: () => void): void {
    const holder = group.holders[partition];
    const window = holder?.windows.get(partition);
    if (!holder || !window) {
      then();
      return;
    }
    window.drain();
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      commit(group, holder, partition, window);
      window.close();
      holder.windows.delete(partition);
      if (group.holders[partition] === holder) group.holders[partition] = undefined;
      then();
    };
    void window.whenIdle().then(() => world.at(random.next() * 50, end));
    world.at(SETTLE_WITHIN_MS, end);
  }

  function assign(group: Group): void {
    const living = group.members.filter((member) => !member.leaving && member.process.frozenUntilMs <= world.now());
    for (const partition of partitions.keys()) {
      const wanted = living.length === 0 ? undefined : random.pick(living);
      if (group.holders[partition] === wanted && wanted) continue;
      take(group, partition, () => {
        if (group.holders[partition] === undefined && !wanted?.leaving) give(group, partition, wanted);
        else if (group.holders[partition] === undefined) world.at(100, () => assign(group));
      });
    }
  }

  function join(process: Process, subscribe: SubscribeOptions): Subscription {
    const group = groups.get(subscribe.group) ?? {
      name: subscribe.group,
      start: partitions.map((_, partition) => subscribe.start.find((one) => one.partition === partition)?.offset ?? 0),
      committed: [],
      members: [],
      holders: partitions.map(() => undefined),
      gone: false,
    };
    groups.set(subscribe.group, group);
    let paused = false;
    const takers = createTakeQueue({
      hasEnded: () => member.leaving,
      handOut(max) {
        if (paused) return [];
        const taken = [];
        for (const [partition, window] of member.windows) {
          const log = partitions[partition] ?? [];
          if (window.heldMessages < 300) window.offer(log.slice(window.next, window.next + 50));
          taken.push(...window.take(max - taken.length));
        }
        return taken;
      },
    });
    const member: Member = { process, windows: new Map(), leaving: false, wake: takers.wake };
    group.members.push(member);
    assign(group);

    function beat(): void {
      if (member.leaving) return;
      takers.wake();
      // A commit is lost now and then.
      if (!random.chance(0.2)) for (const [partition, window] of member.windows) commit(group, member, partition, window);
      world.at(COMMIT_EVERY_MS * (0.5 + random.next()), beat, process);
    }
    beat();

    return {
      failed: new Promise(() => undefined),
      take: takers.take,
      pause() {
        paused = true;
      },
      resume() {
        paused = false;
        takers.wake();
      },
      status: () => ({ partitions: [...member.windows.keys()], standby: false, open: 0, oldestOpenAt: undefined, aliveAt: world.now() }),
      stop() {
        if (member.leaving) return Promise.resolve();
        member.leaving = true;
        takers.wake();
        group.members = group.members.filter((one) => one !== member);
        const mine = [...member.windows.keys()];
        return new Promise((resolve) => {
          let left = mine.length;
          if (left === 0) return resolve();
          for (const partition of mine)
            take(group, partition, () => {
              left -= 1;
              if (left === 0) {
                assign(group);
                resolve();
              }
            });
        });
      },
    };
  }

  return {
    partitions,
    groups,
    addPartitions(count) {
      for (let n = 0; n < count; n += 1) partitions.push([]);
      for (const group of groups.values()) assign(group);
    },
    copy: () => ({
      partitions: partitions.map((messages) => [...messages]),
      committed: new Map([...groups.values()].map(({ name, committed }) => [name, [...committed]])),
    }),
    putBack(copy) {
      if (!copy) lives += 1;
      for (const [partition, messages] of partitions.entries()) messages.splice(0, messages.length, ...(copy?.partitions[partition] ?? []));
      const committed = copy?.committed ?? new Map<string, number[]>();
      for (const group of [...groups.values()]) {
        // What its dead members still have on their way commits nothing.
        group.gone = true;
        groups.delete(group.name);
        const kept = committed.get(group.name);
        if (kept) groups.set(group.name, { ...group, committed: [...kept], members: [], holders: [], gone: false });
      }
    },
    append({ topic, key, value, headers }) {
      const partition = partitionOf(key);
      const log = partitions[partition] as Message[];
      const message = { topic, key, value, headers, partition, offset: log.length, appendedAt: world.now() };
      log.push(message);
      for (const group of groups.values()) {
        const holder = group.holders[partition];
        if (holder) world.at(random.next() * 20, holder.wake, holder.process);
      }
      return message;
    },
    crashed(process) {
      for (const group of groups.values()) {
        const dead = group.members.filter((member) => member.process === process);
        group.members = group.members.filter((member) => member.process !== process);
        for (const member of dead) {
          member.leaving = true;
          world.at(SESSION_MS, () => {
            for (const [partition, window] of member.windows) {
              window.close();
              if (group.holders[partition] === member) group.holders[partition] = undefined;
            }
            assign(group);
          });
        }
      }
    },
    expelled(process) {
      for (const group of groups.values()) {
        for (const member of group.members.filter((one) => one.process === process)) {
          for (const [partition, window] of member.windows) {
            window.close();
            if (group.holders[partition] === member) group.holders[partition] = undefined;
          }
          member.windows.clear();
        }
        assign(group);
      }
    },
    shuffle() {
      for (const group of groups.values()) assign(group);
    },
    forProcess(process): Log {
      const ranges = async () => partitions.map((log, partition) => ({ partition, low: 0, high: log.length }));
      return {
        name: "memory",
        engine: "kafka",
        append: () => Promise.reject(new Error("workers do not append")),
        subscribe: async (subscribe) => join(process, subscribe),
        read: async ({ partition, from, limit }) => (partitions[partition] ?? []).slice(from, from + limit),
        ranges,
        committed: async ({ group }) =>
          (groups.get(group)?.committed ?? []).flatMap((offset, partition) => (offset === undefined ? [] : [{ partition, offset }])),
        offsetsAt: async () => partitions.map((_, partition) => ({ partition, offset: 0 })),
        identity: async () => `memory-${lives}`,
        async placeGroup({ group: name, positions }) {
          const group = groups.get(name);
          if (group) for (const { partition, offset } of positions) group.committed[partition] = offset;
        },
        check: async () => undefined,
        close: async () => undefined,
      };
    },
  };
}

export { CALLS_TOPIC };
