import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Message, SubscribeOptions, Subscription } from "../log.ts";
import { createWindow, type PartitionWindow } from "../window.ts";
import { createGroup } from "./group.ts";
import type { Wake } from "./wake.ts";

/** Commits, lease renewals and attempts to take over happen on this beat. */
const BEAT_MS = 200;
const RENEW_EVERY_MS = 2_000;
const PAGE_ROWS = 200;

/**
 * A member of a group. It holds the group's lease, or stands by until it gets it; while it holds it, it fills a window
 * from the log and commits the window's head.
 */
export function subscribeSqlite(options: {
  db: DatabaseSync;
  wake: Wake;
  readPage: (from: number, limit: number) => Message[];
  subscribe: SubscribeOptions;
}): Subscription {
  const { db, wake, readPage } = options;
  const { topic, group, start, window: most = { maxMessages: 2_000, maxBytes: 16_000_000 } } = options.subscribe;
  const lease = createGroup({ db, topic, group, owner: randomUUID() });
  const startOffset = start.find(({ partition }) => partition === 0)?.offset;

  let window: PartitionWindow | undefined;
  let committed = { offset: -1, oldestOpenAt: undefined as number | undefined };
  let paused = false;
  let stopping: Promise<void> | undefined;
  let renewedAtMs = 0;
  let aliveAt = Date.now();
  let atEnd = false;
  let waiting: (() => void)[] = [];

  function wakeTakers(): void {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  }

  function hold(): void {
    const held = lease.hold(startOffset);
    renewedAtMs = performance.now();
    if (held && !window) {
      committed = { offset: held.committed, oldestOpenAt: undefined };
      window = createWindow({ partition: 0, from: held.committed, onChange });
      atEnd = false;
      wakeTakers();
    } else if (!held) {
      lose();
    }
  }

  /** Another member has the group: what we have taken is no longer ours to commit. */
  function lose(): void {
    window?.close();
    window = undefined;
  }

  function commit(): void {
    if (!window) return;
    const { head, oldestOpenAt } = window;
    if (head === committed.offset && oldestOpenAt === committed.oldestOpenAt) return;
    if (!lease.commit({ offset: head, oldestOpenAt })) return lose();
    committed = { offset: head, oldestOpenAt };
    renewedAtMs = performance.now();
  }

  function fill(): void {
    if (!window || atEnd) return;
    const room = most.maxMessages - window.heldMessages;
    if (room <= 0 || window.heldBytes >= most.maxBytes) return;
    const limit = Math.min(PAGE_ROWS, room);
    const page = readPage(window.next, limit);
    window.offer(page);
    atEnd = page.length < limit;
  }

  function onChange(): void {
    // Drained: lag is 0 for everyone who looks.
    if (window && window.heldMessages === 0 && atEnd) commit();
    wakeTakers();
  }

  const beat = setInterval(() => {
    try {
      if (!window || performance.now() - renewedAtMs > RENEW_EVERY_MS) hold();
      commit();
      aliveAt = Date.now();
    } catch {
      // A full disk or a lock: the position stays where it was, and the next beat tries again.
    }
  }, BEAT_MS);
  const unlisten = wake.onWake(() => {
    atEnd = false;
    wakeTakers();
  });
  hold();

  return {
    failed: new Promise<Error>(() => undefined),
    async take({ max, signal }) {
      while (!signal?.aborted && !stopping) {
        if (!paused && window) {
          if (window.buffered < max) fill();
          const taken = window.take(max);
          if (taken.length > 0) return taken;
        }
        const woken = Promise.withResolvers<void>();
        waiting.push(woken.resolve);
        signal?.addEventListener("abort", wakeTakers, { once: true });
        await woken.promise;
        signal?.removeEventListener("abort", wakeTakers);
      }
      return [];
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      wakeTakers();
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
        wakeTakers();
        const leaving = window;
        leaving?.retire();
        const deadline = Promise.withResolvers<void>();
        const timer = setTimeout(deadline.resolve, graceMs);
        await Promise.race([leaving?.settled(), deadline.promise]);
        clearTimeout(timer);
        clearInterval(beat);
        unlisten();
        try {
          commit();
          lease.leave();
        } finally {
          lose();
          wake.announce();
        }
      })();
      return stopping;
    },
  };
}
