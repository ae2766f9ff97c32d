import type { DueDelivery, Ledger } from "../../ledger/ledger.ts";
import type { Clock } from "../../lib/time/clock.ts";

/** Another replica may have made a delivery wait meanwhile: look at least this often. */
const LOOK_EVERY_MS = 2_000;
/** A row that is due and held by another worker must not make the loop spin. */
const LOOK_AT_MOST_EVERY_MS = 20;
const MAX_PER_LOOK = 100;

/** The sleep between two looks, which a delivery that waits for less ends. */
export interface DueTimer {
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  wake(dueInMs: number): void;
}

export function createDueTimer(clock: Clock): DueTimer {
  let sleeping = new AbortController();
  let endsAtMs = 0;
  return {
    sleep(ms, signal) {
      sleeping = new AbortController();
      endsAtMs = clock.monotonicMs() + ms;
      return clock.sleep(ms, AbortSignal.any([signal, sleeping.signal]));
    },
    wake(dueInMs) {
      if (clock.monotonicMs() + dueInMs < endsAtMs) sleeping.abort();
    },
  };
}

/**
 * Claims waiting deliveries of a route when they are due, until the signal is aborted, no more at once than `room()` says.
 * Resolves when all that it handed over have ended too, or at the deadline.
 */
export async function runDueLoop(options: {
  route: string;
  worker: string;
  leaseMs: number;
  ledger: Pick<Ledger, "claimDue" | "nextDueInMs">;
  room: () => number;
  /** `claimedAtMs`: monotonic, before the claim was requested. */
  process: (due: DueDelivery, claimedAtMs: number) => Promise<void>;
  timer: DueTimer;
  clock: Clock;
  signal: AbortSignal;
  /** Aborted when a stop waits no longer. */
  deadline: AbortSignal;
  onFailure: (error: unknown) => void;
}): Promise<void> {
  const { route, worker, leaseMs, ledger, room, process, timer, clock, signal, deadline, onFailure } = options;
  /** Also those without a slot yet: a claim that is not given back counts as one that may have sent. */
  const open = new Set<Promise<void>>();

  async function look(): Promise<number> {
    const max = Math.min(room(), MAX_PER_LOOK);
    if (max > 0) {
      const claimedAtMs = clock.monotonicMs();
      const due = await ledger.claimDue({ route, worker, leaseMs, max });
      const processed = due.map((one) => {
        const ended = process(one, claimedAtMs).finally(() => open.delete(ended));
        open.add(ended);
        return ended;
      });
      if (due.length === max) {
        await Promise.race(processed);
        return 0;
      }
    }
    return Math.min((await ledger.nextDueInMs(route)) ?? LOOK_EVERY_MS, LOOK_EVERY_MS);
  }

  while (!signal.aborted) {
    let waitMs = LOOK_EVERY_MS;
    try {
      waitMs = Math.max(await look(), LOOK_AT_MOST_EVERY_MS);
    } catch (error) {
      onFailure(error);
    }
    await timer.sleep(waitMs, signal);
  }
  await Promise.race([Promise.all(open), whenAborted(deadline)]);
}

function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
