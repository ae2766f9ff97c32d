import type { Ledger } from "../ledger/ledger.ts";
import type { Logger } from "../lib/process/logger.ts";
import { systemClock } from "../lib/time/clock.ts";
import { formatShortDuration } from "../lib/time/duration.ts";
import type { Log } from "../log/log.ts";
import { startRetention } from "../operations/retention.ts";
import type { LoadedRoutes } from "../routes/index.ts";

/** Retention and its alarm, told in the log. Several processes may do it at once. */
export function startHousekeeping(options: { routes(): LoadedRoutes; log: Log; ledger: Ledger; logger: Logger }): {
  stop(): Promise<void>;
} {
  const { routes, log, ledger, logger } = options;
  return startRetention({
    keeping: () => routes().retention,
    routes: () => routes().routes,
    log,
    ledger,
    clock: systemClock,
    onKept: (kept) => logger.info(kept, "retention: old things were removed"),
    onAlarm: ({ route, oldestAgeMs, retentionMs, cause }) =>
      logger.error(
        { route, oldest: formatShortDuration(oldestAgeMs), retention: formatShortDuration(retentionMs), cause },
        "a route stands, and its oldest call is half-way to the log's retention",
      ),
    onFailure: (error) =>
      logger.warn({ reason: error instanceof Error ? error.message : "unknown" }, "retention could not be enforced now; it is tried again"),
  });
}
