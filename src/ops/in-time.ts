import type { Ledger } from "../ledger/ledger.ts";
import { within } from "../lib/time-limit.ts";
import type { Log } from "../log/log.ts";

/**
 * Log and ledger as probes and scrapes ask them. A question that has no answer yet is not asked again: it may take Kafka's client 20 s to give
 * it up, and each one more is a place further back in its queue.
 */
export function askedOnce({ log, ledger }: { log: Log; ledger: Ledger }): { log: Log; ledger: Ledger } {
  const pending = new Map<string, Promise<unknown>>();
  function once<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const known = pending.get(key) as Promise<T> | undefined;
    if (known) return known;
    const asked = ask().finally(() => pending.delete(key));
    pending.set(key, asked);
    return asked;
  }
  return {
    log: {
      ...log,
      committed: (query) => once(`committed ${query.topic} ${query.group}`, () => log.committed(query)),
      ranges: (topic) => once(`ranges ${topic}`, () => log.ranges(topic)),
    },
    ledger: {
      ...ledger,
      routeStarts: () => once("routeStarts", ledger.routeStarts),
      counts: () => once("counts", ledger.counts),
      workers: () => once("workers", ledger.workers),
      controls: () => once("controls", ledger.controls),
      knownRoutes: () => once("knownRoutes", ledger.knownRoutes),
      check: () => once("check", ledger.check),
    },
  };
}

/** The same; whatever they have not answered `ms` from now on counts as away. */
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
