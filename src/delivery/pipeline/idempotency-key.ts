import type { Call } from "../../model/call.ts";
import type { Route } from "../../route.ts";

/**
 * The key under which a destination knows a delivery. Where it keeps one record per call, every route means the same record
 * (unless it says `record:`); a message belongs to its route. The sign between a call and its `record:` is escaped in the call's id: two
 * calls never share a key.
 */
export function idempotencyKey(route: Route, call: Pick<Call, "source" | "call_id">): string {
  const identity = `${call.source}/${call.call_id.replaceAll(/[%#]/g, encodeURIComponent)}`;
  if (route.to.connector.keeps === "message") return `${identity}/${route.id}`;
  return route.record === undefined ? identity : `${identity}#${route.record}`;
}
