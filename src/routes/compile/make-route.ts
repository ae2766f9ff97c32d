import { parseDurationMs } from "../../lib/time/duration.ts";
import type { Call, Share } from "../../model/call.ts";
import { type After, type Destination, type Route, RouteFault, type RouteStart, type Verdict } from "../../route.ts";
import type { When } from "../cel/when.ts";
import type { RouteEntry } from "../file/schema.ts";
import type { RenderWith } from "./mapping.ts";
import { sentFieldsOf, shareCall } from "./share.ts";

const DEFAULT_MAX_AGE_MS = 24 * 3_600_000;

/** A route of the file, its parts compiled. `rivals` are earlier ones that would write the same record of a call. */
export function makeRoute(parts: {
  entry: RouteEntry;
  to: Destination;
  sources: string[];
  share: Share[];
  when: When | undefined;
  after: After | undefined;
  render: RenderWith;
  rivals: Route[];
}): Route {
  const { entry, to, sources, share, when, after, render, rivals } = parts;
  const condition = (entry.when ?? "").replace(/\s+/g, " ").trim();
  // Each rival is asked about each call; the same call is asked for once.
  const asked = new WeakMap<Call, Verdict>();

  function decide(call: Call): Verdict {
    if (!sources.includes(call.source)) return { wanted: false, reason: `it reads ${sources.join(", ")}, not this source` };
    if (call.test && entry.tests !== true) return { wanted: false, reason: "a test call, and the route has no tests: true" };
    const winner = rivals.find((rival) => takes(rival, call));
    if (winner) return { wanted: false, reason: `route "${winner.id}" took it` };
    if (when && !when(call))
      return { wanted: false, reason: `when is false: ${condition.length > 200 ? `${condition.slice(0, 199)}…` : condition}` };
    return { wanted: true };
  }

  function match(call: Call): Verdict {
    const known = asked.get(call);
    if (known) return known;
    const verdict = decide(call);
    asked.set(call, verdict);
    return verdict;
  }

  return {
    id: entry.id,
    to,
    description: entry.description,
    sources,
    start: startOf(entry.start),
    enabled: entry.enabled ?? true,
    maxAgeMs: parseDurationMs(entry.max_age ?? "") ?? DEFAULT_MAX_AGE_MS,
    was: entry.was,
    tests: entry.tests ?? false,
    record: entry.record,
    after,
    match,
    map(call, related) {
      const shared = shareCall(call, share);
      return { call: shared, with: render(shared, related), sentFields: sentFieldsOf(shared) };
    },
  };
}

/** A route whose `when` fails on a call makes a dead letter of it and does not take it from the routes below. */
function takes(route: Route, call: Call): boolean {
  try {
    return route.match(call).wanted;
  } catch (error) {
    if (error instanceof RouteFault) return false;
    throw error;
  }
}

function startOf(start: string | undefined): RouteStart {
  if (start === undefined || start === "now") return { kind: "now" };
  return start === "beginning" ? { kind: "beginning" } : { kind: "time", atMs: Date.parse(start) };
}
