import type { ControlLedger, Hold } from "../../ledger/controls.ts";
import { type Clock, UNTIL_ABORTED_MS } from "../../lib/time/clock.ts";

/** Waits where an API refuses for its rate and does not say for how long. */
const FIRST_HOLD_MS = 2_000;
const LONGEST_HOLD_MS = 60_000;

/**
 * How fast a limiter key may be used: a destination (`hubspot`) or a target of it (`slack/C012`). All processes share it through the
 * ledger: they learn of a hold within a second, and the database hands out the places of a `rate`.
 */
export interface RateLimiter {
  /** Records that the API refused for its rate; milliseconds for which the key is held now. */
  hold(options: { key: string; retryAfterMs: number | undefined }): number;
  /** The API accepted an attempt at the key: the next refusal begins with a short hold again. */
  onAccepted(key: string): void;
  heldForMs(key: string): number;
  /**
   * Waits until the key is not held, and after a hold until an attempt was accepted: until then attempts go one by one. A crowd would meet the
   * same refusal, each call with a claim and its return. `undefined` when the signal comes first.
   */
  acquire(key: string, signal: AbortSignal): Promise<ProbeTurn | undefined>;
  /** How many may go at once. */
  room(key: string): number;
  /** Milliseconds until the caller's place at a key with a rate. @throws what the ledger throws. */
  reserve(options: { key: string; intervalMs: number }): Promise<number>;
  /** Takes over the holds of other processes. */
  syncHolds(holds: Hold[]): void;
}

/** Must be ended: by the next {@link RateLimiter.hold} or {@link RateLimiter.onAccepted} of its key, or given back when nothing was attempted. */
export interface ProbeTurn {
  giveBack(): void;
}

interface Held {
  untilMs: number;
  refusals: number;
  /** After the hold, one attempt is in progress. */
  isProbing: boolean;
  /** Aborted when this hold is over or replaced. */
  changed: AbortController;
}

/** Of a key that is not held. */
const NO_HOLD: ProbeTurn = { giveBack: () => undefined };

export function createRateLimiter(options: { ledger: Pick<ControlLedger, "reserve" | "holdBack">; clock: Clock }): RateLimiter {
  const { ledger, clock } = options;
  const holds = new Map<string, Held>();

  function change(key: string, next: Omit<Held, "changed"> | undefined): void {
    const before = holds.get(key);
    if (next) holds.set(key, { ...next, changed: new AbortController() });
    else holds.delete(key);
    before?.changed.abort();
  }
  function extend(key: string, forMs: number, refusals: number): void {
    const untilMs = Math.max(clock.monotonicMs() + forMs, holds.get(key)?.untilMs ?? 0);
    change(key, { untilMs, refusals, isProbing: false });
  }
  const heldForMs = (key: string) => Math.max(0, (holds.get(key)?.untilMs ?? 0) - clock.monotonicMs());

  return {
    heldForMs,
    hold({ key, retryAfterMs }) {
      const refusals = holds.get(key)?.refusals ?? 0;
      // A hold of 0 ms would be a loop of refusals.
      const forMs = retryAfterMs || Math.min(FIRST_HOLD_MS * 2 ** refusals, LONGEST_HOLD_MS) * (1 + 0.2 * clock.random());
      extend(key, forMs, refusals + 1);
      // Where this fails, other processes meet the limit themselves.
      ledger.holdBack({ key, forMs }).catch(() => undefined);
      return heldForMs(key);
    },
    onAccepted(key) {
      if (holds.has(key) && heldForMs(key) === 0) change(key, undefined);
    },
    async acquire(key, signal) {
      while (!signal.aborted) {
        const held = holds.get(key);
        if (!held) return NO_HOLD;
        const leftMs = heldForMs(key);
        if (leftMs === 0 && !held.isProbing) {
          held.isProbing = true;
          return { giveBack: () => holds.get(key) === held && change(key, { ...held, isProbing: false }) };
        }
        await clock.sleep(leftMs === 0 ? UNTIL_ABORTED_MS : leftMs + 1, AbortSignal.any([signal, held.changed.signal]));
      }
      return undefined;
    },
    room(key) {
      const held = holds.get(key);
      if (!held) return Number.POSITIVE_INFINITY;
      return held.isProbing || heldForMs(key) > 0 ? 0 : 1;
    },
    reserve: ({ key, intervalMs }) => ledger.reserve({ key, count: 1, intervalMs }),
    syncHolds(others) {
      for (const { key, forMs } of others) if (forMs > heldForMs(key) + 500) extend(key, forMs, holds.get(key)?.refusals ?? 0);
    },
  };
}
