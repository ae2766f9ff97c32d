import type { Ledger } from "../ledger/ledger.ts";
import { withTimeout } from "../lib/async/timeout.ts";
import type { Log } from "../log/log.ts";

interface Engines {
  log: Log;
  ledger: Ledger;
}

/** Log and ledger whose answers to probes and scrapes go through `answer`. `key` tells one question from another. */
function answering({ log, ledger }: Engines, answer: <T>(key: string, ask: () => Promise<T>) => Promise<T>): Engines {
  return {
    log: {
      ...log,
      committed: (query) => answer(`committed ${query.topic} ${query.group}`, () => log.committed(query)),
      ranges: (topic) => answer(`ranges ${topic}`, () => log.ranges(topic)),
    },
    ledger: {
      ...ledger,
      routeStarts: () => answer("routeStarts", ledger.routeStarts),
      counts: () => answer("counts", ledger.counts),
      workers: () => answer("workers", ledger.workers),
      controls: () => answer("controls", ledger.controls),
      knownRoutes: () => answer("knownRoutes", ledger.knownRoutes),
      lost: () => answer("lost", ledger.lost),
      check: () => answer("check", ledger.check),
    },
  };
}

/**
 * A question that has no answer yet is not asked again: it may take Kafka's client 20 s to give it up, and each one more is a place further back
 * in its queue.
 */
export function askedOnce(engines: Engines): Engines {
  const pending = new Map<string, Promise<unknown>>();
  return answering(engines, <T>(key: string, ask: () => Promise<T>) => {
    const known = pending.get(key) as Promise<T> | undefined;
    if (known) return known;
    const asked = ask().finally(() => pending.delete(key));
    pending.set(key, asked);
    return asked;
  });
}

/** Whatever they have not answered `ms` from now on counts as away. */
export function withDeadline({ ms, ...engines }: Engines & { ms: number }): Engines {
  const untilMs = performance.now() + ms;
  return answering(engines, (_key, ask) => withTimeout(untilMs - performance.now(), ask()));
}
