import { readFileSync } from "node:fs";
import { DEFAULT_LEDGER_URL, DEFAULT_LOG_URL, openLedger, openLog } from "../app.ts";
import type { ExitCode, Problem } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { withPassword } from "../ledger/password.ts";
import { createLogger, type Logger } from "../lib/process/logger.ts";
import type { Log } from "../log/log.ts";
import type { LoadedRoutes, Role, Source } from "../routes/index.ts";
import { type Environment, readEnvironment, setting, unknownSettings } from "./environment.ts";

/** Options that every command takes; a flag wins over its variable, the environment over `.env`. */
export interface CommonOptions {
  routes?: string;
  log?: string;
  ledger?: string;
  json?: boolean;
}

/** What a command works with; engines are opened when first asked for and closed by `close`. */
export interface Context {
  env: Environment;
  logger: Logger;
  /** The sources alone: what the ingress needs. */
  sources(text?: string): Promise<Source[]>;
  /** `text` in place of the file's; with a `version` it is a copy that the ledger keeps. */
  routes(role: Role, file?: { text: string; version?: string }): Promise<LoadedRoutes>;
  /** Of the routes file. */
  path: string;
  /** They may hold passwords. */
  urls: { log: string; ledger: string };
  log(): Promise<Log>;
  ledger(): Promise<Ledger>;
  close(): Promise<void>;
}

/** How a command meets log and ledger. */
export interface Access {
  /** It makes none where there is none, and migrates none: that is what the processes do that run. */
  looksOnly?: boolean;
  /** It writes nothing into them either; `watch`: it sees what others write meanwhile. */
  access?: "look" | "watch";
}

/**
 * @param options.withoutCode connectors that the routes file names are not run.
 * @throws {UsageError} when `.env` cannot be read, or a variable of ours that every command uses cannot be meant.
 */
export function createContext(options: CommonOptions & Access & { withoutCode?: boolean }): Context {
  const env = readEnvironment();
  const path = options.routes ?? setting(env, "PATCHBAY_ROUTES") ?? "routes.yaml";
  const logger = createLogger({ level: setting(env, "PATCHBAY_LOG_LEVEL") ?? "info" });
  const { access, looksOnly: mustExist = access !== undefined } = options;
  const as = access === undefined ? { mustExist } : { mustExist, access };
  const urls = {
    log: options.log ?? setting(env, "PATCHBAY_LOG") ?? DEFAULT_LOG_URL,
    ledger: withPassword(options.ledger ?? setting(env, "PATCHBAY_LEDGER") ?? DEFAULT_LEDGER_URL, {
      password: setting(env, "PATCHBAY_LEDGER_PASSWORD"),
      file: setting(env, "PATCHBAY_LEDGER_PASSWORD_FILE"),
    }),
  };
  // A process that runs says it in its log. The file is read for it only where a variable is in question.
  if (mustExist && unknownSettings(env, "").length > 0)
    for (const said of unknownSettings(env, textOf(path))) console.error(`warning  ${said}`);
  let log: Promise<Log> | undefined;
  let ledger: Promise<Ledger> | undefined;

  return {
    env,
    logger,
    // Loaded when asked for: an ingress without connectors, CEL and templates is 30 MB smaller.
    async sources(text) {
      const { loadIngressSources } = await import("../routes/file/ingress-sources.ts");
      return loadIngressSources({
        path,
        env: readEnvironment(),
        onWarnings: (found) => logWarnings(logger, found),
        ...(text === undefined ? {} : { text }),
      });
    },
    path,
    urls,
    async routes(role, file) {
      const [{ loadRoutes }, { readRoutesFile }] = await Promise.all([import("../routes/load.ts"), import("../routes/file/read-file.ts")]);
      const { text, version } = file ?? { text: readRoutesFile(path) };
      const { withoutCode } = options;
      const { connectors, findings } = await connectorsOf({ path, text, withoutCode });
      // Variables are read again at each load: one that was added to .env needs no restart.
      return loadRoutes({ path, text, version, env: readEnvironment(), connectors, connectorFindings: findings, withoutCode, role });
    },
    log() {
      log ??= openLog({ url: urls.log, logger, ...as });
      return log;
    },
    ledger() {
      ledger ??= openLedger({ url: urls.ledger, logger, ...as });
      return ledger;
    },
    async close() {
      for (const opened of [log, ledger]) await opened?.then((engine) => engine.close()).catch(() => undefined);
    },
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Ours and those that the routes file names. */
async function connectorsOf({ withoutCode, ...file }: { path: string; text: string; withoutCode?: boolean | undefined }) {
  const [{ connectors }, { withExternalConnectors }] = await Promise.all([
    import("../../connectors/index.ts"),
    import("../routes/plugins/external-connectors.ts"),
  ]);
  return withoutCode ? { connectors, findings: [] } : withExternalConnectors({ ...file, ours: connectors });
}

/** What is worth a look in a file that is used, at each load of a process that runs: one line of the log. */
export function logWarnings(logger: Logger, warnings: readonly Problem[]): void {
  if (warnings.length === 0) return;
  const found = warnings.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`);
  logger.warn({ warnings: found }, "the routes file is used, and has something to look at: patchbay check shows it");
}

/** Runs a command that makes no log and no ledger where there is none, and closes what it opened. */
export async function withContext(
  options: CommonOptions,
  run: (context: Context) => Promise<ExitCode>,
  access: Pick<Access, "access"> = {},
): Promise<ExitCode> {
  const context = createContext({ ...options, looksOnly: true, ...access });
  try {
    return await run(context);
  } finally {
    await context.close();
  }
}

/** The same for a command that only looks: it writes nothing, so that a copy of the rights to read is enough. */
export function lookWithContext(options: CommonOptions, run: (context: Context) => Promise<ExitCode>): Promise<ExitCode> {
  return withContext(options, run, { access: "look" });
}
