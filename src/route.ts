/**
 * A route as the worker sees it: what it wants, what may leave the house, and where it goes.
 * `src/routes` makes these from routes.yaml; `src/delivery` runs them.
 */
import type { Connector, Related } from "./connector/index.ts";
import type { Call, CallRecord, SharedCall } from "./model/call.ts";
import type { UnknownSeen } from "./model/unknown-calls.ts";

/** A destination of routes.yaml: a connector with its settings, parsed. */
export interface Destination {
  name: string;
  connector: Connector;
  /** Reads variables and secret files, parses the settings. Throws `RoutesFileError` with the line at fault. */
  settings(): Record<string, unknown>;
  timeoutMs: number;
  /** Between two requests, from `rate`; undefined when it is not limited. */
  intervalMs: number | undefined;
  /** How long a call waits for others to go in one request, from `linger`; absent: it does not. */
  lingerMs?: number | undefined;
  /** What to do after an attempt without an answer where nothing tells a second message from the first. */
  onAmbiguous: "dead" | "send_again";
  /** What of a route's `with`, as the file has it, its connector does not take here: see `Connector.checkWith`. Absent: nothing. */
  checkWith?(value: Record<string, unknown>): { path: string[]; message: string }[];
  /** Changes when anything of it in the file does. */
  fingerprint: string;
}

/** Where a route begins when it is seen for the first time. */
export type RouteStart = { kind: "now" } | { kind: "beginning" } | { kind: "time"; atMs: number };

/** Another route whose receipt for the same call is waited for, so that this one can name the person and link the record. */
export interface After {
  route: string;
  /** Of its destination's connector, for people: `HubSpot`. */
  title: string;
  /** Counted from when the ingress accepted the call; then it goes without. */
  waitMs: number;
}

/** Whether a route takes a call. `reason` is shown to people and holds no value of the call. */
export type Verdict = { wanted: true } | { wanted: false; reason: string };

/** `when` or a template failed on this call: the call becomes a dead letter of that kind, the route goes on. */
export class RouteFault extends Error {
  override readonly name = "RouteFault";
  readonly code: "filter_fault" | "mapping_fault";

  constructor(code: "filter_fault" | "mapping_fault", message: string) {
    super(message);
    this.code = code;
  }
}

export interface Route {
  id: string;
  to: Destination;
  description: string | undefined;
  /** Names of the sources whose calls it reads. */
  sources: string[];
  start: RouteStart;
  /** `enabled: false` in the file: nothing is read, lag grows. */
  enabled: boolean;
  /** How long a delivery is tried before it is given up, without the time that the route or its destination stood. */
  maxAgeMs: number;
  /** Earlier id of this route, whose state it takes over. */
  was: string | undefined;
  /** Takes test calls too. */
  tests: boolean;
  /** Suffix of the delivery key, where a route makes a second record at a destination that keeps one per call. */
  record: string | undefined;
  after: After | undefined;
  /** Source, `test`, earlier routes to the same record-keeping destination, and `when`, in that order. @throws {RouteFault} */
  match(call: Call): Verdict;
  /** Applies `share`, renders `with`. `related`: what `after` brought. `sentFields` are the fields of the call that the destination may see and that are present. @throws {RouteFault} */
  map(call: Call, related?: Related): { call: SharedCall; with: Record<string, unknown>; sentFields: string[] };
}

/** routes.yaml, loaded. */
export interface Routes {
  /** As given on the command line. */
  path: string;
  /** Short hash of the file's text, variables unresolved: every ledger row carries the version that decided. */
  version: string;
  timezone: string;
  destinations: Destination[];
  /** In the file's order. */
  routes: Route[];
  /** Adds to a record what the file knows: agent, direction, customer, test. */
  describe(record: CallRecord, source: string): Call;
  /** What `describe` has met that the file says too little of. */
  unknown?(): UnknownSeen;
}
