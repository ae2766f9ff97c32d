import type { CommittedPosition, Message, Taken } from "../log.ts";
import { createWindow, type PartitionWindow } from "../window.ts";
import { commitMetadata } from "./convert.ts";
import type { OffsetManager, Offsets } from "./driver/types.ts";

/** A window for each partition that a member has in one generation of its group. The next generation gets windows of its own. */
export interface GenerationWindows {
  /** Commits under this generation only. */
  readonly manager: OffsetManager;
  readonly memberId: string | null;
  readonly windows: Map<number, PartitionWindow>;
  /** Messages of a fetch that there is room for, from the front; the rest is fetched again. */
  room(window: PartitionWindow, messages: Message[]): Message[];
  /** Whether the partition is to be fetched; between the two marks it stays as it is. */
  wantsMore(window: PartitionWindow, wantedBefore: boolean): boolean;
  /** Takes turns among the partitions, so that a full one does not keep the others waiting. */
  take(max: number): Taken[];
  readonly taken: number;
  /** What has moved since the last commit. */
  uncommitted(topic: string): { offsets: Offsets; committed(): void } | undefined;
  /** Gives a partition a new window: the old position does not exist any more. */
  restart(partition: number, from: number): PartitionWindow;
}

export interface GenerationOptions {
  manager: OffsetManager;
  memberId: string | null;
  /** Where each partition begins; `commit` is its committed position, if there is one. */
  begin: { partition: number; from: number; commit: CommittedPosition | undefined }[];
  limits: { maxMessages: number; maxBytes: number };
  onChange(window: PartitionWindow): void;
}

export function createGenerationWindows(options: GenerationOptions): GenerationWindows {
  const { manager, memberId, begin, limits, onChange } = options;
  const windows = new Map<number, PartitionWindow>();
  /** By partition: what was committed last, position and metadata together. */
  const committed = new Map<number, string>();
  // A share for each partition: one that does not move must not take the room of the others.
  const share = {
    messages: Math.max(1, Math.floor(limits.maxMessages / Math.max(1, begin.length))),
    bytes: Math.max(1, Math.floor(limits.maxBytes / Math.max(1, begin.length))),
  };
  let turn = 0;

  function open(partition: number, from: number): PartitionWindow {
    const window = createWindow({ partition, from, onChange: () => onChange(window) });
    windows.set(partition, window);
    return window;
  }
  for (const { partition, from, commit } of begin) {
    open(partition, from);
    if (commit) committed.set(partition, mark(commit.offset, commit.oldestOpenAt));
  }

  function above(window: PartitionWindow, part: number): boolean {
    return window.heldMessages > share.messages * part || window.heldBytes > share.bytes * part;
  }

  function taken(): number {
    let sum = 0;
    for (const window of windows.values()) sum += window.taken;
    return sum;
  }

  return {
    manager,
    memberId,
    windows,
    room(window, messages) {
      let left = share.bytes - window.heldBytes;
      let count = 0;
      for (const { value } of messages) {
        if (window.heldMessages + count >= share.messages) break;
        // The first one always fits: a record may be larger than the share.
        if (left < value.byteLength && window.heldMessages + count > 0) break;
        left -= value.byteLength;
        count += 1;
      }
      return count === messages.length ? messages : messages.slice(0, count);
    },
    wantsMore(window, wantedBefore) {
      return wantedBefore ? !above(window, 2 / 3) : !above(window, 1 / 3);
    },
    take(max) {
      const all = [...windows.values()];
      const handed: Taken[] = [];
      let left = Math.min(max, limits.maxMessages - taken());
      for (let open = all.length; open > 0 && left > 0; ) {
        open = 0;
        const portion = Math.max(1, Math.ceil(left / all.length));
        for (let index = 0; index < all.length && left > 0; index += 1) {
          const got = all[(turn + index) % all.length]?.take(Math.min(portion, left)) ?? [];
          if (got.length > 0) open += 1;
          left -= got.length;
          handed.push(...got);
        }
        turn += 1;
      }
      return handed;
    },
    get taken() {
      return taken();
    },
    uncommitted(topic) {
      const moved = [...windows.values()]
        .map(({ partition, commitOffset, oldestOpenAt }) => ({
          partition,
          commitOffset,
          oldestOpenAt,
          mark: mark(commitOffset, oldestOpenAt),
        }))
        .filter((one) => committed.get(one.partition) !== one.mark);
      if (moved.length === 0) return undefined;
      const partitions = moved.map(({ partition, commitOffset, oldestOpenAt }) => ({
        partition,
        offset: String(commitOffset),
        metadata: commitMetadata(oldestOpenAt),
      }));
      return {
        offsets: { topics: [{ topic, partitions }] },
        committed: () => {
          for (const one of moved) committed.set(one.partition, one.mark);
        },
      };
    },
    restart(partition, from) {
      windows.get(partition)?.close();
      return open(partition, from);
    },
  };
}

function mark(offset: number, oldestOpenAt: number | undefined): string {
  return `${offset} ${oldestOpenAt ?? ""}`;
}
