import { hostname } from "node:os";
import type { Ledger, WorkerRow } from "../../ledger/ledger.ts";
import type { Clock } from "../../lib/time/clock.ts";
import { CALLS_TOPIC, type Log } from "../../log/log.ts";
import type { UnknownSeen } from "../../model/unknown-calls.ts";
import { groupOf } from "../route/start-position.ts";
import type { RouteWorker } from "../route/worker.ts";
import { logMismatch } from "./log-binding.ts";

const BEAT_EVERY_MS = 2_000;
/** The ledger's copy of the positions is the answer to group offsets that expire after days: minutes of age do not matter. */
const MIRROR_EVERY_BEATS = 15;

/** A worker without a heartbeat for so long does not count as running. */
const STALE_AFTER_MS = 10_000;

export const isRunning = ({ ageMs }: Pick<WorkerRow, "ageMs">) => ageMs < STALE_AFTER_MS;

/** Writes to the ledger every 2 s which routes this process holds and their state, which is how processes know of each other. */
export function startHeartbeat(options: {
  running: { readonly workers: RouteWorker[] };
  worker: string;
  /** Of the file in use, and what is wrong with a newer one. */
  routesFile(): { version: string; problem: string | undefined; unknown?: (() => UnknownSeen) | undefined };
  log: Log;
  ledger: Ledger;
  clock: Clock;
  /** Another log has taken the place of this one: positions that this process would write are wrong. */
  onForeignLog(why: string): void;
}): { stop(): Promise<void> } {
  const { running, worker, routesFile, log, ledger, clock, onForeignLog } = options;
  const stopping = new AbortController();
  const startedAt = clock.nowMs();
  const noted = new Map<number, number>();

  /** The ends that the log had at least, by which a log that was restored from an older copy is found out. */
  async function noteSeen(): Promise<void> {
    const ends = running.workers.flatMap((one) => one.seen()).filter(({ partition, offset }) => offset > (noted.get(partition) ?? 0));
    if (ends.length === 0) return;
    await ledger.noteSeen(ends);
    for (const { partition, offset } of ends) noted.set(partition, Math.max(offset, noted.get(partition) ?? 0));
  }

  async function mirror(): Promise<void> {
    let mismatch = await logMismatch({ log, ledger });
    if (mismatch !== undefined) {
      // A second look, because a broker that has just become a leader may not know the log's end yet.
      await clock.sleep(BEAT_EVERY_MS, stopping.signal);
      mismatch = await logMismatch({ log, ledger });
    }
    if (mismatch !== undefined) return onForeignLog(mismatch);
    for (const one of running.workers) {
      const route = one.route;
      const positions = await log.committed({ group: groupOf(route.id), topic: CALLS_TOPIC });
      await ledger.mirrorPositions({ route: route.id, positions: positions.map(({ partition, offset }) => ({ partition, offset })) });
    }
  }

  async function loop(): Promise<void> {
    for (let beat = 1; !stopping.signal.aborted; beat += 1) {
      const routes = running.workers.map((one) => one.status());
      try {
        const { version: routesVersion, problem: routesProblem, unknown } = routesFile();
        const state = { worker, host: hostname(), pid: process.pid, startedAt, routesVersion, routesProblem, unknown: unknown?.(), routes };
        await ledger.heartbeat(state);
        await noteSeen();
        if (beat % MIRROR_EVERY_BEATS === 0) await mirror();
      } catch {
        // A missing heartbeat says it: the worker goes stale in `lag`, and its routes report that the ledger is away.
      }
      await clock.sleep(BEAT_EVERY_MS, stopping.signal);
    }
  }

  const done = loop();
  return {
    async stop() {
      stopping.abort();
      await done;
      await noteSeen().catch(() => undefined);
      await ledger.goodbye(worker).catch(() => undefined);
    },
  };
}
