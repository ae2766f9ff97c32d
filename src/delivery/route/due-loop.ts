import type { DueDelivery, Ledger } from "../../ledger/ledger.ts";
import type { Clock } from "../../lib/time/clock.ts";

/** Another replica may have put a delivery to wait meanwhile: look at least this often. */
const LOOK_EVERY_MS = 2_000;
const MAX_PER_LOOK = 100;

/**
 * Takes waiting deliveries of a route out of the ledger when their time has come, until the signal is aborted.
 * `done` resolves when all that was handed over has ended too. Hands over no more than `room()` says; `wake` is called when a delivery has just been put to wait.
 */
export function startDueLoop(options: {
  route: string;
  worker: string;
  leaseMs: number;
  ledger: Pick<Ledger, "claimDue" | "nextDueInMs">;
  room: () => number;
  /** `claimedAtMs`: monotonic, before the claim was asked for. */
  carry: (due: DueDelivery, claimedAtMs: number) => Promise<void>;
  clock: Clock;
  signal: AbortSignal;
  /** Aborted when a stop may wait no longer. */
  deadline: AbortSignal;
  onFailure: (error: unknown) => void;
}): { done: Promise<void>; wake(dueInMs: number): void } {
  const { route, worker, leaseMs, ledger, room, carry, clock, signal, deadline, onFailure } = options;
  /** Also those that hold no slot yet: a claim that nobody gives back counts as one that may have sent. */
  const open = new Set<Promise<void>>();
  let nap = new AbortController();
  let napEndsAtMs = 0;

  async function look(): Promise<number> {
    const max = Math.min(room(), MAX_PER_LOOK);
    if (max > 0) {
      const claimedAtMs = clock.monotonicMs();
      const due = await ledger.claimDue({ route, worker, leaseMs, max });
      const carried = due.map((one) => {
        const trip = carry(one, claimedAtMs).finally(() => open.delete(trip));
        open.add(trip);
        return trip;
      });
      if (due.length === max) {
        await Promise.race(carried);
        return 0;
      }
    }
    return Math.min((await ledger.nextDueInMs(route)) ?? LOOK_EVERY_MS, LOOK_EVERY_MS);
  }

  async function loop(): Promise<void> {
    while (!signal.aborted) {
      let waitMs = LOOK_EVERY_MS;
      try {
        // A row that is due and held by another worker must not make this loop spin.
        waitMs = Math.max(await look(), 20);
      } catch (error) {
        onFailure(error);
      }
      nap = new AbortController();
      napEndsAtMs = clock.monotonicMs() + waitMs;
      await clock.sleep(waitMs, AbortSignal.any([signal, nap.signal]));
    }
  }

  return {
    done: loop().then(() => Promise.race([Promise.all(open), whenAborted(deadline)]).then(() => undefined)),
    wake(dueInMs) {
      if (clock.monotonicMs() + dueInMs < napEndsAtMs) nap.abort();
    },
  };
}

function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
