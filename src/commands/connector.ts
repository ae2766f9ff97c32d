import { setFlagsFromString } from "node:v8";
import { connectors as known } from "../../connectors/index.ts";
import { startConnectors } from "../app.ts";
import type { ExitCode } from "../errors.ts";
import { UsageError } from "../errors.ts";
import { didYouMean } from "../lib/text/did-you-mean.ts";
import { startOps } from "../monitoring/server.ts";
import type { Route } from "../route.ts";
import type { LoadedRoutes, Role } from "../routes/index.ts";
import { type CommonOptions, type Context, createContext } from "./context.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { keepStarts } from "./keep-starts.ts";
import { followRoutesFile, usableRoutes } from "./live-routes.ts";
import { onceUsable } from "./once-usable.ts";
import { type OpsOptions, opsHost, opsPort } from "./ops-options.ts";
import { type Parts, type Running, serve } from "./serve.ts";
import { warnOfSurroundings } from "./surroundings.ts";

type ConnectorOptions = CommonOptions & OpsOptions & { route?: string[]; wait?: boolean };

/** `patchbay connector hubspot …` or `patchbay connector --route <id>`: runs the workers of some routes. */
export async function connectorCommand(names: string[], options: ConnectorOptions): Promise<ExitCode> {
  if (names.length === 0 && !options.route) {
    throw new UsageError("which connector?", { hint: `Give one or more names (${Object.keys(known).join(", ")}) or --route <id>.` });
  }
  // Collects early rather than growing: on a backlog of a million calls the process stays below 150 MB, at two thirds of the speed.
  setFlagsFromString("--optimize-for-size");
  const context = createContext(options);
  const { logger } = context;
  return serve({ logger, start: (parts) => startConnector({ parts, names, options, context }) });
}

async function startConnector(given: { parts: Parts; names: string[]; options: ConnectorOptions; context: Context }): Promise<Running> {
  const { parts, names, options, context } = given;
  const { logger, env } = context;
  const address = { port: opsPort(options, env), host: opsHost(options, env) };
  await parts.start(context, () => context.close());
  const role: Role = { kind: "connector", connectors: names, routes: options.route ?? [] };
  const select = (loaded: LoadedRoutes) => selectRoutes(loaded.routes, names, options.route ?? []);
  const check = (loaded: LoadedRoutes) => refuseNothingToDo({ loaded, names, selected: select(loaded), wait: options.wait ?? false });
  const load = () => usableRoutes({ context, role, check });
  const meanwhile = async () => {
    if (await keepStarts({ context, select })) logger.info("calls from now on wait in the log until its routes can start");
  };
  const usable = await (options.wait ? onceUsable({ path: context.path, load, parts, logger, meanwhile }) : load());
  const { routes } = usable;
  warnOfSurroundings({ context, routesText: routes.fileText });
  const selected = select(routes);
  const [log, ledger] = [await context.log(), await context.ledger()];
  const running = await parts.start(startConnectors({ routes, selected, log, ledger, logger, problem: usable.problem }), (one, graceMs) =>
    one.stop({ graceMs }),
  );
  const ops = await parts.start(startOps({ ...address, running, log, ledger }), (one) => one.stop());
  let current = routes;
  await parts.start(startHousekeeping({ routes: () => current, log, ledger, logger }), (one) => one.stop());
  const following = followRoutesFile({
    context,
    role,
    usable,
    select,
    running,
    ledger,
    onUsed(edited) {
      current = edited;
    },
  });
  await parts.start(following, (one) => one.stop());
  return {
    failed: running.failed,
    announce: () =>
      logger.info({ routes: selected.map(({ id }) => id), log: log.name, ledger: ledger.name, ops: ops.url }, runs(selected, names)),
  };
}

function runs(selected: Route[], names: string[]): string {
  return selected.length > 0
    ? "connector runs"
    : `no route leads to ${names.join(" or ")}: waiting until an edit of the routes file adds one`;
}

function refuseNothingToDo(options: { loaded: LoadedRoutes; names: string[]; selected: Route[]; wait: boolean }): void {
  const { loaded, names, selected, wait } = options;
  for (const name of names)
    if (!Object.hasOwn(loaded.connectors, name)) throw unknownName("connector", name, Object.keys(loaded.connectors));
  if (wait || selected.length > 0) return;
  throw new UsageError(`no route in ${loaded.path} leads to ${names.join(" or ")}`, { hint: "Add one, or run another connector." });
}

function selectRoutes(routes: Route[], connectors: string[], ids: string[]): Route[] {
  for (const id of ids) {
    if (!routes.some((route) => route.id === id))
      throw unknownName(
        "route",
        id,
        routes.map((route) => route.id),
      );
  }
  return routes.filter((route) => connectors.includes(route.to.connector.name) || ids.includes(route.id));
}

function unknownName(what: string, name: string, names: string[]): UsageError {
  const near = didYouMean(name, names);
  return new UsageError(`there is no ${what} "${name}"`, {
    hint: near ? `${near[0]?.toUpperCase()}${near.slice(1)}` : `There is: ${names.join(", ")}.`,
  });
}
