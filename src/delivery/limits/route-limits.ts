/** The rate limits that a route meets: all questions of the core to the limiter are asked here. */
import type { Outcome } from "../../connector/index.ts";
import type { Clock } from "../../lib/time/clock.ts";
import type { Destination } from "../../route.ts";
import type { ProbeTurn, RateLimiter } from "./rate-limiter.ts";

/** The wait of a call that is limited alone, where the API names none. */
const LIMITED_CALL_MS = 1_500;

export interface RouteLimits {
  /** Milliseconds for which the destination as a whole takes nothing. */
  heldForMs(): number;
  /** How many deliveries may be attempted at once. */
  room(): number;
  /** Before a claim: waits until the destination is not held; see {@link RateLimiter.acquire}. */
  acquire(signal: AbortSignal): Promise<ProbeTurn | undefined>;
  /** Before an attempt: milliseconds until its target takes it; `undefined` while the ledger is away. `hasPlace`: it has waited for its place already. */
  targetWaitMs(options: { target: string; hasPlace: boolean }): Promise<number | undefined>;
  /** Before a request: waits for its place where the destination as a whole has a `rate`; `false` while the ledger is away. */
  reserveRequest(): Promise<boolean>;
  /** The request was not sent: its place is for the next one. */
  returnRequest(): void;
  /** After an attempt: records what its outcome says about limits. The wait of this call alone, if it has one. */
  record(options: { outcome: Outcome; target: string | undefined; turn: ProbeTurn }): number | undefined;
}

export function createRouteLimits(options: {
  to: Pick<Destination, "name" | "connector" | "intervalMs">;
  limiter: RateLimiter;
  clock: Clock;
}): RouteLimits {
  const { to, limiter, clock } = options;
  const { name, intervalMs } = to;
  /** A `rate` counts for each target where the destination has targets. */
  const requestIntervalMs = to.connector.target ? undefined : intervalMs;
  /** A place that was not used is good until the next one begins. */
  let returnedUntilMs = Number.NEGATIVE_INFINITY;

  return {
    heldForMs: () => limiter.heldForMs(name),
    room: () => limiter.room(name),
    acquire: (signal) => limiter.acquire(name, signal),
    async targetWaitMs({ target, hasPlace }) {
      const heldMs = limiter.heldForMs(target);
      if (heldMs === 0 && (intervalMs === undefined || hasPlace)) return 0;
      // Without the ledger the limit cannot be kept.
      const placeMs = await limiter.reserve({ key: target, intervalMs: intervalMs ?? 0 }).catch(() => undefined);
      return placeMs === undefined ? undefined : Math.max(heldMs, placeMs);
    },
    async reserveRequest() {
      if (requestIntervalMs === undefined) return true;
      if (clock.monotonicMs() < returnedUntilMs) {
        returnedUntilMs = Number.NEGATIVE_INFINITY;
        return true;
      }
      // Without the ledger the limit cannot be kept.
      const placeMs = await limiter.reserve({ key: name, intervalMs: requestIntervalMs }).catch(() => undefined);
      if (placeMs === undefined) return false;
      await clock.sleep(placeMs);
      return true;
    },
    returnRequest() {
      if (requestIntervalMs !== undefined) returnedUntilMs = clock.monotonicMs() + requestIntervalMs;
    },
    record({ outcome, target, turn }) {
      if (outcome.kind !== "retry" || outcome.because !== "rate-limit") {
        // Any other answer says that destination and target take calls.
        limiter.onAccepted(name);
        if (target !== undefined) limiter.onAccepted(target);
        return undefined;
      }
      turn.giveBack();
      const { scope = "destination", retryAfterMs } = outcome;
      if (scope === "call") return retryAfterMs ?? LIMITED_CALL_MS;
      if (scope === "target" && target !== undefined) return limiter.hold({ key: target, retryAfterMs });
      limiter.hold({ key: name, retryAfterMs });
      return undefined;
    },
  };
}
