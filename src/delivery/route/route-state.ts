/** What a route is doing now: it runs, it is paused, it pauses itself; and whether ledger and log answer. */
import type { Pause } from "../../ledger/controls.ts";
import { type Clock, UNTIL_ABORTED_MS } from "../../lib/time/clock.ts";
import type { SubscriptionStatus } from "../../log/log.ts";
import { createRejectionGuard } from "../limits/rejection-guard.ts";
import type { RouteTrouble } from "../pipeline/events.ts";

export interface RouteState {
  /** Why the route is paused, if it is. */
  pauseCause(): string | undefined;
  /** Waits for the end of a pause; `false` when the signal comes first. */
  untilResumed(signal: AbortSignal): Promise<boolean>;
  /** Takes over what the ledger says. `askedAtMs`: monotonic, before it was asked. */
  applyPause(pause: Pause | undefined, askedAtMs: number): void;
  /** Pauses the route at once, and in the ledger as soon as it answers: a restart must not attempt again what has stopped the route. */
  pauseItself(pause: Pick<Pause, "kind" | "reason">): void;
  /**
   * Counts one end: `code` of a rejection, `undefined` of a delivery. Too many rejections pause the route; `false`: it is paused, so this
   * rejection must not become a dead letter.
   */
  mayReject(code: string | undefined): boolean;
  ledgerFailed(error: unknown): void;
  ledgerAnswered(): void;
  /** Why the route makes no progress, if it does not. `closed`: why its admission is closed. */
  cause(log: Pick<SubscriptionStatus, "away" | "standby" | "trouble">, closed: string | undefined): string | undefined;
}

/**
 * `validFromMs`: an answer of the ledger that was asked for before this does not know of the pause. A pause that the route made by itself
 * is valid from when the ledger has it, so until then from no time.
 */
type Phase = { kind: "running" } | { kind: "paused"; cause: string; validFromMs: number; ended: AbortController };

const RUNNING: Phase = { kind: "running" };
const WRITE_AGAIN_MS = 1_000;

export interface RouteStateOptions {
  route: string;
  clock: Clock;
  /** Aborted when the route stops. */
  signal: AbortSignal;
  /** Writes a pause to the ledger. */
  write(pause: Pick<Pause, "kind" | "reason">): Promise<unknown>;
  onPaused(): void;
  onResumed(): void;
  onTrouble(trouble: RouteTrouble): void;
}

export function createRouteState(options: RouteStateOptions): RouteState {
  const { route, clock, signal, write, onPaused, onResumed, onTrouble } = options;
  const rejections = createRejectionGuard();
  let phase: Phase = RUNNING;
  let isLedgerAway = false;

  function pause(cause: string, validFromMs: number): void {
    const before = phase;
    phase = { kind: "paused", cause, validFromMs, ended: before.kind === "paused" ? before.ended : new AbortController() };
    if (before.kind === "paused" && before.cause === cause) return;
    onPaused();
    onTrouble({ route, cause });
  }

  function resume(): void {
    if (phase.kind === "running") return;
    const { ended } = phase;
    phase = RUNNING;
    rejections.reset();
    ended.abort();
    onResumed();
    onTrouble({ route, cause: undefined });
  }

  async function writeUntilAnswered(own: Pick<Pause, "kind" | "reason">): Promise<void> {
    while (!signal.aborted) {
      try {
        await write(own);
        if (phase.kind === "paused") phase.validFromMs = clock.monotonicMs();
        return;
      } catch (error) {
        state.ledgerFailed(error);
        await clock.sleep(WRITE_AGAIN_MS, signal);
      }
    }
  }

  const state: RouteState = {
    pauseCause: () => (phase.kind === "paused" ? phase.cause : undefined),
    async untilResumed(until) {
      while (phase.kind === "paused" && !until.aborted) await clock.sleep(UNTIL_ABORTED_MS, AbortSignal.any([until, phase.ended.signal]));
      return !until.aborted;
    },
    applyPause(said, askedAtMs) {
      if (phase.kind === "paused" && askedAtMs <= phase.validFromMs) return;
      if (said) pause(pauseCause(said, route), Number.NEGATIVE_INFINITY);
      else resume();
    },
    pauseItself(own) {
      if (phase.kind === "paused") return;
      pause(pauseCause(own, route), Number.POSITIVE_INFINITY);
      void writeUntilAnswered(own);
    },
    mayReject(code) {
      if (phase.kind === "paused") return code === undefined;
      const reason = rejections.count(code);
      if (reason !== undefined) state.pauseItself({ kind: "flood", reason });
      return true;
    },
    ledgerFailed(error) {
      if (!isLedgerAway) onTrouble({ route, cause: `ledger away: ${error instanceof Error ? error.message : "unknown"}` });
      isLedgerAway = true;
    },
    ledgerAnswered() {
      if (isLedgerAway) onTrouble({ route, cause: undefined });
      isLedgerAway = false;
    },
    cause({ away, standby, trouble }, closed) {
      if (isLedgerAway) return "ledger away";
      if (away) return "log away";
      return standby ? "standby" : (closed ?? trouble);
    },
  };
  return state;
}

/** What `lag` and the log say while a route is paused: who paused it, why, and what ends the pause. */
export function pauseCause({ kind, reason, by }: Pick<Pause, "kind" | "reason"> & { by?: string }, route: string): string {
  if (kind === "gone") return `the destination is gone: ${reason}. Then: patchbay resume ${route}`;
  if (kind === "flood") return `too many rejections: ${reason}. Fix the mapping or the destination, then: patchbay resume ${route}`;
  return `paused by ${by ?? "a person"}: ${reason}`;
}
