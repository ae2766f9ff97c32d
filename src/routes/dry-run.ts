import type { Related } from "../connector.ts";
import { type Route, RouteFault } from "../route.ts";
import type { When } from "./cel/when.ts";
import type { Path, RoutesDocument } from "./document.ts";
import type { Position, Problems } from "./problems.ts";
import type { SampleCall } from "./sample-calls.ts";
import type { RouteEntry } from "./schema.ts";

const RELATED: Related = {
  title: "HubSpot",
  url: "https://crm.example/calls/1",
  person: { id: "1", kind: "contact", name: "Dana Example", owner: "owner@example.com", url: "https://crm.example/people/1" },
};

/**
 * Asks a route for sample calls what it would do. A condition or a template that fails on each of them makes a dead letter of every call, which is a
 * mistake; one that fails on some kind of call is worth a warning. What asks `metadata`, whose shape nobody knows, may still work on real calls.
 */
export function dryRun(options: {
  route: Route;
  entry: RouteEntry;
  when: When | undefined;
  /** Whether `with` can be filled in here: its variables are known. */
  canMap: boolean;
  samples: readonly SampleCall[];
  base: Path;
  document: RoutesDocument;
  problems: Problems;
}): void {
  const { route, entry, when, canMap, samples, base, document, problems } = options;
  if (when) {
    const failed = samples.flatMap(({ what, call }) => faultOf(() => when(call), what));
    const always = failed.length === samples.length && !(entry.when ?? "").includes("metadata");
    report({ failed, always, what: "this condition fails", at: document.at([...base, "when"]), problems });
    if (failed.length > 0) return;
  }
  if (!canMap) return;
  const fillIns = [undefined, ...(route.after ? [RELATED] : [])];
  const failed = samples.flatMap(({ what, call }) => fillIns.flatMap((related) => faultOf(() => route.map(call, related), what)));
  const always = failed.length === samples.length * fillIns.length && !JSON.stringify(entry.with).includes("metadata");
  const wanted = new Set(samples.filter(({ call }) => isWanted(route, call)).map(({ what }) => what));
  // On a call that the route does not take nothing is filled in.
  const counted = always ? failed : failed.filter(({ what }) => wanted.has(what));
  const message = counted[0]?.fault.message ?? "";
  const what = message.includes("failed") ? "this template fails" : `what this makes is nothing that ${route.to.connector.title} takes,`;
  report({ failed: counted, always, what, at: document.at([...base, ...pathOf(message)]), problems });
}

/** Asks the `test_when` of a source for sample calls: where it fails, a call counts as a real one. */
export function dryRunTest(options: { when: When; samples: readonly SampleCall[]; at: Position; problems: Problems }): void {
  const { when, samples, at, problems } = options;
  const [first] = samples.flatMap(({ what, call }) => faultOf(() => when(call), what));
  if (!first) return;
  problems.warn({
    at,
    message: `this condition fails on ${first.what}: such a call counts as a real one`,
    hint: hintFor(first.fault.message),
  });
}

interface Failed {
  what: string;
  fault: RouteFault;
}

function faultOf(run: () => unknown, what: string): Failed[] {
  try {
    run();
    return [];
  } catch (fault) {
    if (fault instanceof RouteFault) return [{ what, fault }];
    throw fault;
  }
}

function isWanted(route: Route, call: SampleCall["call"]): boolean {
  try {
    return route.match(call).wanted;
  } catch {
    return false;
  }
}

/** `with.fields.x: not what …` → where in the file. */
function pathOf(message: string): Path {
  return message.split(/[,:]/, 1)[0]?.split(".") ?? [];
}

function report(options: { failed: Failed[]; always: boolean; what: string; at: Position; problems: Problems }): void {
  const { failed, always, what, at, problems } = options;
  const [first] = failed;
  if (!first) return;
  const hint = hintFor(first.fault.message);
  // A slow machine is no mistake of the file.
  if (always && !first.fault.message.includes("0.2 s")) {
    problems.add({ at, message: `${what} on every call: each would become a dead letter`, hint });
  } else problems.warn({ at, message: `${what} on ${first.what}: such a call becomes a dead letter`, hint });
}

function hintFor(message: string): string | undefined {
  if (message.includes("index_out_of_range")) return "Look at the length first: size(summary) >= 10 && summary.substring(0, 10) == …";
  if (message.includes("0.2 s")) return "A template may run for 0.2 s.";
  if (message.includes("not what")) return 'Where a value may be absent, give it a default: {{ … | default: "…" }}.';
  return undefined;
}
