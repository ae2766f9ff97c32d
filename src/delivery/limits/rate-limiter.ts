import type { ControlLedger, Hold } from "../../ledger/controls.ts";
import { type Clock, UNTIL_ABORTED_MS } from "../../lib/time/clock.ts";

/** Waits where an API refuses for its rate and does not say for how long. */
const FIRST_HOLD_MS = 2_000;
const LONGEST_HOLD_MS = 60_000;

/**
 * How fast a limiter key may be used: a destination (`hubspot`) or a target of it (`slack/C012`). Shared by all processes through the
 * ledger: holds are told at once and heard within a second, places of a `rate` are handed out by the database.
 */
export interface RateLimiter {
  /** Notes that the API refused for its rate; for how long the key is held now. */
  hold(options: { key: string; retryAfterMs: number | undefined }): number;
  /** An attempt at the key was taken: the next refusal begins with a short hold again. */
  onAccepted(key: string): void;
  heldForMs(key: string): number;
  /**
   * Waits until the key is not held, and after a hold until an attempt was taken again: until then they go one by one. A crowd would meet the
   * same refusal, each call with a claim and its return. `undefined` when the signal came first.
   */
  acquire(key: string, signal: AbortSignal): Promise<ProbeTurn | undefined>;
  /** How many would go at once. */
  room(key: string): number;
  /** Milliseconds until our place at a key with a rate. @throws what the ledger throws. */
  reserve(options: { key: string; intervalMs: number }): Promise<number>;
  /** What other processes were told. */
  heard(holds: Hold[]): void;
}

/** Must be ended: by the next {@link RateLimiter.hold} or {@link RateLimiter.onAccepted} of its key, or because nothing was attempted. */
export interface ProbeTurn {
  giveBack(): void;
}

interface Held {
  untilMs: number;
  refusals: number;
  /** One goes ahead, after the hold. */
  ahead: boolean;
  /** Aborted when all of this has changed. */
  over: AbortController;
}

/** There is no hold, so that nobody goes ahead. */
const FREELY: ProbeTurn = { giveBack: () => undefined };

export function createRateLimiter(options: { ledger: Pick<ControlLedger, "reserve" | "holdBack">; clock: Clock }): RateLimiter {
  const { ledger, clock } = options;
  const holds = new Map<string, Held>();

  function change(key: string, next: Omit<Held, "over"> | undefined): void {
    const before = holds.get(key);
    if (next) holds.set(key, { ...next, over: new AbortController() });
    else holds.delete(key);
    before?.over.abort();
  }
  function extend(key: string, forMs: number, refusals: number): void {
    const untilMs = Math.max(clock.monotonicMs() + forMs, holds.get(key)?.untilMs ?? 0);
    change(key, { untilMs, refusals, ahead: false });
  }
  const heldForMs = (key: string) => Math.max(0, (holds.get(key)?.untilMs ?? 0) - clock.monotonicMs());

  return {
    heldForMs,
    hold({ key, retryAfterMs }) {
      const refusals = holds.get(key)?.refusals ?? 0;
      // 0 would be a loop of refusals.
      const forMs = retryAfterMs || Math.min(FIRST_HOLD_MS * 2 ** refusals, LONGEST_HOLD_MS) * (1 + 0.2 * clock.random());
      extend(key, forMs, refusals + 1);
      // Others meet the limit themselves if they are not told.
      ledger.holdBack({ key, forMs }).catch(() => undefined);
      return heldForMs(key);
    },
    onAccepted(key) {
      if (holds.has(key) && heldForMs(key) === 0) change(key, undefined);
    },
    async acquire(key, signal) {
      while (!signal.aborted) {
        const held = holds.get(key);
        if (!held) return FREELY;
        const leftMs = heldForMs(key);
        if (leftMs === 0 && !held.ahead) {
          held.ahead = true;
          return { giveBack: () => holds.get(key) === held && change(key, { ...held, ahead: false }) };
        }
        await clock.sleep(leftMs === 0 ? UNTIL_ABORTED_MS : leftMs + 1, AbortSignal.any([signal, held.over.signal]));
      }
      return undefined;
    },
    room(key) {
      const held = holds.get(key);
      if (!held) return Number.POSITIVE_INFINITY;
      return held.ahead || heldForMs(key) > 0 ? 0 : 1;
    },
    reserve: ({ key, intervalMs }) => ledger.reserve({ key, count: 1, intervalMs }),
    heard(told) {
      for (const { key, forMs } of told) if (forMs > heldForMs(key) + 500) extend(key, forMs, holds.get(key)?.refusals ?? 0);
    },
  };
}
