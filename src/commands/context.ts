import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { DEFAULT_LEDGER_URL, DEFAULT_LOG_URL, openLedger, openLog } from "../app.ts";
import type { ExitCode } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { createLogger, type Logger } from "../lib/logger.ts";
import type { Log } from "../log/log.ts";
import type { LoadedRoutes, Role, Source } from "../routes/index.ts";

/** Options that every command takes; a flag wins over its variable, the environment over `.env`. */
export interface CommonOptions {
  routes?: string;
  log?: string;
  ledger?: string;
  json?: boolean;
}

export type Environment = Record<string, string | undefined>;

/** The environment, with what `.env` in the working directory adds to it. */
export function readEnvironment(): Environment {
  let fromFile: Environment = {};
  try {
    fromFile = parseEnv(readFileSync(".env", "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return { ...fromFile, ...process.env };
}

/** What a command works with; engines are opened when first asked for and closed by `close`. */
export interface Context {
  env: Environment;
  logger: Logger;
  /** The sources alone: what the ingress needs. */
  sources(text?: string): Promise<Source[]>;
  /** `text` in place of the file's. */
  routes(role: Role, text?: string): Promise<LoadedRoutes>;
  /** Of the routes file. */
  path: string;
  log(): Promise<Log>;
  ledger(): Promise<Ledger>;
  close(): Promise<void>;
}

/** `looksOnly`: the command makes no log and no ledger where there is none. */
export function createContext(options: CommonOptions & { looksOnly?: boolean }): Context {
  const env = readEnvironment();
  const path = options.routes ?? env.PATCHBAY_ROUTES ?? "routes.yaml";
  const logger = createLogger({ level: env.PATCHBAY_LOG_LEVEL });
  let log: Promise<Log> | undefined;
  let ledger: Promise<Ledger> | undefined;

  return {
    env,
    logger,
    // Loaded when asked for: an ingress without connectors, CEL and templates is 30 MB smaller.
    async sources(text) {
      const { loadIngressSources } = await import("../routes/ingress-sources.ts");
      return loadIngressSources({ path, env, ...(text === undefined ? {} : { text }) });
    },
    path,
    async routes(role, text) {
      const [{ loadRoutes }, { readRoutesFile }] = await Promise.all([import("../routes/load.ts"), import("../routes/read-file.ts")]);
      const now = text ?? readRoutesFile(path);
      const { connectors, findings } = await connectorsOf({ path, text: now });
      return loadRoutes({ path, text: now, env, connectors, connectorFindings: findings, role });
    },
    log() {
      log ??= openLog({ url: options.log ?? env.PATCHBAY_LOG ?? DEFAULT_LOG_URL, logger, mustExist: options.looksOnly });
      return log;
    },
    ledger() {
      ledger ??= openLedger({ url: options.ledger ?? env.PATCHBAY_LEDGER ?? DEFAULT_LEDGER_URL, logger, mustExist: options.looksOnly });
      return ledger;
    },
    async close() {
      for (const opened of [log, ledger]) await opened?.then((engine) => engine.close()).catch(() => undefined);
    },
  };
}

/** Ours and those that the routes file names. */
async function connectorsOf(file: { path: string; text: string }) {
  const [{ connectors }, { withExternalConnectors }] = await Promise.all([
    import("../../connectors/index.ts"),
    import("../routes/external-connectors.ts"),
  ]);
  return withExternalConnectors({ ...file, ours: connectors });
}

/** Runs a command that makes no log and no ledger where there is none, and closes what it opened. */
export async function withContext(options: CommonOptions, run: (context: Context) => Promise<ExitCode>): Promise<ExitCode> {
  const context = createContext({ ...options, looksOnly: true });
  try {
    return await run(context);
  } finally {
    await context.close();
  }
}
