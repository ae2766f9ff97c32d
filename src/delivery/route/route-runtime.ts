import type { Clock } from "../../lib/time/clock.ts";
import type { Route, Routes } from "../../route.ts";
import { type Admission, createAdmission } from "../limits/admission.ts";
import type { CircuitBreaker } from "../limits/circuit-breaker.ts";
import type { RateLimiter } from "../limits/rate-limiter.ts";
import { createRouteLimits, type RouteLimits } from "../limits/route-limits.ts";
import { type BatchSender, createBatchSender } from "../pipeline/batch-sender.ts";
import type { DestinationHandle } from "./open-destination.ts";
import type { RouteState } from "./route-state.ts";

/** A route of a file, with the destination that its process has open. */
export interface Wiring {
  route: Route;
  routes: Pick<Routes, "describe" | "version">;
  handle: DestinationHandle;
  /** Of the destination, shared by its routes in this process. */
  breaker: CircuitBreaker;
}

/** What a route delivers with; another one after each edit of routes.yaml. */
export interface RouteRuntime {
  route: Route;
  routesVersion: string;
  describe: Routes["describe"];
  admission: Admission;
  limits: RouteLimits;
  sender: BatchSender;
}

export function createRouteRuntime(options: { wiring: Wiring; state: RouteState; limiter: RateLimiter; clock: Clock }): RouteRuntime {
  const { wiring, state, limiter, clock } = options;
  const { route, routes, handle, breaker } = wiring;
  const { connector, timeoutMs, lingerMs } = route.to;
  const limits = createRouteLimits({ to: route.to, limiter, clock });
  return {
    route,
    routesVersion: routes.version,
    describe: routes.describe,
    admission: createAdmission({ state, limits, breaker }),
    limits,
    sender: createBatchSender({ connector, handle, timeoutMs, lingerMs, limits, clock }),
  };
}
