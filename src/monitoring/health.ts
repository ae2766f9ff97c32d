/** Whether the routes of a process make progress, and whether log and ledger answer: two questions, since a restart helps with the first only. */
import type { RouteWorker } from "../delivery/route/worker.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { withTimeout } from "../lib/async/timeout.ts";
import { CALLS_TOPIC, type Log } from "../log/log.ts";
import type { UnknownSeen } from "../model/unknown-calls.ts";
import { type OpsAnswer, readiness } from "./http.ts";

/** The routes of this process; an edit of routes.yaml changes them. */
export interface Running {
  readonly workers: RouteWorker[];
  /** Ids of routes that stand without a cause. */
  stuck(): string[];
  /** Calls that the routes file says too little of. */
  unknown?(): UnknownSeen | undefined;
}

/** No part of a worker has moved for so long: something is stuck that a restart may end. */
const STUCK_AFTER_MS = 60_000;
/** From then on it is worth a question whether the log is away. */
const SUSPECT_AFTER_MS = 5_000;
/** Kafka says only after 20 s that it is away. */
const READY_WITHIN_MS = 1_500;
/** Kubernetes gives a probe up after 1 s, unless told otherwise, and one that is given up counts as failed. */
const HEALTH_WITHIN_MS = 500;

export function createHealth(options: { running: Running; log: Pick<Log, "ranges">; ledger: Pick<Ledger, "check"> }): {
  /** Healthy means progress: calls to deliver, none delivered and no known cause is not health. Without the log nobody moves, and a restart changes nothing. */
  health(): Promise<OpsAnswer>;
  ready(): Promise<OpsAnswer>;
} {
  const { running, log, ledger } = options;
  let logAwayAtMs = Number.NEGATIVE_INFINITY;

  async function askLog(ms: number): Promise<void> {
    try {
      await withTimeout(ms, log.ranges(CALLS_TOPIC));
    } catch (error) {
      logAwayAtMs = performance.now();
      throw error;
    }
  }

  const idleFor = (ms: number) => running.workers.filter((worker) => worker.idleMs() > ms).map(({ route }) => route.id);
  /** It also takes its time to come back: groups are joined once more. */
  const logWasAway = () => performance.now() - logAwayAtMs < STUCK_AFTER_MS;

  return {
    async health() {
      if (idleFor(SUSPECT_AFTER_MS).length > 0) await askLog(HEALTH_WITHIN_MS).catch(() => undefined);
      const stuck = [...new Set([...(logWasAway() ? [] : idleFor(STUCK_AFTER_MS)), ...running.stuck()])];
      return stuck.length === 0 ? { status: 200, body: { status: "ok" } } : { status: 503, body: { status: "stuck", routes: stuck } };
    },
    async ready() {
      const checks = await Promise.allSettled([askLog(READY_WITHIN_MS), withTimeout(READY_WITHIN_MS, ledger.check())]);
      const reasons = checks.flatMap((check, index) =>
        check.status === "rejected" ? [`${index === 0 ? "log" : "ledger"}: ${check.reason.message}`] : [],
      );
      return readiness(reasons);
    },
  };
}
