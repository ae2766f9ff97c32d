import type { Pause } from "../../ledger/controls.ts";
import { type Clock, UNTIL_ABORTED_MS } from "../../lib/time/clock.ts";
import type { CircuitBreaker, Permit } from "./circuit-breaker.ts";
import type { ProbeTurn, RateLimiter } from "./rate-limiter.ts";

/** What stands before every claim of a route: its pause, its destination's rate limit and breaker, in that order. */
export interface Admission {
  /** A permit, now or once there may be one; `undefined` when the signal comes first. While it waits the call stays where it is. */
  pass(options: { key: string; signal: AbortSignal }): Promise<Permit | undefined>;
  /** How many would pass at once. */
  room(): number;
  /** Why nobody passes, if nobody does. */
  cause(): string | undefined;
}

export function createAdmission(options: {
  pause: RoutePause;
  pacer: RateLimiter;
  breaker: CircuitBreaker;
  destination: string;
}): Admission {
  const { pause, pacer, breaker, destination } = options;
  const isClosed = () => pause.cause() !== undefined || pacer.heldForMs(destination) > 0;

  function withTurn(permit: Permit, turn: ProbeTurn): Permit {
    return {
      stands: () => permit.stands() && !isClosed(),
      end(outcome) {
        permit.end(outcome);
        // Any other answer than that of its rate says that the destination takes calls again; a refusal is told to the pacer with its time.
        if (outcome && !(outcome.kind === "retry" && outcome.because === "rate-limit")) pacer.onAccepted(destination);
        else turn.giveBack();
      },
    };
  }

  return {
    async pass({ key, signal }) {
      for (;;) {
        if (!(await pause.over(signal))) return undefined;
        const turn = await pacer.acquire(destination, signal);
        if (!turn) return undefined;
        const permit = await breaker.pass({ key, signal });
        if (permit && !isClosed()) return withTurn(permit, turn);
        turn.giveBack();
        if (!permit) return undefined;
        permit.end(undefined);
      }
    },
    room: () => (pause.cause() === undefined ? Math.min(breaker.room(), pacer.room(destination)) : 0),
    cause() {
      const held = pacer.heldForMs(destination);
      return pause.cause() ?? (held > 0 ? `rate limited by the destination for ${Math.ceil(held / 1000)} s more` : breaker.cause());
    },
  };
}

/** Whether a person, the flood guard or the destination itself has stopped a route; it is told from outside. */
export interface RoutePause {
  set(cause: string | undefined): void;
  cause(): string | undefined;
  /** Waits for its end; `false` when the signal came first. */
  over(signal: AbortSignal): Promise<boolean>;
}

export function createRoutePause(options: { clock: Clock; onChange(cause: string | undefined): void }): RoutePause {
  const { clock, onChange } = options;
  let current: string | undefined;
  let ended = new AbortController();
  return {
    set(cause) {
      if (cause === current) return;
      if (cause !== undefined && current === undefined) ended = new AbortController();
      current = cause;
      if (cause === undefined) ended.abort();
      onChange(cause);
    },
    cause: () => current,
    async over(signal) {
      while (current !== undefined && !signal.aborted) await clock.sleep(UNTIL_ABORTED_MS, AbortSignal.any([signal, ended.signal]));
      return !signal.aborted;
    },
  };
}

/** What `lag` and the log say while a route is paused: who did it, why, and what ends it. */
export function pauseCause({ kind, reason, by }: Pick<Pause, "kind" | "reason"> & { by?: string }, route: string): string {
  if (kind === "gone") return `the destination is gone: ${reason}. Then: patchbay resume ${route}`;
  if (kind === "flood") return `poison flood: ${reason}. Mend the mapping or the destination, then: patchbay resume ${route}`;
  return `paused by ${by ?? "a person"}: ${reason}`;
}
