import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { DEFAULT_LEDGER_URL, DEFAULT_LOG_URL, openLedger, openLog } from "../app.ts";
import { logMismatch } from "../delivery/process/log-binding.ts";
import { type ExitCode, RoutesFileError, UsageError } from "../errors.ts";
import { isAlone } from "../lib/sqlite/scrub.ts";
import { asTyped, typed } from "../lib/text/typed-command.ts";
import { forgetAgain } from "../operations/forget-again.ts";
import { forgottenFile, readForgotten } from "../operations/forgotten-file.ts";
import { filesOf, type Manifest, readBackup } from "../operations/manifest.ts";
import { agree, bringNear, dropNear, existing, putInPlace, type Target, targetsOf } from "../operations/restore.ts";
import { type CommonOptions, type Context, createContext } from "./context.ts";
import type { Environment } from "./environment.ts";
import { count } from "./forget-text.ts";
import { bar, createProgress } from "./progress.ts";
import { currentUser, declined } from "./prompt.ts";

export interface RestoreOptions extends CommonOptions {
  force?: boolean;
  yes?: boolean;
  /** `false`: log and ledger alone. */
  destinations: boolean;
  /** Files of forgotten calls, beside the one at the ledger. */
  forgotten?: string[];
}

interface Restored {
  asOf: string;
  moved: { from: string; to: string }[];
  /** By route: what may have been delivered since the backup. */
  unknown: Record<string, number>;
  forgottenAgain: Awaited<ReturnType<typeof forgetAgain>>;
}

/**
 * `patchbay restore <folder>`: puts a backup in the place of log and ledger. Refused while a process works with them, and where there is data
 * (`--force` moves it aside). Exit code 1: something is left for people to do.
 */
export async function restoreCommand(folder: string, options: RestoreOptions): Promise<ExitCode> {
  const context = createContext(options);
  const progress = createProgress({ enabled: !options.json });
  const { env } = context;
  try {
    const manifest = await readBackup(folder, (done, of) => progress.show(`${bar(done, of)}  reading the backup`));
    progress.clear();
    const places = { log: pathOf("log", options, env), ledger: pathOf("ledger", options, env) };
    const destinations = options.destinations ? await destinationFiles(context) : undefined;
    const targets = targetsOf({ folder, manifest, ...places, destinations });
    refuseInUse([places.log, places.ledger]);
    refuseExisting(existing(targets), options);
    if (!options.json) console.log(describePlan(folder, manifest, targets));
    const no = await declined("Put it in place?", options);
    if (no !== undefined) return no;

    const near = bringNear(targets);
    const onProgress = (records: number) => progress.show(`${records} calls behind what the ledger knows`);
    const unknown = await makeAgree({ manifest, near, context, onProgress }).catch((error: unknown) => {
      dropNear(near);
      throw error;
    });
    progress.clear();
    const moved = putInPlace(near);
    const forgottenAgain = await inPlace(options, async (opened) => {
      const [log, ledger, by] = [await opened.log(), await opened.ledger(), currentUser(env)];
      await ledger.note({ by, route: "", action: "restore", detail: `${folder}, as of ${manifest.began}` });
      const forgotten = [forgottenFile(places.ledger), ...(options.forgotten ?? [])].flatMap(readForgotten);
      const routes = await opened.routes({ kind: "all" }).catch(() => undefined);
      return forgetAgain({ log, ledger, routes, forgotten, by });
    });
    const restored: Restored = { asOf: manifest.began, moved, unknown: Object.fromEntries(unknown), forgottenAgain };
    console.log(options.json ? JSON.stringify(restored) : describeRestored(restored));
    return forgottenAgain.stays.length === 0 ? 0 : 1;
  } finally {
    progress.clear();
    await context.close();
  }
}

/** @throws {UsageError} for an engine that is no file. */
function pathOf(what: "log" | "ledger", options: CommonOptions, env: Environment): string {
  const url =
    what === "log" ? (options.log ?? env.PATCHBAY_LOG ?? DEFAULT_LOG_URL) : (options.ledger ?? env.PATCHBAY_LEDGER ?? DEFAULT_LEDGER_URL);
  if (url.startsWith("sqlite:")) return url.slice("sqlite:".length);
  throw new UsageError(`a backup is put back into embedded engines, and the ${what} is another`, {
    hint: `Name the file with --${what} sqlite:<file>. For Kafka and PostgreSQL: docs/operations.md.`,
  });
}

/** By name, as routes.yaml has them now; a file that is missing or wrong must not be in a restore's way. */
async function destinationFiles(context: Context): Promise<Map<string, string>> {
  const places = new Map<string, string>();
  try {
    const { destinations } = await context.routes({ kind: "check-no-env" });
    for (const { name, connector, settings } of destinations) {
      const files = connector.files?.(settings());
      if (files?.kind === "file") places.set(name, files.path);
    }
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof RoutesFileError)) throw error;
  }
  return places;
}

function refuseInUse(paths: string[]): void {
  for (const path of paths) {
    if (!statSync(path, { throwIfNoEntry: false }) || isFree(path)) continue;
    throw new UsageError(`a process works with ${path}`, { hint: "Stop it first: what it writes would be lost." });
  }
}

/** Also folds the write-ahead log into the file, so that it can be moved aside as it is. What is damaged nobody can work with. */
function isFree(path: string): boolean {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: 0 });
    return isAlone(db);
  } catch {
    return true;
  } finally {
    db?.close();
  }
}

function refuseExisting(there: string[], { force }: RestoreOptions): void {
  const [first, ...others] = there;
  if (first === undefined || force) return;
  const more = others.length === 0 ? "" : `, and ${count(others.length, "other file")}`;
  throw new UsageError(`${first} is there${more}: a restore puts nothing over data`, {
    hint: "--force moves it aside, to a name that ends in .before-restore-<time>.",
  });
}

/** While they still wait beside their places: a crash leaves nothing in place that does not fit together. */
async function makeAgree(options: {
  manifest: Manifest;
  near: Map<Target, string>;
  context: Context;
  onProgress(records: number): void;
}): Promise<Map<string, number>> {
  const { manifest, near, context, onProgress } = options;
  const waiting = (file: string) => [...near].find(([{ from }]) => from.endsWith(`/${file}`))?.[1];
  const { logger } = context;
  const log = await openLog({ url: `sqlite:${waiting(manifest.log.file)}`, logger, keepsCopy: false });
  const ledger = await openLedger({ url: `sqlite:${waiting(manifest.ledger.file)}`, logger, keepsCopy: false });
  try {
    const mismatch = await logMismatch({ log, ledger });
    if (mismatch !== undefined)
      throw new UsageError(`log and ledger of the backup do not belong together: ${mismatch}`, {
        hint: "Use another backup; nothing was changed.",
      });
    return await agree({ manifest, log, ledger, onProgress });
  } finally {
    await Promise.all([log.close(), ledger.close()]);
  }
}

async function inPlace<T>(options: CommonOptions, use: (context: Context) => Promise<T>): Promise<T> {
  const context = createContext(options);
  try {
    return await use(context);
  } finally {
    await context.close();
  }
}

function describePlan(folder: string, manifest: Manifest, targets: Target[]): string {
  const { began, log, ledger } = manifest;
  const files = filesOf(manifest);
  return [
    `${folder} is whole: ${count(files.length, "file")}, as of ${began}, by Patchbay ${manifest.program}: ${log.calls.high - log.calls.low} calls, ${ledger.deliveries.delivered} deliveries.`,
    ...targets.map(({ to }) => `  ${to}`),
    `What was accepted after ${manifest.ended} is not in it.`,
  ].join("\n");
}

function describeRestored({ asOf, moved, unknown, forgottenAgain }: Restored): string {
  const routes = Object.entries(unknown).filter(([, n]) => n > 0);
  const { calls, records, stays } = forgottenAgain;
  return [
    typed`Restored as of ${asOf}. Start Patchbay; then: patchbay audit.`,
    ...moved.map(({ from, to }) => `  ${from} is ${to} now`),
    ...(routes.length === 0
      ? []
      : [
          `These may have been delivered since: ${routes.map(([route, n]) => `${n} on ${route}`).join(", ")}. CRMs, tables and archives get them into the same record; ` +
            "Slack is asked first; Teams and Discord make dead letters of them, or send again where the destination says on_ambiguous: send_again.",
        ]),
    ...(calls.length + records === 0
      ? []
      : [`Forgotten since the backup, and forgotten once more: ${count(calls.length, "call")}, ${count(records, "quarantined record")}.`]),
    ...stays.map((sentence) => `  ${asTyped(sentence)}`),
  ].join("\n");
}
