import { createSemaphore } from "../../lib/async/semaphore.ts";
import type { Subscription, Taken } from "../../log/log.ts";

export interface MessageLoop {
  /** Resolves when nothing more is taken; what was taken may still be in progress. */
  readonly done: Promise<void>;
  inProgress(): number;
  /** By partition, the end that the log had at least: behind the furthest message taken. */
  seen(): { partition: number; offset: number }[];
}

/** Takes messages from the log until the signal is aborted, no more at once than there is room for. */
export function startMessageLoop(options: {
  subscription: Subscription;
  maxInProgress: number;
  /** `leaving`: aborted when the message's partition leaves, or with `signal`. Never rejects. */
  process(taken: Taken, leaving: AbortSignal): Promise<void>;
  signal: AbortSignal;
}): MessageLoop {
  const { subscription, maxInProgress, process, signal } = options;
  const room = createSemaphore(maxInProgress);
  const seen = new Map<number, number>();
  const leavingOr = combineOnce(signal);

  async function processOne(taken: Taken): Promise<void> {
    const { partition, offset } = taken.message;
    seen.set(partition, Math.max(offset + 1, seen.get(partition) ?? 0));
    try {
      await process(taken, leavingOr(taken.signal));
    } finally {
      room.release();
    }
  }

  async function take(): Promise<void> {
    while (await room.acquire(signal)) {
      const taken = await subscription.take({ max: 1 + maxInProgress - room.held, signal });
      // The worker stops, or the subscription did.
      if (taken.length === 0) return room.release();
      for (const [index, one] of taken.entries()) {
        if (index > 0) await room.acquire();
        void processOne(one);
      }
    }
  }

  return {
    done: take(),
    inProgress: () => room.held,
    seen: () => [...seen].map(([partition, offset]) => ({ partition, offset })),
  };
}

/** Combines each signal with `other` once: a signal of its own for every call would fill the old generation. */
function combineOnce(other: AbortSignal): (signal: AbortSignal) => AbortSignal {
  const known = new WeakMap<AbortSignal, AbortSignal>();
  return (signal) => {
    const combined = known.get(signal) ?? AbortSignal.any([signal, other]);
    known.set(signal, combined);
    return combined;
  };
}
