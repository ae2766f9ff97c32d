import type { Controls, SkipBefore } from "../../ledger/controls.ts";
import { FORGOTTEN_REASON } from "../../ledger/forgotten.ts";
import type { Call } from "../../model/call.ts";
import type { Route, Routes } from "../../route.ts";
import { type ParsedCall, parseMessage, type ReadableMessage } from "./parse-message.ts";

/** Whether a route wants a call; `fault`: it cannot say, because the record or its `when` failed. */
export type MatchResult = { parsed: ParsedCall } & (
  | { kind: "wanted"; call: Call }
  | { kind: "unwanted"; reason: string }
  | { kind: "fault"; fault: unknown }
);

/** What people decided about calls of a route, beside its `when`. Which calls were forgotten only the ledger knows. */
export interface RouteOverrides {
  skipBefore: SkipBefore | undefined;
}

/**
 * **match**: parses a record, applies what people decided, and asks the route. `replay`: a skip of old calls does not apply to it.
 * `isForgotten`: the ledger has said so already.
 */
export function matchRoute(options: {
  message: ReadableMessage;
  describe: Routes["describe"];
  route: Route;
  overrides: RouteOverrides;
  replay: boolean;
  isForgotten?: boolean | undefined;
}): MatchResult {
  const { message, describe, route, overrides, replay, isForgotten = false } = options;
  const parsed = parseMessage({ message, describe });
  const { skipBefore } = overrides;
  if (isForgotten) return { parsed, kind: "unwanted", reason: FORGOTTEN_REASON };
  if (skipBefore && parsed.acceptedAt < skipBefore.before && !replay) return { parsed, kind: "unwanted", reason: skipBefore.reason };
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
  return { skipBefore: controls.routes.find((one) => one.route === route)?.skipBefore };
}

export function isSameOverrides(one: RouteOverrides, other: RouteOverrides): boolean {
  return one.skipBefore?.before === other.skipBefore?.before;
}
