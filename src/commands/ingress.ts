import type { ExitCode } from "../errors.ts";
import { readTrustedProxies } from "../ingress/client-address.ts";
import { type Ingress, type IngressOptions, startIngress } from "../ingress/index.ts";
import { readQuota } from "../ingress/quota.ts";
import type { OpsServer } from "../ops/http.ts";
import { startIngressOps } from "../ops/ingress.ts";
import { type CommonOptions, createContext } from "./context.ts";
import { followSources } from "./live-sources.ts";
import { type OpsOptions, opsHost, opsPort, opsPortAsked } from "./ops-options.ts";
import { GRACE_MS, never, runUntilStopped } from "./run-until-stopped.ts";

export interface WebhookOptions {
  port?: number;
  host?: string;
}

/** Where the webhooks listen and what they let in, by flags and the environment. @throws {UsageError} for a value that cannot be read. */
export function ingressSettings(
  options: WebhookOptions,
  env: Record<string, string | undefined>,
): Pick<IngressOptions, "port" | "host" | "trustedProxies" | "quotaBytes"> {
  const host = options.host ?? env.PATCHBAY_HOST;
  return {
    port: options.port ?? Number(env.PORT ?? 8080),
    ...(host ? { host } : {}),
    trustedProxies: readTrustedProxies(env.PATCHBAY_TRUSTED_PROXIES ?? ""),
    ...(env.PATCHBAY_SOURCE_QUOTA ? { quotaBytes: readQuota(env.PATCHBAY_SOURCE_QUOTA) } : {}),
  };
}

/** `patchbay ingress`: the webhook endpoint alone. */
export async function ingressCommand(options: CommonOptions & WebhookOptions & OpsOptions): Promise<ExitCode> {
  const context = createContext(options);
  const { logger, env } = context;
  try {
    const settings = ingressSettings(options, env);
    const sources = await context.sources();
    const log = await context.log();
    const ingress = await startIngress({ sources, log, logger, ...settings });
    const ops = await startOps({ ingress, options, env }).catch(async (error) => {
      await ingress.stop({ graceMs: 0 });
      throw error;
    });
    const following = followSources({ context, use: ingress.use });
    return await runUntilStopped({
      failed: never,
      logger,
      announce: () =>
        logger.info({ url: ingress.url, ops: ops.url, log: log.name, sources: sources.map(({ name }) => name) }, "ingress listens"),
      stop: async () => {
        await following.stop();
        await ingress.stop({ graceMs: GRACE_MS });
        await ops.stop();
      },
    });
  } finally {
    await context.close();
  }
}

/** Beside a connector on the same machine the usual port is taken: unless one was asked for, any free one does. */
async function startOps(given: { ingress: Ingress; options: OpsOptions; env: Record<string, string | undefined> }): Promise<OpsServer> {
  const { ingress, options, env } = given;
  const start = (port: number) => startIngressOps({ port, host: opsHost(options, env), ingress });
  try {
    return await start(opsPort(options, env));
  } catch (error) {
    if (opsPortAsked(options, env) || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return start(0);
  }
}
