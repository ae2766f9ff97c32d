import { randomUUID } from "node:crypto";
import { withTimeout } from "../../lib/async/timeout.ts";
import type { SubscribeOptions, Subscription, Topic } from "../log.ts";
import { createTakeQueue } from "../take-queue.ts";
import { createWindow, type PartitionWindow } from "../window.ts";
import type { Groups, Owner } from "./groups.ts";
import { PAGE_MESSAGES, type Reader } from "./read.ts";
import { isDamage } from "./unavailable.ts";

const DEFAULT_WINDOW = { maxMessages: 2_000, maxBytes: 16_000_000 };

/**
 * A member of a group: it has the group's lease, or stands by until it gets it. With the lease it fills a window from the log.
 * The lease renewer commits its position and renews its lease together with those of all members.
 */
export interface Member {
  subscription: Subscription;
  /** Holds the lease: what is to be committed. */
  hold(): (Owner & { commitOffset: number }) | undefined;
  /** Stands by: takes the lease if it is free. */
  tryToHold(): void;
  /** Another member has the group: this one may not commit any more. */
  lose(): void;
  /** There may be something new to read. */
  wake(): void;
  alive(): void;
}

export function createMember(options: { groups: Groups; reader: Reader; subscribe: SubscribeOptions; onStopped: () => void }): Member {
  const { groups, reader, onStopped } = options;
  const { topic, group, start, window: limits = DEFAULT_WINDOW } = options.subscribe;
  const me: Owner = { topic, group, owner: randomUUID() };
  const failed = Promise.withResolvers<Error>();

  let window: PartitionWindow | undefined;
  let paused = false;
  let atEnd = false;
  let stopping: Promise<void> | undefined;
  let aliveAt = Date.now();

  function fillWindow(current: PartitionWindow): void {
    if (atEnd) return;
    try {
      atEnd = fill({ window: current, reader, topic, limits });
    } catch (error) {
      // Anything else passes: the next beat wakes the waiting takers, and it is read again.
      if (isDamage(error)) failed.resolve(error as Error);
    }
  }

  const queue = createTakeQueue({
    hasEnded: () => stopping !== undefined,
    handOut(max) {
      if (paused || !window) return [];
      if (window.buffered < max) fillWindow(window);
      return window.take(max);
    },
  });

  function hold(): (Owner & { commitOffset: number }) | undefined {
    return window && { ...me, commitOffset: window.commitOffset };
  }

  function lose(): void {
    window?.close();
    window = undefined;
  }

  return {
    hold,
    lose,
    tryToHold() {
      if (window || stopping) return;
      const acquired = groups.acquire({ ...me, start });
      if (!acquired.held) return;
      window = createWindow({ partition: 0, from: acquired.from, onChange: queue.wake });
      atEnd = false;
      queue.wake();
    },
    wake() {
      atEnd = false;
      queue.wake();
    },
    alive() {
      aliveAt = Date.now();
    },
    subscription: {
      failed: failed.promise,
      take: queue.take,
      pause() {
        paused = true;
      },
      resume() {
        paused = false;
        queue.wake();
      },
      status: () => ({
        partitions: window ? [0] : [],
        standby: !window,
        open: window?.taken ?? 0,
        oldestOpenAt: window?.oldestOpenAt,
        aliveAt,
      }),
      stop({ graceMs }) {
        stopping ??= (async () => {
          queue.wake();
          window?.drain();
          // What is not done by then is taken again by the next member.
          if (window) await withTimeout(graceMs, window.whenIdle()).catch(() => undefined);
          try {
            const last = hold();
            if (last) groups.giveUp(last);
          } catch {
            // A full disk or a lock: the lease runs out by itself, and what was done since the last commit is taken again.
          } finally {
            lose();
            onStopped();
          }
        })();
        return stopping;
      },
    },
  };
}

/** Reads a page into what room the window has. True: the log holds no more. */
function fill(options: {
  window: PartitionWindow;
  reader: Reader;
  topic: Topic;
  limits: { maxMessages: number; maxBytes: number };
}): boolean {
  const { window, reader, topic, limits } = options;
  const room = limits.maxMessages - window.heldMessages;
  const maxBytes = limits.maxBytes - window.heldBytes;
  if (room <= 0 || maxBytes <= 0) return false;
  const maxMessages = Math.min(PAGE_MESSAGES, room);
  // A message larger than the room comes all the same when nothing else is held: otherwise it would never come.
  const page = reader.page({ topic, from: window.next, maxMessages, maxBytes, atLeastOne: window.heldMessages === 0 });
  window.offer(page.messages);
  return page.end;
}
