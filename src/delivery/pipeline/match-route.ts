import { createHash } from "node:crypto";
import type { Controls, SkipBefore } from "../../ledger/controls.ts";
import type { Call } from "../../model/call.ts";
import type { Route, Routes } from "../../route.ts";
import { type ParsedCall, parseMessage, type ReadableMessage } from "./parse-message.ts";

/** What a route makes of a call: it wants it, it does not, or it cannot say. */
export type MatchResult = { reading: ParsedCall } & (
  | { wanted: true; call: Call }
  | { wanted: false; reason: string; forgotten?: true }
  | { wanted: "fault"; fault: unknown }
);

/** What people decided about calls of a route, beside its `when`. */
export interface RouteOverrides {
  skipBefore: SkipBefore | undefined;
  forgotten: ReadonlySet<string>;
}

/** Names a call that must not come back, without naming it. */
export function forgottenHash(source: string, callId: string): string {
  return createHash("sha256").update(`${source}\n${callId}`).digest("hex");
}

/** **match**: reads a record and asks the route, after what people decided. `replay`: a skip of old calls does not concern it. */
export function matchRoute(options: {
  message: ReadableMessage;
  describe: Routes["describe"];
  route: Route;
  decisions: RouteOverrides;
  replay: boolean;
}): MatchResult {
  const { message, describe, route, decisions, replay } = options;
  const reading = parseMessage({ message, describe });
  const { source, callId, acceptedAt } = reading;
  const { forgotten, skipBefore } = decisions;
  if (forgotten.size > 0 && forgotten.has(forgottenHash(source, callId)))
    return { reading, wanted: false, reason: "forgotten on request", forgotten: true };
  if (skipBefore && acceptedAt < skipBefore.before && !replay) return { reading, wanted: false, reason: skipBefore.reason };
  if (!("call" in reading)) return { reading, wanted: "fault", fault: reading.fault };
  try {
    const verdict = route.match(reading.call);
    return verdict.wanted ? { reading, wanted: true, call: reading.call } : { reading, ...verdict };
  } catch (fault) {
    return { reading, wanted: "fault", fault };
  }
}

/** What the ledger says about one route. */
export function overridesOf(route: string, controls: Controls): RouteOverrides {
  return { skipBefore: controls.routes.find((one) => one.route === route)?.skipBefore, forgotten: new Set(controls.forgotten) };
}
