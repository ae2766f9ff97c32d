import { startConnectors } from "../app.ts";
import type { ExitCode } from "../errors.ts";
import { startIngress } from "../ingress/index.ts";
import { refuseDenied } from "../log/may-store.ts";
import { startOps } from "../ops/server.ts";
import { opsPort } from "./connector.ts";
import { type CommonOptions, createContext } from "./context.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { webhookPort } from "./ingress.ts";
import { followRoutesFile, usableRoutes } from "./live-routes.ts";
import { GRACE_MS, runUntilStopped } from "./run-until-stopped.ts";

/** `patchbay up`: ingress and every route in one process, to the real destinations. */
export async function upCommand(options: CommonOptions & { port?: number; opsPort?: number }): Promise<ExitCode> {
  const context = createContext(options);
  const { logger, env } = context;
  try {
    const role = { kind: "all" } as const;
    const usable = await usableRoutes({ context, role });
    const { routes } = usable;
    const [log, ledger] = [await context.log(), await context.ledger()];
    await refuseDenied(log);
    // The routes first: a route that starts "now" then misses no call of this ingress.
    const running = await startConnectors({ routes, selected: routes.routes, log, ledger, logger, problem: usable.problem });
    const ingress = await startIngress({ sources: routes.sources, log, logger, port: webhookPort(options, env) });
    const ops = await startOps({ port: opsPort(options, env), running, log, ledger });
    let current = routes;
    const keeping = startHousekeeping({ routes: () => current, log, ledger, logger });
    const following = followRoutesFile({
      context,
      role,
      usable,
      select: (edited) => edited.routes,
      running,
      ledger,
      onUsed(edited) {
        current = edited;
        ingress.use(edited.sources);
      },
    });
    return await runUntilStopped({
      failed: running.failed,
      logger,
      announce: () =>
        logger.info(
          { url: ingress.url, ops: ops.url, log: log.name, ledger: ledger.name, routes: running.workers.map(({ route }) => route.id) },
          "up",
        ),
      stop: async () => {
        await following.stop();
        await ingress.stop({ graceMs: GRACE_MS });
        await Promise.all([running.stop({ graceMs: GRACE_MS }), keeping.stop()]);
        await ops.stop();
      },
    });
  } finally {
    await context.close();
  }
}
