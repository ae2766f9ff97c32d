import type { ExitCode } from "../errors.ts";
import { readTrustedProxies } from "../ingress/client-address.ts";
import { type Ingress, type IngressOptions, startIngress } from "../ingress/index.ts";
import { readQuota } from "../ingress/quota.ts";
import { refuseDenied } from "../log/may-store.ts";
import type { OpsServer } from "../monitoring/http.ts";
import { startIngressOps } from "../monitoring/ingress.ts";
import { readRoutesFile } from "../routes/file/read-file.ts";
import { type CommonOptions, createContext } from "./context.ts";
import { type Environment, setting } from "./environment.ts";
import { followSources } from "./live-sources.ts";
import { onceUsable } from "./once-usable.ts";
import { type OpsOptions, opsHost, opsPort, opsPortAsked } from "./ops-options.ts";
import { serve } from "./serve.ts";
import { warnOfSurroundings } from "./surroundings.ts";

const DEFAULT_PORT = 8080;

export interface WebhookOptions {
  port?: number;
  host?: string;
}

export type IngressSettings = Pick<IngressOptions, "port" | "host" | "trustedProxies" | "quotaBytes" | "closeAfterMs">;

/** Where the webhooks listen and what they let in, by flags and the environment. @throws {UsageError} for a value that cannot be read. */
export function ingressSettings(options: WebhookOptions, env: Environment): IngressSettings {
  const host = options.host ?? setting(env, "PATCHBAY_HOST");
  const quota = setting(env, "PATCHBAY_SOURCE_QUOTA");
  return {
    port: options.port ?? setting(env, "PORT") ?? DEFAULT_PORT,
    ...(host ? { host } : {}),
    trustedProxies: readTrustedProxies(setting(env, "PATCHBAY_TRUSTED_PROXIES") ?? ""),
    ...(quota ? { quotaBytes: readQuota(quota) } : {}),
    closeAfterMs: setting(env, "PATCHBAY_CLOSE_AFTER") ?? 0,
  };
}

/** `patchbay ingress`: the webhook endpoint alone. */
export async function ingressCommand(options: CommonOptions & WebhookOptions & OpsOptions & { wait?: boolean }): Promise<ExitCode> {
  const context = createContext(options);
  const { logger, env } = context;
  return serve({
    logger,
    async start(parts) {
      const settings = ingressSettings(options, env);
      const asked = { port: opsPort(options, env), host: opsHost(options, env), portAsked: opsPortAsked(options, env) };
      await parts.start(context, () => context.close());
      const load = async () => {
        const text = readRoutesFile(context.path);
        return { text, sources: await context.sources(text) };
      };
      const { text, sources } = await (options.wait ? onceUsable({ path: context.path, load, parts, logger }) : load());
      warnOfSurroundings({ context, routesText: text });
      const log = await context.log();
      await refuseDenied(log);
      const ingress = await parts.start(startIngress({ sources, log, logger, ...settings }), (one, graceMs) => one.stop({ graceMs }));
      const ops = await parts.start(startOps({ ingress, ...asked }), (one) => one.stop());
      await parts.start(followSources({ context, text, use: ingress.use }), (one) => one.stop());
      return {
        announce: () =>
          logger.info({ url: ingress.url, ops: ops.url, log: log.name, sources: sources.map(({ name }) => name) }, "ingress listens"),
      };
    },
  });
}

/** Beside a connector on the same machine the usual port is taken: unless one was asked for, any free one does. */
async function startOps(given: { ingress: Ingress; port: number; host: string | undefined; portAsked: boolean }): Promise<OpsServer> {
  const { ingress, port, host, portAsked } = given;
  try {
    return await startIngressOps({ port, host, ingress });
  } catch (error) {
    if (portAsked || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return startIngressOps({ port: 0, host, ingress });
  }
}
