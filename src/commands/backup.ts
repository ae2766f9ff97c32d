import packageJson from "../../package.json" with { type: "json" };
import { OpenError } from "../connector/index.ts";
import { type ExitCode, UsageError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { StoreFile } from "../lib/sqlite/copy.ts";
import { typed } from "../lib/text/typed-command.ts";
import type { Log } from "../log/log.ts";
import { backup, type DestinationFiles } from "../operations/backup.ts";
import { explainFileError } from "../operations/file-errors.ts";
import { filesOf, type Manifest } from "../operations/manifest.ts";
import { type CommonOptions, type Context, withContext } from "./context.ts";
import { lookedRoutes } from "./looked-routes.ts";
import { bar, createProgress } from "./progress.ts";
import { currentUser } from "./prompt.ts";

export interface BackupCommandOptions extends CommonOptions {
  /** `false`: log and ledger alone, whatever routes.yaml says. */
  destinations: boolean;
}

/** `patchbay backup <folder>`: a whole copy of the embedded log and ledger, and of DuckDB files, also while Patchbay works. */
export async function backupCommand(folder: string, options: BackupCommandOptions): Promise<ExitCode> {
  const stopping = new AbortController();
  const stop = () => stopping.abort(new UsageError("the backup was broken off; nothing of it is left"));
  process.on("SIGINT", stop).on("SIGTERM", stop);
  const progress = createProgress({ enabled: !options.json });
  try {
    return await withContext(options, async (context) => {
      const [log, ledger] = await embedded(context);
      const destinations = options.destinations ? await filesOfDestinations(context) : [];
      const onProgress = (what: string, done: number, of: number) => progress.show(`${bar(done, of)}  ${what}`);
      const { signal } = stopping;
      const manifest = await backup({ folder, program: packageJson.version, log, ledger, destinations, signal, onProgress }).catch(
        explained,
      );
      progress.clear();
      await ledger.note({ by: currentUser(context.env), route: "", action: "backup", detail: folder });
      if (options.json) console.log(JSON.stringify({ folder, ...manifest }));
      else console.log(describe(folder, manifest));
      return 0;
    });
  } finally {
    progress.clear();
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

/** @throws {UsageError} where one of them is no file of ours. */
export async function embedded(context: Context): Promise<[Log & { file: StoreFile }, Ledger & { file: StoreFile }]> {
  const [log, ledger] = [await context.log(), await context.ledger()];
  const elsewhere = [log, ledger].filter(({ file }) => file === undefined).map(({ name }) => name);
  if (elsewhere.length > 0)
    throw new UsageError(`${elsewhere.join(" and ")} cannot be backed up from here: a backup is of the embedded engines, which are files`, {
      hint: "Kafka is replicated and PostgreSQL dumped, in an order that matters: docs/operations.md has it.",
    });
  return [log as Log & { file: StoreFile }, ledger as Ledger & { file: StoreFile }];
}

async function filesOfDestinations(context: Context): Promise<DestinationFiles[]> {
  // A typo in the file must not be what a nightly backup ends with.
  const { routes, note } = await lookedRoutes(context);
  if (note !== undefined) console.error(`warning  ${note}`);
  const { destinations } = routes;
  return destinations.flatMap(({ name, connector, settings }) => {
    const files = connector.files?.(settings());
    return files === undefined ? [] : [{ name, files }];
  });
}

function explained(error: unknown): never {
  if (!(error instanceof OpenError)) throw explainFileError(error, "the backup");
  throw new UsageError(`a destination's file cannot be copied now: ${error.message}`, {
    hint: "Close that program and run the backup once more, or leave such files out: --no-destinations.",
    cause: error,
  });
}

function describe(folder: string, manifest: Manifest): string {
  const files = filesOf(manifest);
  const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
  const { calls } = manifest.log;
  return [
    `${folder}: log and ledger as of ${manifest.began}, ${calls.high - calls.low} calls, ${(bytes / 1e6).toFixed(1)} MB in ${files.length} files, each with its SHA-256 in manifest.json.`,
    ...manifest.destinations.map(({ name, was }) => `  with ${name}: ${was}`),
    ...manifest.notIncluded.map((what) => `  without ${what}`),
    typed`Kept for as long as calls may be kept: patchbay forget does not reach it. To put it back: patchbay restore ${folder}`,
  ].join("\n");
}
