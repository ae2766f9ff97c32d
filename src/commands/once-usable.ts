import { RoutesFileError, UsageError } from "../errors.ts";
import type { Logger } from "../lib/process/logger.ts";
import { systemClock } from "../lib/time/clock.ts";
import { problemOf } from "../routes/diagnose/format.ts";
import { readRoutesFile } from "../routes/file/read-file.ts";
import { logRefusal } from "./refusal-report.ts";
import type { Parts } from "./serve.ts";

const AGAIN_AFTER_MS = 2_000;

/**
 * Waits until the routes file can be used, in a container that would else be started again for ever: it is not there yet, a variable of it is not
 * set, a secret's file is not mounted. Each problem is said once.
 * @param options.meanwhile what can be done already; asked at each problem.
 * @throws what `load` throws for any other reason, such as a service that is away.
 */
export async function onceUsable<Usable>(options: {
  path: string;
  load: () => Usable | Promise<Usable>;
  parts: Pick<Parts, "abandoned">;
  logger: Logger;
  meanwhile?: () => Promise<void>;
}): Promise<Usable> {
  const { path, load, parts, logger, meanwhile = async () => undefined } = options;
  let said = "";
  for (;;) {
    try {
      return await load();
    } catch (error) {
      if (!isAboutFile(error, path)) throw error;
      const problem = problemOf(error);
      if (problem !== said) {
        logRefusal({ logger, error, message: "cannot start yet: waiting until this is corrected" });
        said = problem;
        await meanwhile();
      }
      await systemClock.sleep(AGAIN_AFTER_MS, parts.abandoned);
      if (parts.abandoned.aborted) throw error;
    }
  }
}

function isAboutFile(error: unknown, path: string): boolean {
  if (error instanceof RoutesFileError) return true;
  if (!(error instanceof UsageError)) return false;
  try {
    readRoutesFile(path);
    return false;
  } catch {
    return true;
  }
}
