import type { Clock } from "../../lib/time/clock.ts";
import type { Destination } from "../../route.ts";
import { type CircuitBreaker, createCircuitBreaker } from "../limits/circuit-breaker.ts";
import { createDestinationHandle, type DestinationHandle } from "../route/open-destination.ts";

/** A destination as the routes of one process share it. */
export interface SharedDestination {
  to: Destination;
  timezone: string;
  handle: DestinationHandle;
  breaker: CircuitBreaker;
}

export interface SharedDestinations {
  /** The same one until its settings change. */
  get(to: Destination, timezone: string): SharedDestination;
  close(): Promise<void>;
}

/** Circuit breakers work until `signal` is aborted. `onChange`: see {@link createCircuitBreaker}. */
export function createSharedDestinations(options: {
  clock: Clock;
  signal: AbortSignal;
  onChange(destination: string, cause: string | undefined): void;
}): SharedDestinations {
  const { clock, signal, onChange } = options;
  const destinations = new Map<string, SharedDestination>();
  return {
    get(to, timezone) {
      const known = destinations.get(to.name);
      if (known && known.to.fingerprint === to.fingerprint && known.timezone === timezone) return known;
      const handle = createDestinationHandle({ destination: to, timezone, clock });
      const breaker = createCircuitBreaker({ clock, signal, onChange: (cause) => onChange(to.name, cause) });
      const shared = { to, timezone, handle, breaker };
      destinations.set(to.name, shared);
      // Attempts in progress have the old one, until their time-out at most.
      if (known) void clock.sleep(known.to.timeoutMs + 5_000, signal).then(() => known.handle.close());
      return shared;
    },
    async close() {
      await Promise.all([...destinations.values()].map(({ handle }) => handle.close()));
    },
  };
}
