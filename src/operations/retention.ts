/** Retention, and the alarm before it reaches calls that a stopped route has not read. */

import { groupOf } from "../delivery/route/start-position.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../lib/time/clock.ts";
import { CALLS_TOPIC, type Log, QUARANTINE_TOPIC } from "../log/log.ts";
import type { Route } from "../route.ts";
import type { Retention } from "../routes/compile/retention.ts";
import { readLag } from "../views/lag.ts";
import { eraseReturned } from "./forget.ts";

export interface RetentionReport {
  /** Removed from the embedded log, and from its quarantine. */
  messages: number;
  quarantined: number;
  /** Records of dead letters, and whole rows of the ledger. */
  bodies: number;
  rows: number;
}

/** How long the log keeps a call: Kafka's own setting, or the file's for the embedded log. */
export async function logRetentionMs(log: Log, keeping: Pick<Retention, "logMs">): Promise<number | undefined> {
  return log.retentionMs ? log.retentionMs() : keeping.logMs;
}

/** Removes what is older than the retention allows. Messages that a route of the file, or one that is not retired yet, has not read stay. */
export async function applyRetention(options: {
  keeping: Retention;
  log: Log;
  ledger: Ledger;
  routes: Pick<Route, "id">[];
}): Promise<RetentionReport> {
  const { keeping, log, ledger, routes } = options;
  const ids = new Set([...routes.map(({ id }) => id), ...(await ledger.knownRoutes())]);
  const groups = [...ids].map(groupOf);
  const messages = (await log.trim?.({ topic: CALLS_TOPIC, olderThanMs: keeping.logMs, groups })) ?? 0;
  const quarantined = (await log.trim?.({ topic: QUARANTINE_TOPIC, olderThanMs: keeping.quarantineMs, groups: [] })) ?? 0;
  const expired = await ledger.expire({ deadBodyMs: keeping.deadLettersMs, rowMs: keeping.deliveriesMs });
  await eraseReturned({ log, ledger });
  for (const store of [log, ledger]) await store.scrub?.({ pack: false, keepCopiesMs: keeping.deadLettersMs });
  return { messages, quarantined, ...expired };
}

/** Routes with an oldest unread call at half of the log's retention: what they have not read by its end is lost (Kafka) or kept (embedded). */
export async function retentionAlarms(options: { keeping: Retention; log: Log; ledger: Ledger; routes: Route[]; clock: Clock }) {
  const { keeping, log, ledger, routes, clock } = options;
  const retentionMs = await logRetentionMs(log, keeping);
  if (retentionMs === undefined) return [];
  const report = await readLag({ routes, log, ledger, nowMs: clock.nowMs() });
  return report.routes
    .filter(({ oldestAgeMs = 0 }) => oldestAgeMs > retentionMs / 2)
    .map(({ route, oldestAgeMs = 0, cause }) => ({ route, oldestAgeMs, retentionMs, cause }));
}

const EVERY_MS = 10 * 60_000;
const FIRST_AFTER_MS = 30_000;

/** Does both every ten minutes, until it is stopped. */
export function startRetention(options: {
  keeping(): Retention;
  routes(): Route[];
  log: Log;
  ledger: Ledger;
  clock: Clock;
  onKept(kept: RetentionReport): void;
  onAlarm(alarm: Awaited<ReturnType<typeof retentionAlarms>>[number]): void;
  onFailure(error: unknown): void;
}): { stop(): Promise<void> } {
  const { keeping, routes, log, ledger, clock, onKept, onAlarm, onFailure } = options;
  const stopping = new AbortController();

  async function loop(): Promise<void> {
    await clock.sleep(FIRST_AFTER_MS, stopping.signal);
    while (!stopping.signal.aborted) {
      try {
        for (const alarm of await retentionAlarms({ keeping: keeping(), log, ledger, routes: routes(), clock })) onAlarm(alarm);
        const kept = await applyRetention({ keeping: keeping(), log, ledger, routes: routes() });
        if (Object.values(kept).some((n) => n > 0)) onKept(kept);
      } catch (error) {
        onFailure(error);
      }
      await clock.sleep(EVERY_MS, stopping.signal);
    }
  }

  const done = loop();
  return {
    async stop() {
      stopping.abort();
      await done;
    },
  };
}
