import type { ExitCode } from "../errors.ts";
import { startIngress } from "../ingress/index.ts";
import { readRoutesFile } from "../routes/read-file.ts";
import { type CommonOptions, createContext } from "./context.ts";
import { type Environment, setting } from "./environment.ts";
import { followSources } from "./live-sources.ts";
import { serve } from "./serve.ts";
import { warnOfSurroundings } from "./surroundings.ts";

const DEFAULT_PORT = 8080;

/** @throws {UsageError} for a PORT that is none. */
export function webhookPort(options: { port?: number }, env: Environment): number {
  return options.port ?? setting(env, "PORT") ?? DEFAULT_PORT;
}

/** `patchbay ingress`: the webhook endpoint alone. */
export async function ingressCommand(options: CommonOptions & { port?: number }): Promise<ExitCode> {
  const context = createContext(options);
  const { logger, env } = context;
  return serve({
    logger,
    async start(parts) {
      const port = webhookPort(options, env);
      await parts.start(context, () => context.close());
      const sources = await context.sources();
      warnOfSurroundings({ context, routesText: readRoutesFile(context.path) });
      const log = await context.log();
      const ingress = await parts.start(startIngress({ sources, log, logger, port }), (one, graceMs) => one.stop({ graceMs }));
      await parts.start(followSources({ context, use: ingress.use }), (one) => one.stop());
      return {
        announce: () => logger.info({ url: ingress.url, log: log.name, sources: sources.map(({ name }) => name) }, "ingress listens"),
      };
    },
  });
}
