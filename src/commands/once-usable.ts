import { RoutesFileError, UsageError } from "../errors.ts";
import type { Logger } from "../lib/logger.ts";
import { problemOf } from "../routes/format.ts";
import { readRoutesFile } from "../routes/read-file.ts";
import { reportError } from "./report-error.ts";
import type { Parts } from "./serve.ts";

const AGAIN_AFTER_MS = 2_000;

/**
 * Waits until the routes file can be used, in a container that would else be started again for ever: it is not there yet, a variable of it is not
 * set, a secret's file is not mounted. Each problem is said once. Nothing listens meanwhile, so that the health check says that nothing works.
 * @throws what `load` throws for any other reason, such as a service that is away.
 */
export async function onceUsable<Usable>(options: {
  path: string;
  load: () => Usable | Promise<Usable>;
  parts: Parts;
  logger: Logger;
}): Promise<Usable> {
  const { path, load, parts, logger } = options;
  const stopped = Promise.withResolvers<"stopped">();
  await parts.start(undefined, () => stopped.resolve("stopped"));
  let said = "";
  for (;;) {
    try {
      return await load();
    } catch (error) {
      if (!isAboutFile(error, path)) throw error;
      const problem = problemOf(error);
      if (problem !== said) {
        logger.error({ problem }, "cannot start yet: waiting until this is corrected");
        reportError(error);
      }
      said = problem;
      if ((await Promise.race([stopped.promise, again()])) === "stopped") throw error;
    }
  }
}

const again = () => new Promise<"again">((resolve) => setTimeout(resolve, AGAIN_AFTER_MS, "again"));

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
