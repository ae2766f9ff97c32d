import type { Outcome } from "../../connector/index.ts";
import type { RouteState } from "../route/route-state.ts";
import type { CircuitBreaker, Permit } from "./circuit-breaker.ts";
import type { ProbeTurn } from "./rate-limiter.ts";
import type { RouteLimits } from "./route-limits.ts";

/** What every delivery of a route passes before its claim: the route's pause, its destination's rate limit and circuit breaker, in that order. */
export interface Admission {
  /** Leave to attempt one delivery, now or once there is one; `undefined` when the signal comes first. Meanwhile the call stays where it is. */
  enter(options: { key: string; signal: AbortSignal }): Promise<Admitted | undefined>;
  /** How many would enter at once. */
  room(): number;
  /** Why nothing enters, if nothing does. */
  cause(): string | undefined;
}

/** Leave for one attempt, until it is reported or its scope ends. */
export interface Admitted extends Disposable {
  /** `false`: the admission has closed since, so the attempt must not be made. */
  isValid(): boolean;
  /** Ends the leave with what the attempt says about the route, its rate limits and its destination. The wait that a rate limit costs this call alone. */
  report(outcome: Outcome, target: string | undefined): number | undefined;
  /** Waits for leave for another attempt; `false` when the signal comes first. */
  renew(signal: AbortSignal): Promise<boolean>;
}

interface Leave {
  permit: Permit;
  turn: ProbeTurn;
}

export function createAdmission(options: { state: RouteState; limits: RouteLimits; breaker: CircuitBreaker }): Admission {
  const { state, limits, breaker } = options;
  const isClosed = () => state.pauseCause() !== undefined || limits.heldForMs() > 0;

  async function waitForLeave(key: string, signal: AbortSignal): Promise<Leave | undefined> {
    for (;;) {
      if (!(await state.untilResumed(signal))) return undefined;
      const turn = await limits.acquire(signal);
      if (!turn) return undefined;
      const permit = await breaker.pass({ key, signal });
      if (permit && !isClosed()) return { permit, turn };
      permit?.end(undefined);
      turn.giveBack();
      if (!permit) return undefined;
    }
  }

  /** The only place where a leave ends. */
  function end({ permit, turn }: Leave, attempted?: { outcome: Outcome; target: string | undefined }): number | undefined {
    permit.end(attempted?.outcome);
    if (attempted) return limits.record({ ...attempted, turn });
    turn.giveBack();
    return undefined;
  }

  return {
    async enter({ key, signal }) {
      let leave = await waitForLeave(key, signal);
      if (!leave) return undefined;
      return {
        isValid: () => leave?.permit.isValid() === true && !isClosed(),
        report(outcome, target) {
          // Before the leave ends: the route stops before another delivery of it is attempted.
          if (outcome.kind === "needs-fix" && outcome.stopsRoute)
            state.pauseItself({ kind: "gone", reason: `${outcome.reason}. ${outcome.fix}` });
          const limitedForMs = leave && end(leave, { outcome, target });
          leave = undefined;
          return limitedForMs;
        },
        async renew(renewSignal) {
          leave = await waitForLeave(key, renewSignal);
          return leave !== undefined;
        },
        [Symbol.dispose]() {
          if (leave) end(leave);
          leave = undefined;
        },
      };
    },
    room: () => (state.pauseCause() === undefined ? Math.min(breaker.room(), limits.room()) : 0),
    cause() {
      const heldMs = limits.heldForMs();
      return (
        state.pauseCause() ?? (heldMs > 0 ? `rate limited by the destination for ${Math.ceil(heldMs / 1000)} s more` : breaker.cause())
      );
    },
  };
}
