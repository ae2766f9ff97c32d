import { didYouMean } from "../../lib/text/did-you-mean.ts";
import { parseDurationMs } from "../../lib/time/duration.ts";
import type { After, Destination } from "../../route.ts";
import type { Finding, Problems } from "../diagnose/problems.ts";
import type { RoutesDocument } from "../file/document.ts";
import type { RouteEntry } from "../file/schema.ts";
import type { Awaited } from "../liquid/names.ts";
import { matchesPeople } from "./direction.ts";

/** A route waits for another one of the file, and in the end for one that waits for nobody. */
export function checkAfter(options: {
  entry: RouteEntry;
  index: number;
  entries: RouteEntry[];
  document: RoutesDocument;
  problems: Problems;
}): void {
  const { entry, index, entries, document, problems } = options;
  // "" stands for one that is missing or wrong: it has its finding already.
  if (entry.after === undefined || entry.after.route === "") return;
  const at = document.at(["routes", index, "after", "route"]);
  const wrong = whatIsWrong({ entry, named: entry.after.route, index, entries });
  if (wrong) problems.add({ at, ...wrong });
  else if (entries.find(({ id }) => id === entry.after?.route)?.enabled === false) {
    problems.warn({ at, message: `the route "${entry.after.route}" is off: each call waits for it in vain` });
  }
}

function whatIsWrong(options: { entry: RouteEntry; named: string; index: number; entries: RouteEntry[] }): Omit<Finding, "at"> | undefined {
  const { entry, named, index, entries } = options;
  if (named === entry.id) return { message: `the route "${named}" cannot wait for itself` };
  if (!entries.some(({ id }) => id === named)) {
    const ids = entries.map(({ id }) => id).filter((id) => id !== entry.id && id !== "");
    const others = ids.length > 0 ? `Other routes are ${ids.join(", ")}.` : "This file has no other route.";
    return { message: `there is no route "${named}"`, hint: didYouMean(named, ids) ?? others };
  }
  const circle = circleFrom(entry, entries) ?? [];
  // Said once, at the first of them in the file.
  if (circle.length === 0 || circle.some(({ id }) => entries.findIndex((one) => one.id === id) < index)) return undefined;
  const [first, ...others] = circle.map(({ id }) => `"${id}"`);
  const message = `${first} waits for ${[...others, first].join(", which waits for ")}`;
  return { message, hint: "One of them has to go first: take its after away." };
}

/** The routes from this one, each waiting for the next, back to this one; undefined where that does not come back. */
function circleFrom(entry: RouteEntry, entries: RouteEntry[]): RouteEntry[] | undefined {
  const seen: RouteEntry[] = [];
  for (let here: RouteEntry | undefined = entry; here && !seen.includes(here); ) {
    seen.push(here);
    const next: string | undefined = here.after?.route;
    here = entries.find(({ id }) => id === next);
    if (here === entry) return seen;
  }
  return undefined;
}

/** What `after` says to the worker; undefined without one, or with one that {@link checkAfter} refuses. */
export function afterOf(options: {
  entry: RouteEntry;
  entries: RouteEntry[];
  destinations: ReadonlyMap<string, Destination>;
}): After | undefined {
  const { entry, entries, destinations } = options;
  const { route, wait } = entry.after ?? {};
  const to = destinations.get(entries.find(({ id }) => id === route)?.to ?? "");
  const waitMs = parseDurationMs(wait ?? "");
  return route === undefined || waitMs === undefined || !to ? undefined : { route, title: to.connector.title, waitMs };
}

/** What templates of a route may expect of the one that it waits for; undefined where it waits for none. */
export function awaitedOf(options: {
  entry: RouteEntry;
  entries: RouteEntry[];
  destinations: ReadonlyMap<string, Destination>;
}): Awaited | undefined {
  const { entry, entries, destinations } = options;
  if (entry.after === undefined) return undefined;
  const { route } = entry.after;
  const to = destinations.get(entries.find(({ id }) => id === route)?.to ?? "");
  // Of a route or a destination with a mistake nothing more is said.
  return { route, title: to?.connector.title ?? "", knowsPeople: to === undefined || route === entry.id || matchesPeople(to.connector) };
}
