import { randomUUID } from "node:crypto";
import { withTimeout } from "../../lib/async/timeout.ts";
import type { SubscribeOptions, Subscription } from "../log.ts";
import { createTakeQueue } from "../take-queue.ts";
import { createWindow, type PartitionWindow } from "../window.ts";
import type { Groups, Owner } from "./groups.ts";
import { PAGE_MESSAGES, type Reader } from "./read.ts";
import { isDamage } from "./unavailable.ts";

const DEFAULT_WINDOW = { maxMessages: 2_000, maxBytes: 16_000_000 };

/**
 * A member of a group: holds the group's lease, or stands by until it gets it. While it holds it, it fills a window from the log.
 * The keeper commits its head and renews its lease together with everybody else's.
 */
export interface Member {
  subscription: Subscription;
  /** Holds the lease: what is to be committed. */
  hold(): (Owner & { head: number }) | undefined;
  /** Stands by: takes the lease if it is free. */
  tryToHold(): void;
  /** Another member has the group: what this one has taken is no longer its to commit. */
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

  function fill(current: PartitionWindow): void {
    const room = limits.maxMessages - current.heldMessages;
    const roomBytes = limits.maxBytes - current.heldBytes;
    if (atEnd || room <= 0 || roomBytes <= 0) return;
    try {
      const maxMessages = Math.min(PAGE_MESSAGES, room);
      // A message larger than the room comes all the same when nothing else is held: otherwise it would never come.
      const page = reader.page({ topic, from: current.next, maxMessages, maxBytes: roomBytes, atLeastOne: current.heldMessages === 0 });
      current.offer(page.messages);
      atEnd = page.end;
    } catch (error) {
      // Anything else passes: the next beat wakes whoever waits, and it is read again.
      if (isDamage(error)) failed.resolve(error as Error);
    }
  }

  const takers = createTakeQueue({
    hasEnded: () => stopping !== undefined,
    handOut(max) {
      if (paused || !window) return [];
      if (window.buffered < max) fill(window);
      return window.take(max);
    },
  });

  function hold(): (Owner & { head: number }) | undefined {
    return window && { ...me, head: window.head };
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
      window = createWindow({ partition: 0, from: acquired.from, onChange: takers.wake });
      atEnd = false;
      takers.wake();
    },
    wake() {
      atEnd = false;
      takers.wake();
    },
    alive() {
      aliveAt = Date.now();
    },
    subscription: {
      failed: failed.promise,
      take: takers.take,
      pause() {
        paused = true;
      },
      resume() {
        paused = false;
        takers.wake();
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
          takers.wake();
          window?.retire();
          // What is not done by then is taken again by whoever comes next.
          if (window) await withTimeout(graceMs, window.settled()).catch(() => undefined);
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
