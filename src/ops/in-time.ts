import type { Ledger } from "../ledger/ledger.ts";
import { within } from "../lib/time-limit.ts";
import type { Log } from "../log/log.ts";

/** Log and ledger as the figures of lag ask them; whatever they have not answered `ms` from now on counts as away. */
export function inTime({ log, ledger, ms }: { log: Log; ledger: Ledger; ms: number }): { log: Log; ledger: Ledger } {
  const untilMs = performance.now() + ms;
  const limited = <T>(answer: Promise<T>) => within(untilMs - performance.now(), answer);
  return {
    log: { ...log, committed: (query) => limited(log.committed(query)), ranges: (topic) => limited(log.ranges(topic)) },
    ledger: {
      ...ledger,
      routeStarts: () => limited(ledger.routeStarts()),
      counts: () => limited(ledger.counts()),
      workers: () => limited(ledger.workers()),
      controls: () => limited(ledger.controls()),
      knownRoutes: () => limited(ledger.knownRoutes()),
    },
  };
}
