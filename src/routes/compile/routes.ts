import { didYouMean } from "../../lib/text/did-you-mean.ts";
import { DEFAULT_SHARE, type Share } from "../../model/call.ts";
import type { Destination, Route } from "../../route.ts";
import type { KnownWords } from "../cel/near-misses.ts";
import type { When, WhenCompiler } from "../cel/when.ts";
import type { Problems } from "../diagnose/problems.ts";
import type { Path, RoutesDocument } from "../file/document.ts";
import type { RouteEntry } from "../file/schema.ts";
import type { Environment } from "../file/variables.ts";
import type { createLiquids } from "../liquid/engine.ts";
import { afterOf, awaitedOf, checkAfter } from "./after.ts";
import { dryRun } from "./dry-run.ts";
import { makeRoute } from "./make-route.ts";
import { compileWith } from "./mapping.ts";
import type { SampleCall } from "./sample-calls.ts";

/** What all routes of a file are loaded with. */
export interface RouteLoading {
  document: RoutesDocument;
  problems: Problems;
  sourceNames: string[];
  destinationNames: string[];
  destinations: Map<string, Destination>;
  when: WhenCompiler;
  liquids: ReturnType<typeof createLiquids>;
  env: Environment;
  known: KnownWords;
  needs(route: { id: string; connector: string }): boolean;
  /** Calls of a source, to try a route on. */
  samplesOf(source: string): readonly SampleCall[];
}

/** Routes in the file's order; those with a mistake are left out, their mistakes are in `problems`. */
export function loadRouteList(entries: RouteEntry[], loading: RouteLoading): Route[] {
  const { document, problems } = loading;
  const firstLines = new Map<string, number>();
  const routes: Route[] = [];

  for (const [index, entry] of entries.entries()) {
    const at = document.at(["routes", index, "id"]);
    const firstLine = firstLines.get(entry.id);
    // "" stands for an id that is missing or wrong: it has its finding already.
    if (entry.id !== "" && firstLine !== undefined) {
      problems.add({
        at,
        message: `the id "${entry.id}" is here twice`,
        hint: `The first is on line ${firstLine}. Each route needs its own: it is its consumer group.`,
      });
    } else firstLines.set(entry.id, at.line);
    checkWas({ entry, index, entries, loading });
    checkAfter({ entry, index, entries, document, problems });
    const route = loadRoute({ entry, entries, base: ["routes", index], earlier: [...routes], loading });
    if (route) routes.push(route);
  }
  return routes;
}

function checkWas(options: { entry: RouteEntry; index: number; entries: RouteEntry[]; loading: RouteLoading }): void {
  const { entry, index, entries, loading } = options;
  if (entry.was === undefined || !entries.some(({ id }) => id === entry.was)) return;
  const at = loading.document.at(["routes", index, "was"]);
  loading.problems.add({
    at,
    message: `there is a route "${entry.was}" in this file`,
    hint: "was: names the earlier id of a route that was renamed; that id must be gone.",
  });
}

function loadRoute(options: {
  entry: RouteEntry;
  entries: RouteEntry[];
  base: Path;
  earlier: Route[];
  loading: RouteLoading;
}): Route | undefined {
  const { entry, entries, base, earlier, loading } = options;
  const { document, problems, env, destinations, known, liquids } = loading;
  const share: Share[] = entry.share ?? DEFAULT_SHARE;

  const to = destinationOf(entry, base, loading);
  const sources = sourcesOf(entry, base, loading);
  const when = whenOf(entry, base, loading);
  if (!to) return undefined;

  const compiled = compileWith({
    value: entry.with ?? {},
    base: [...base, "with"],
    connector: to.connector,
    document,
    liquids,
    share,
    after: awaitedOf({ entry, entries, destinations }),
    known,
    env,
    resolve: loading.needs({ id: entry.id, connector: to.connector.name }),
  });
  for (const finding of compiled.findings) problems.add(finding);
  for (const { path, message } of to.checkWith?.(entry.with ?? {}) ?? [])
    problems.add({ at: document.atKey([...base, "with", ...path]), message });

  const after = afterOf({ entry, entries, destinations });
  const route = makeRoute({ entry, to, sources, share, when, after, render: compiled.render, rivals: rivalsOf(entry, to, earlier) });
  const samples = loading.samplesOf(sources[0] ?? "");
  dryRun({ route, entry, when, canMap: compiled.usable, samples, base, document, problems });
  return route;
}

/** Earlier routes that would write the same record of a call. */
function rivalsOf(entry: RouteEntry, to: Destination, earlier: Route[]): Route[] {
  if (to.connector.keeps !== "record") return [];
  return earlier.filter((route) => route.to.name === to.name && route.record === entry.record);
}

function destinationOf(entry: RouteEntry, base: Path, loading: RouteLoading): Destination | undefined {
  const { document, problems, destinationNames, destinations } = loading;
  if (entry.to !== "" && !destinationNames.includes(entry.to)) {
    const hint =
      didYouMean(entry.to, destinationNames) ??
      (destinationNames.length > 0 ? `Destinations are ${destinationNames.join(", ")}.` : "Add it under destinations.");
    problems.add({ at: document.at([...base, "to"]), message: `there is no destination "${entry.to}"`, hint });
  }
  return destinations.get(entry.to);
}

function sourcesOf(entry: RouteEntry, base: Path, loading: RouteLoading): string[] {
  const { document, problems, sourceNames } = loading;
  if (entry.sources === "all") return sourceNames;
  if (entry.sources === undefined) {
    if (sourceNames.length > 1) {
      problems.add({
        at: document.at(base),
        message: `"sources" is missing: this file has ${sourceNames.length}`,
        hint: `Say whose calls the route "${entry.id}" takes: sources: [${sourceNames[0]}], or sources: all.`,
      });
    }
    return sourceNames;
  }
  for (const [index, name] of entry.sources.entries()) {
    if (sourceNames.includes(name)) continue;
    const hint = didYouMean(name, sourceNames) ?? `Sources are ${sourceNames.join(", ")}.`;
    problems.add({ at: document.at([...base, "sources", index]), message: `there is no source "${name}"`, hint });
  }
  return entry.sources;
}

function whenOf(entry: RouteEntry, base: Path, loading: RouteLoading): When | undefined {
  if (entry.when === undefined) return undefined;
  const path = [...base, "when"];
  const { when, findings } = loading.when.compile(entry.when);
  for (const { offset, ...finding } of findings) loading.problems.add({ at: loading.document.inside(path, offset), ...finding });
  return when;
}
