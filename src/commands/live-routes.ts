import type { Connectors } from "../app.ts";
import { RoutesFileError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Logger } from "../lib/process/logger.ts";
import type { Route } from "../route.ts";
import { type LoadedRoutes, problemOf, type Role, watchRoutesFile } from "../routes/index.ts";
import { type Context, logWarnings } from "./context.ts";
import { createRefusalReport, logRefusal } from "./refusal-report.ts";

/** The routes to run with: the file's, or, if it has mistakes, the last that were in use, loudly. */
export interface UsableRoutes {
  routes: LoadedRoutes;
  /** Why the file itself is not used. */
  problem: string | undefined;
}

/**
 * The file is read and checked before the ledger is opened: a mistake in it must not need a database to be seen.
 * @param options.check refuses a file that is right in itself and not for this process.
 * @throws what loading throws, where the ledger has no earlier file either.
 */
export async function usableRoutes(options: {
  context: Context;
  role: Role;
  check?: (routes: LoadedRoutes) => void;
}): Promise<UsableRoutes> {
  const { context, role, check = () => undefined } = options;
  let routes: LoadedRoutes;
  try {
    routes = await context.routes(role);
  } catch (error) {
    return lastGood({ context, role, error });
  }
  check(routes);
  logWarnings(context.logger, routes.warnings);
  const ledger = await context.ledger();
  const before = await ledger.routesFile();
  await keepCopy({ routes, ledger, logger: context.logger });
  if (before && before.version !== routes.version) await noteEdit({ ledger, from: before.version, to: routes.version });
  return { routes, problem: undefined };
}

/** @throws the file's own mistakes where the copy of the last good one cannot run either; their note says why. */
async function lastGood(options: { context: Context; role: Role; error: unknown }): Promise<UsableRoutes> {
  const { context, role, error } = options;
  if (!(error instanceof RoutesFileError)) throw error;
  const last = await (await context.ledger()).routesFile();
  if (!last) throw error;
  const goodAt = new Date(last.goodAt).toISOString();
  let routes: LoadedRoutes;
  try {
    routes = await context.routes(role, last);
  } catch (why) {
    const note = `The last good file (version ${last.version}, in use since ${goodAt}) cannot run in its place: ${problemOf(why)}.`;
    throw new RoutesFileError(error.problems, error.text, { note });
  }
  const message = "the routes file has mistakes: running the last good one";
  logRefusal({ logger: context.logger, error, message, fields: { version: last.version, goodAt } });
  return { routes, problem: problemOf(error) };
}

/** Where a restart finds it. Secrets have no place in the ledger, so the copy is without those that are written out. */
async function keepCopy(options: { routes: LoadedRoutes; ledger: Ledger; logger: Logger }): Promise<void> {
  const { routes, ledger, logger } = options;
  await ledger.keepRoutesFile({ version: routes.version, text: routes.copy.text });
  if (routes.copy.isWhole) return;
  logger.warn(
    "the routes file holds a written-out secret, which the ledger's copy is without: a restart after a bad edit cannot run that copy; use a variable",
  );
}

/** The file does not say who edited it: which process took it does, with the system's user of that process. */
async function noteEdit({ ledger, from, to }: { ledger: Ledger; from: string; to: string }): Promise<void> {
  await ledger.note({ by: `process ${process.pid}`, route: "", action: "routes-file", detail: `${from} to ${to}` });
}

/** Follows the file: an edit is used within two seconds; a bad one changes nothing and is reported in log, ledger and lag. */
export function followRoutesFile(options: {
  context: Context;
  role: Role;
  usable: UsableRoutes;
  select(routes: LoadedRoutes): Route[];
  running: Connectors;
  ledger: Ledger;
  /** Beside the routes: the sources of an ingress in the same process. */
  onUsed?(routes: LoadedRoutes): void;
}): { stop(): Promise<void> } {
  const { context, role, usable, select, running, ledger, onUsed = () => undefined } = options;
  const { logger } = context;
  const report = createRefusalReport(logger, "the routes file cannot be used; the earlier one stays in use");
  let inUse = usable.routes.version;

  function refuse(error: unknown, text = ""): void {
    running.refuse(problemOf(error));
    report.refused(error, text);
  }

  return watchRoutesFile({
    path: usable.routes.path,
    text: usable.problem === undefined ? usable.routes.fileText : "",
    onUnreadable: refuse,
    async onText(text) {
      let routes: LoadedRoutes;
      try {
        routes = await context.routes(role, { text });
      } catch (error) {
        refuse(error, text);
        return false;
      }
      const selected = select(routes);
      await running.use({ routes, selected });
      onUsed(routes);
      report.clear();
      logWarnings(logger, routes.warnings);
      logger.info({ version: routes.version, routes: selected.map(({ id }) => id) }, "the routes file was edited, and is in use");
      const from = inUse;
      inUse = routes.version;
      await keepCopy({ routes, ledger, logger })
        .then(() => (from === inUse ? undefined : noteEdit({ ledger, from, to: inUse })))
        .catch((error) => logger.warn({ reason: String(error) }, "the ledger could not keep the routes file"));
      return true;
    },
  });
}
