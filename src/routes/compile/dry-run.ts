import type { Related } from "../../connector/index.ts";
import { type Route, RouteFault } from "../../route.ts";
import type { When } from "../cel/when.ts";
import type { Position, Problems } from "../diagnose/problems.ts";
import type { Path, RoutesDocument } from "../file/document.ts";
import type { RouteEntry } from "../file/schema.ts";
import type { SampleCall } from "./sample-calls.ts";
import { RELATED_NAMES, VISIBLE_NAMES } from "./template-fields.ts";

const RELATED: Related = {
  title: "HubSpot",
  url: "https://crm.example/calls/1",
  person: { id: "1", kind: "contact", name: "Dana Example", owner: "owner@example.com", url: "https://crm.example/people/1" },
};

/**
 * Asks a route for sample calls what it would do: a condition or a template that fails on one is worth a warning. It is a mistake where nothing of the
 * call is asked, so that every call would fail; what asks for something may still work on real calls, whose texts nobody knows. Conditions that fail
 * whatever the call are found by `cel/constants.ts`.
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
    const failed = samples.flatMap((sample) => faultOf(() => when(sample.call), sample));
    const at = document.at([...base, "when"]);
    report({ failed, which: whichOf(failed, samples.length), what: "this condition fails", at, problems });
    if (failed.length > 0) return;
  }
  if (!canMap) return;
  const fillIns = [undefined, ...(route.after ? [RELATED] : [])];
  const failed = fillIns.flatMap((related) =>
    samples.flatMap((sample) => faultOf(() => route.map(sample.call, related), sample, related === undefined)),
  );
  const isAlways = failed.length === samples.length * fillIns.length;
  const asksNothing = isAlways && !ASKS_THE_CALL.test(JSON.stringify(entry.with));
  // On a call that the route does not take nothing is filled in.
  const counted = asksNothing ? failed : failed.filter(({ sample }) => isWanted(route, sample.call));
  const message = counted[0]?.fault.message ?? "";
  const what = message.includes("failed") ? "this template fails" : `what this makes is nothing that ${route.to.connector.title} takes,`;
  const isAlone = route.after !== undefined && counted.every(({ alone }) => alone);
  const which = isAlone ? `a call of which "${route.after?.route}" brings nobody` : whichOf(counted, samples.length * fillIns.length);
  report({ failed: counted, which, always: asksNothing, what, at: document.at([...base, ...pathOf(message)]), problems });
}

function whichOf(failed: readonly Failed[], all: number): string {
  return failed.length === all ? "every sample call" : (failed[0]?.sample.what ?? "");
}

/** Asks the `test_when` of a source for sample calls: where it fails, a call counts as a real one. */
export function dryRunTest(options: { when: When; samples: readonly SampleCall[]; at: Position; problems: Problems }): void {
  const { when, samples, at, problems } = options;
  const [first] = samples.flatMap((sample) => faultOf(() => when(sample.call), sample));
  if (!first) return;
  const message = `this condition fails on ${first.sample.what}: such a call counts as a real one`;
  problems.warn({ at, message, hint: hintFor(first.fault.message) });
}

interface Failed {
  sample: SampleCall;
  fault: RouteFault;
  /** The route that is waited for has brought nothing. */
  alone: boolean;
}

function faultOf(run: () => unknown, sample: SampleCall, alone = false): Failed[] {
  try {
    run();
    return [];
  } catch (fault) {
    if (fault instanceof RouteFault) return [{ sample, fault, alone }];
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

const ASKS_THE_CALL = new RegExp(`\\b(${[...VISIBLE_NAMES, ...RELATED_NAMES].map(({ name }) => name).join("|")})\\b`);

function report(options: {
  failed: readonly Failed[];
  which: string;
  always?: boolean;
  what: string;
  at: Position;
  problems: Problems;
}): void {
  const { failed, which, always = false, what, at, problems } = options;
  const [first] = failed;
  if (!first) return;
  const hint = hintFor(first.fault.message);
  // A slow machine is no mistake of the file.
  if (always && !first.fault.message.includes("0.2 s")) {
    problems.add({ at, message: `${what} on every call: each would become a dead letter`, hint });
  } else problems.warn({ at, message: `${what} on ${which}: such a call becomes a dead letter`, hint });
}

function hintFor(message: string): string | undefined {
  if (message.includes("index_out_of_range")) return "Look at the length first: size(summary) >= 10 && summary.substring(0, 10) == …";
  if (message.includes("0.2 s")) return "A template may run for 0.2 s.";
  if (message.includes("not what")) return 'Where a value may be absent, give it a default: {{ … | default: "…" }}.';
  return undefined;
}
