import { startConnectors } from "../app.ts";
import type { ExitCode } from "../errors.ts";
import { type Ingress, startIngress } from "../ingress/index.ts";
import { refuseDenied } from "../log/may-store.ts";
import { startOps } from "../monitoring/server.ts";
import { type CommonOptions, type Context, createContext } from "./context.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { type IngressSettings, ingressSettings, type WebhookOptions } from "./ingress.ts";
import { keepStarts } from "./keep-starts.ts";
import { followRoutesFile, usableRoutes } from "./live-routes.ts";
import { onceUsable } from "./once-usable.ts";
import { type OpsOptions, opsHost, opsPort } from "./ops-options.ts";
import { type Parts, type Running, serve } from "./serve.ts";
import { warnOfSurroundings } from "./surroundings.ts";

type UpOptions = CommonOptions & WebhookOptions & OpsOptions & { wait?: boolean };

/** `patchbay up`: ingress and every route in one process, to the real destinations. */
export async function upCommand(options: UpOptions): Promise<ExitCode> {
  const context = createContext(options);
  const { logger } = context;
  return serve({ logger, start: (parts) => startUp({ parts, options, context }) });
}

const stopIngress = (ingress: Ingress, graceMs: number) => ingress.stop({ graceMs });

/** Where only variables of destinations are missing, calls are taken already: they wait in the log for routes that begin before them. */
async function listenEarly(options: { parts: Parts; context: Context; webhooks: IngressSettings }): Promise<Ingress | undefined> {
  const { parts, context, webhooks } = options;
  const { logger } = context;
  const sources = await context.sources().catch(() => undefined);
  if (!sources || !(await keepStarts({ context }))) return undefined;
  const log = await context.log();
  await refuseDenied(log);
  const ingress = await parts.start(startIngress({ sources, log, logger, ...webhooks }), stopIngress);
  logger.info({ url: ingress.url, log: log.name }, "ingress listens; calls wait in the log until the routes can start");
  return ingress;
}

async function startUp(given: { parts: Parts; options: UpOptions; context: Context }): Promise<Running> {
  const { parts, options, context } = given;
  const { logger, env } = context;
  const webhooks = ingressSettings(options, env);
  const address = { port: opsPort(options, env), host: opsHost(options, env) };
  await parts.start(context, () => context.close());
  const role = { kind: "all" } as const;
  const load = () => usableRoutes({ context, role });
  const early: { ingress?: Ingress } = {};
  const meanwhile = async () => {
    early.ingress ??= await listenEarly({ parts, context, webhooks });
  };
  const usable = await (options.wait ? onceUsable({ path: context.path, load, parts, logger, meanwhile }) : load());
  const { routes } = usable;
  warnOfSurroundings({ context, routesText: routes.fileText });
  const [log, ledger] = [await context.log(), await context.ledger()];
  await refuseDenied(log);
  // The routes first: a route that starts "now" then misses no call of this ingress.
  const running = await parts.start(
    startConnectors({ routes, selected: routes.routes, log, ledger, logger, problem: usable.problem }),
    (one, graceMs) => one.stop({ graceMs }),
  );
  const ingress = early.ingress ?? (await parts.start(startIngress({ sources: routes.sources, log, logger, ...webhooks }), stopIngress));
  if (early.ingress) ingress.use(routes.sources);
  const ops = await parts.start(startOps({ ...address, running, log, ledger, registries: [ingress.registry] }), (one) => one.stop());
  let current = routes;
  await parts.start(startHousekeeping({ routes: () => current, log, ledger, logger }), (one) => one.stop());
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
  await parts.start(following, (one) => one.stop());
  return {
    failed: running.failed,
    announce: () =>
      logger.info(
        { url: ingress.url, ops: ops.url, log: log.name, ledger: ledger.name, routes: running.workers.map(({ route }) => route.id) },
        "up",
      ),
  };
}
