import type { Connector } from "../connector/index.ts";
import type { SharedCall } from "../model/call.ts";
import type { Route } from "../route.ts";

/** A route that takes every call, with nothing between the call and the connector. Its mapping is done by who uses it. */
export function routeTo(options: {
  connector: Connector;
  example: Record<string, unknown>;
  timeoutMs: number;
  settings(): Record<string, unknown>;
}): Route {
  const { connector, example, timeoutMs, settings } = options;
  return {
    id: "certify",
    to: {
      name: connector.name,
      connector,
      settings,
      timeoutMs,
      intervalMs: undefined,
      onAmbiguous: "dead",
      fingerprint: "",
    },
    description: undefined,
    sources: [],
    start: { kind: "beginning" },
    enabled: true,
    maxAgeMs: 24 * 3_600_000,
    was: undefined,
    tests: true,
    record: undefined,
    after: undefined,
    match: () => ({ wanted: true }),
    map({ unknown: _, ...call }) {
      return { call: call as SharedCall, with: connector.with.parse(example) as Record<string, unknown>, sentFields: [] };
    },
  };
}
