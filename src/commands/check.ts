import type { ExitCode } from "../errors.ts";
import { RoutesFileError, UsageError } from "../errors.ts";
import { formatShortDuration } from "../lib/time/duration.ts";
import { formatProblems } from "../routes/index.ts";
import { type CommonOptions, createContext } from "./context.ts";

/**
 * `patchbay check [file] [--no-env] [--no-code] [--json]`: every mistake of routes.yaml at once. Exit code 0 fine, 1 mistakes, 2 no such file.
 * @throws {UsageError} when two files are named.
 */
export async function checkCommand(file: string | undefined, options: CommonOptions & { env: boolean; code: boolean }): Promise<ExitCode> {
  if (file !== undefined && options.routes !== undefined && options.routes !== file) {
    throw new UsageError(`two files are named: ${file} and ${options.routes}`, { hint: "Name one: patchbay check <file>." });
  }
  const context = createContext({ ...options, ...(file === undefined ? {} : { routes: file }), withoutCode: !options.code });
  try {
    const loaded = await context.routes({ kind: options.env ? "check" : "check-no-env" });
    const { path, version, sources, destinations, routes, retention, warnings } = loaded;
    if (options.json) {
      console.log(JSON.stringify({ ok: true, path, version, retention, problems: warnings }));
      return 0;
    }
    if (warnings.length > 0) console.error(formatProblems(new RoutesFileError(warnings, loaded.text), { color: process.stderr.isTTY }));
    const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? "" : "s"}`;
    console.log(
      `${path} is fine: ${count(sources.length, "source")}, ${count(destinations.length, "destination")}, ${count(routes.length, "route")} (version ${version})`,
    );
    const { logMs, quarantineMs, deadLettersMs, deliveriesMs } = retention;
    console.log(
      `kept: calls in the embedded log ${formatShortDuration(logMs)} (on Kafka as long as its topic says), quarantine ${formatShortDuration(quarantineMs)}, dead letters ${formatShortDuration(deadLettersMs)}, what became of a call ${formatShortDuration(deliveriesMs)}`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof RoutesFileError)) throw error;
    if (options.json) console.log(JSON.stringify({ ok: false, problems: error.problems }));
    else console.error(formatProblems(error, { color: process.stderr.isTTY }));
    return 1;
  }
}
