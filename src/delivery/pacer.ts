import type { ControlLedger, Hold } from "../ledger/controls.ts";
import type { Clock } from "../lib/clock.ts";

/** Waits where an API refuses for its rate and does not say for how long. */
const FIRST_HOLD_MS = 2_000;
const LONGEST_HOLD_MS = 60_000;

/**
 * How fast a limiter key may be used: a destination (`hubspot`) or a target of it (`slack/C012`). Shared by all processes through the
 * ledger: holds are told at once and heard within a second, places of a `rate` are handed out by the database.
 */
export interface Pacer {
  /** Notes that the API refused for its rate; for how long the key is held now. */
  hold(options: { key: string; retryAfterMs: number | undefined }): number;
  /** An attempt at the key was taken: the next refusal begins with a short hold again. */
  taken(key: string): void;
  heldForMs(key: string): number;
  /** Waits until the key is not held; `false` when the signal came first. */
  free(key: string, signal: AbortSignal): Promise<boolean>;
  /** Milliseconds until our place at a key with a rate. @throws what the ledger throws. */
  place(options: { key: string; intervalMs: number }): Promise<number>;
  /** What other processes were told. */
  heard(holds: Hold[]): void;
}

export function createPacer(options: { ledger: Pick<ControlLedger, "reserve" | "holdBack">; clock: Clock }): Pacer {
  const { ledger, clock } = options;
  const holds = new Map<string, { untilMs: number; refusals: number }>();

  function extend(key: string, forMs: number, refusals: number): void {
    const untilMs = Math.max(clock.monotonicMs() + forMs, holds.get(key)?.untilMs ?? 0);
    holds.set(key, { untilMs, refusals });
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
    taken(key) {
      if (holds.size > 0 && heldForMs(key) === 0) holds.delete(key);
    },
    async free(key, signal) {
      for (;;) {
        if (signal.aborted) return false;
        const leftMs = heldForMs(key);
        if (leftMs === 0) return true;
        await clock.sleep(leftMs + 1, signal);
      }
    },
    place: ({ key, intervalMs }) => ledger.reserve({ key, count: 1, intervalMs }),
    heard(told) {
      for (const { key, forMs } of told) if (forMs > heldForMs(key) + 500) extend(key, forMs, holds.get(key)?.refusals ?? 0);
    },
  };
}
