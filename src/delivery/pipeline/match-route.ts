import { createHash } from "node:crypto";
import type { Controls, SkipBefore } from "../../ledger/controls.ts";
import type { Call } from "../../model/call.ts";
import type { Route, Routes } from "../../route.ts";
import { type ParsedCall, parseMessage, type ReadableMessage } from "./parse-message.ts";

/** Whether a route wants a call; `fault`: it cannot say, because the record or its `when` failed. */
export type MatchResult = { parsed: ParsedCall } & (
  | { kind: "wanted"; call: Call }
  | { kind: "unwanted"; reason: string; forgotten?: true }
  | { kind: "fault"; fault: unknown }
);

/** What people decided about calls of a route, beside its `when`. */
export interface RouteOverrides {
  skipBefore: SkipBefore | undefined;
  forgotten: ReadonlySet<string>;
}

/** Names a call that must not come back, without its id. */
export function forgottenHash(source: string, callId: string): string {
  return createHash("sha256").update(`${source}\n${callId}`).digest("hex");
}

/** **match**: parses a record, applies what people decided, and asks the route. `replay`: a skip of old calls does not apply to it. */
export function matchRoute(options: {
  message: ReadableMessage;
  describe: Routes["describe"];
  route: Route;
  overrides: RouteOverrides;
  replay: boolean;
}): MatchResult {
  const { message, describe, route, overrides, replay } = options;
  const parsed = parseMessage({ message, describe });
  const { source, callId, acceptedAt } = parsed;
  const { forgotten, skipBefore } = overrides;
  if (forgotten.size > 0 && forgotten.has(forgottenHash(source, callId)))
    return { parsed, kind: "unwanted", reason: "forgotten on request", forgotten: true };
  if (skipBefore && acceptedAt < skipBefore.before && !replay) return { parsed, kind: "unwanted", reason: skipBefore.reason };
  if (!("call" in parsed)) return { parsed, kind: "fault", fault: parsed.fault };
  try {
    const verdict = route.match(parsed.call);
    if (verdict.wanted) return { parsed, kind: "wanted", call: parsed.call };
    return { parsed, kind: "unwanted", reason: verdict.reason };
  } catch (fault) {
    return { parsed, kind: "fault", fault };
  }
}

/** What the ledger says about one route. */
export function overridesOf(route: string, controls: Controls): RouteOverrides {
  return { skipBefore: controls.routes.find((one) => one.route === route)?.skipBefore, forgotten: new Set(controls.forgotten) };
}

export function isSameOverrides(one: RouteOverrides, other: RouteOverrides): boolean {
  return one.skipBefore?.before === other.skipBefore?.before && one.forgotten.size === other.forgotten.size;
}
