/** A log of one partition in memory, for `certify`: it keeps what deliveries ask of a log, and nothing beyond its process. */
import { CALLS_TOPIC, type Log, type Message, type SubscribeOptions, type Subscription } from "./log.ts";
import { createTakeQueue } from "./take-queue.ts";
import { createWindow } from "./window.ts";

export function createMemoryLog(options: { nowMs: () => number }): Log {
  const { nowMs } = options;
  const messages: Message[] = [];
  const subscribers = new Set<() => void>();
  let isWaking = false;

  /** Messages that are appended in one turn of the event loop are handed out together. */
  function wakeSoon(): void {
    if (isWaking) return;
    isWaking = true;
    setImmediate(() => {
      isWaking = false;
      for (const wake of subscribers) wake();
    });
  }

  function subscribe({ start }: SubscribeOptions): Subscription {
    let isPaused = false;
    let hasEnded = false;
    const window = createWindow({ partition: 0, from: start[0]?.offset ?? 0, onChange: () => queue.wake() });
    const queue = createTakeQueue({
      hasEnded: () => hasEnded,
      handOut(max) {
        if (isPaused) return [];
        window.offer(messages.slice(window.next));
        return window.take(max);
      },
    });
    subscribers.add(queue.wake);
    return {
      failed: new Promise(() => undefined),
      take: queue.take,
      pause() {
        isPaused = true;
      },
      resume() {
        isPaused = false;
        queue.wake();
      },
      status: () => ({ partitions: [0], standby: false, open: window.taken, oldestOpenAt: window.oldestOpenAt, aliveAt: nowMs() }),
      async stop() {
        hasEnded = true;
        subscribers.delete(queue.wake);
        window.drain();
        queue.wake();
      },
    };
  }

  return {
    name: "memory",
    engine: "sqlite",
    async append(record) {
      const offset = messages.push({ ...record, partition: 0, offset: messages.length, appendedAt: nowMs() }) - 1;
      wakeSoon();
      return { partition: 0, offset };
    },
    subscribe: async (subscription) => subscribe(subscription),
    read: async ({ from, limit }) => messages.slice(from, from + limit),
    ranges: async () => [{ partition: 0, low: 0, high: messages.length }],
    committed: async () => [],
    placeGroup: async () => undefined,
    offsetsAt: async () => [{ partition: 0, offset: 0 }],
    identity: async () => `memory ${CALLS_TOPIC}`,
    check: async () => undefined,
    close: async () => undefined,
  };
}
