import type { Clock } from "../../lib/time/clock.ts";
import { CALLS_TOPIC, type Log } from "../../log/log.ts";
import { groupOf } from "../route/start-position.ts";
import type { RouteWorker } from "../route/worker.ts";

const LOOK_EVERY_MS = 20_000;
/** Longer than an attempt with its retries in place (three time-outs of 15 s and the pauses between). */
const STUCK_AFTER_MS = 75_000;

interface Seen {
  committed: string;
  settledCount: number;
  sinceMs: number;
}

/** Healthy means progress: finds routes that have calls to deliver, deliver none and give no cause. */
export interface StallDetector {
  /** Ids of routes without progress and without a cause. */
  stuck(): string[];
  stop(): Promise<void>;
}

export function createStallDetector(options: { running: { readonly workers: RouteWorker[] }; log: Log; clock: Clock }): StallDetector {
  const { running, log, clock } = options;
  const stopping = new AbortController();
  const seen = new Map<string, Seen>();
  let stuck: string[] = [];

  async function isStalled(worker: RouteWorker, high: Map<number, number>): Promise<boolean> {
    const { id, to } = worker.route;
    const { partitions, cause } = worker.status();
    const positions = await log.committed({ group: groupOf(id), topic: CALLS_TOPIC });
    const mine = positions.filter(({ partition }) => partitions.includes(partition));
    const lag = mine.some(({ partition, offset }) => offset < (high.get(partition) ?? 0));
    const committed = mine.map(({ partition, offset }) => `${partition}:${offset}`).join();
    const before = seen.get(id);
    const nowMs = clock.monotonicMs();
    const moved = !before || before.committed !== committed || before.settledCount !== worker.settledCount();
    if (moved || !lag || cause !== undefined) seen.set(id, { committed, settledCount: worker.settledCount(), sinceMs: nowMs });
    // A destination with a low rate makes progress as rarely as its rate says.
    return nowMs - (seen.get(id)?.sinceMs ?? nowMs) > Math.max(STUCK_AFTER_MS, 3 * (to.intervalMs ?? 0));
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.sleep(LOOK_EVERY_MS, stopping.signal);
      try {
        const high = new Map((await log.ranges(CALLS_TOPIC)).map((range) => [range.partition, range.high]));
        const found: string[] = [];
        for (const worker of running.workers) if (await isStalled(worker, high)) found.push(worker.route.id);
        stuck = found;
      } catch {
        // Without the log no route makes progress: /readyz says so, and a restart would not help.
        stuck = [];
        seen.clear();
      }
    }
  }

  const done = loop();
  return {
    stuck: () => stuck,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}
