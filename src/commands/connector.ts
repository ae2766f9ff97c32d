import { connectors as known } from "../../connectors/index.ts";
import { startConnectors } from "../app.ts";
import type { ExitCode } from "../errors.ts";
import { UsageError } from "../errors.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import { startOps } from "../ops/server.ts";
import type { Route } from "../route.ts";
import { type CommonOptions, createContext } from "./context.ts";
import { GRACE_MS, runUntilStopped } from "./run-until-stopped.ts";

export function opsPort(options: { opsPort?: number }, env: Record<string, string | undefined>): number {
  return options.opsPort ?? Number(env.PATCHBAY_OPS_PORT ?? 9090);
}

/** `patchbay connector hubspot …` or `patchbay connector --route <id>`: runs the workers of some routes. */
export async function connectorCommand(
  names: string[],
  options: CommonOptions & { route?: string[]; opsPort?: number },
): Promise<ExitCode> {
  if (names.length === 0 && !options.route) {
    throw new UsageError("which connector?", { hint: `Give one or more names (${Object.keys(known).join(", ")}) or --route <id>.` });
  }
  for (const name of names) if (!(name in known)) throw unknownName("connector", name, Object.keys(known));

  const context = createContext(options);
  try {
    const routes = await context.routes({ kind: "connector", connectors: names, routes: options.route ?? [] });
    const selected = selectRoutes(routes.routes, names, options.route ?? []);
    if (selected.length === 0) {
      throw new UsageError(`no route in ${routes.path} leads to ${names.join(" or ")}`, { hint: "Add one, or run another connector." });
    }
    const [log, ledger] = [await context.log(), await context.ledger()];
    const running = await startConnectors({ routes, selected, log, ledger, logger: context.logger });
    const ops = await startOps({ port: opsPort(options, context.env), running, log, ledger });
    context.logger.info({ routes: selected.map(({ id }) => id), log: log.name, ledger: ledger.name, ops: ops.url }, "connector runs");
    return await runUntilStopped({
      failed: running.failed,
      logger: context.logger,
      stop: async () => {
        await running.stop({ graceMs: GRACE_MS });
        await ops.stop();
      },
    });
  } finally {
    await context.close();
  }
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
