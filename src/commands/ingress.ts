import type { ExitCode } from "../errors.ts";
import { startIngress } from "../ingress/index.ts";
import { refuseDenied } from "../log/may-store.ts";
import { type CommonOptions, createContext } from "./context.ts";
import { followSources } from "./live-sources.ts";
import { GRACE_MS, never, runUntilStopped } from "./run-until-stopped.ts";

export function webhookPort(options: { port?: number }, env: Record<string, string | undefined>): number {
  return options.port ?? Number(env.PORT ?? 8080);
}

/** `patchbay ingress`: the webhook endpoint alone. */
export async function ingressCommand(options: CommonOptions & { port?: number }): Promise<ExitCode> {
  const context = createContext(options);
  try {
    const sources = await context.sources();
    const log = await context.log();
    await refuseDenied(log);
    const ingress = await startIngress({ sources, log, logger: context.logger, port: webhookPort(options, context.env) });
    const following = followSources({ context, use: ingress.use });
    return await runUntilStopped({
      failed: never,
      logger: context.logger,
      announce: () => context.logger.info({ url: ingress.url, log: log.name, sources: sources.map(({ name }) => name) }, "ingress listens"),
      stop: async () => {
        await following.stop();
        await ingress.stop({ graceMs: GRACE_MS });
      },
    });
  } finally {
    await context.close();
  }
}
