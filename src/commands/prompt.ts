import { userInfo } from "node:os";
import { createInterface } from "node:readline/promises";
import { type ExitCode, UsageError } from "../errors.ts";
import { closest } from "../lib/text/did-you-mean.ts";
import { parsePointInTime } from "../lib/time/point-in-time.ts";
import type { Route } from "../route.ts";

/**
 * Asks on a terminal; elsewhere only `--yes` counts, so that a script never waits and never acts by accident. `undefined`: it is confirmed.
 * Otherwise the exit code to end with: 1 where a person says no, 2 where nobody can be asked, or 0 where the command then is a `preview`. With
 * `json` an object on stdout says that nothing was done, unless the preview is that object.
 */
export async function declined(
  question: string,
  options: { yes?: boolean; json?: boolean; preview?: boolean },
): Promise<ExitCode | undefined> {
  const { yes, json, preview = false } = options;
  if (yes) return undefined;
  if (!process.stdin.isTTY || !process.stdout.isTTY || json) {
    console.error("Nothing was changed. Add --yes to do it.");
    if (json && !preview) console.log(JSON.stringify({ done: false, reason: "nothing was changed: it needs --yes" }));
    return preview ? 0 : 2;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // Ctrl-C and Ctrl-D are a no.
  const answer = await terminal.question(`${question} [y/N] `).catch(() => "\n");
  terminal.close();
  if (/^y(es)?$/i.test(answer.trim())) return undefined;
  console.error(answer === "\n" ? "\nNothing was changed." : "Nothing was changed.");
  return 1;
}

/** Who does this: `PATCHBAY_USER`, else the user of the system. Kept beside what was done. */
export function currentUser(env: Record<string, string | undefined>): string {
  const named = env.PATCHBAY_USER ?? env.USER ?? env.LOGNAME;
  if (named) return named;
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}

/** Unix ms of an option such as `--since 2d`. @throws {UsageError} naming the option. */
export function pointInTime(option: string, text: string, nowMs: number): number {
  const at = parsePointInTime(text, nowMs);
  if (at !== undefined) return at;
  throw new UsageError(`${option}: "${text}" is no point in time`, {
    hint: "Write how long ago (90m, 2d), a date (2026-01-31), or a time with its zone (2026-01-31T09:00:00Z).",
  });
}

/** @throws {UsageError} when the range is empty or reversed. */
export function timeRange(
  options: { since?: string; until?: string },
  nowMs: number,
): { since: number | undefined; until: number | undefined } {
  const since = options.since === undefined ? undefined : pointInTime("--since", options.since, nowMs);
  const until = options.until === undefined ? undefined : pointInTime("--until", options.until, nowMs);
  if (since !== undefined && until !== undefined && since >= until) {
    throw new UsageError(
      since === until ? "the range is empty: --since and --until are the same" : "the range is reversed: --since is after --until",
      {
        hint: "--since is the earlier one; durations such as 2d count back from now.",
      },
    );
  }
  return { since, until };
}

/** The route of the file. @throws {UsageError} naming what there is; `known`: ids the ledger still has. */
export function routeNamed(id: string, options: { routes: Route[]; path: string; known?: string[] }): Route {
  const { routes, path, known = [] } = options;
  const route = routes.find((one) => one.id === id);
  if (route) return route;
  if (known.includes(id)) {
    throw new UsageError(`the route "${id}" is not in ${path} any more`, {
      hint: `Nothing runs it, so nothing would be sent. Put it back into the file, carry it over with was: ${id}, or end it: patchbay retire ${id}.`,
    });
  }
  throw unknownRoute(id, [...routes.map((one) => one.id), ...known]);
}

export function unknownRoute(id: string, known: string[]): UsageError {
  const near = closest(id, known);
  return new UsageError(`there is no route "${id}"`, {
    hint: near === undefined ? `Routes are ${[...new Set(known)].join(", ") || "none yet"}.` : `Did you mean "${near}"?`,
  });
}
