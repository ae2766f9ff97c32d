/** The only file that knows every concrete part: it opens engines by their URLs and starts what a command needs. */
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { hostname } from "node:os";
import type { Registry } from "prom-client";
import type { AttemptEvent, DeliveryEvent, RouteTrouble } from "./delivery/pipeline/events.ts";
import { startHeartbeat } from "./delivery/process/heartbeat.ts";
import { bindLedgerToLog } from "./delivery/process/log-binding.ts";
import { runRoutes } from "./delivery/process/run.ts";
import { createStallDetector } from "./delivery/process/stall-detector.ts";
import type { RouteWorker } from "./delivery/route/worker.ts";
import { UsageError } from "./errors.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { explainFileError } from "./lib/files/file-errors.ts";
import type { Logger } from "./lib/process/logger.ts";
import { keepBeforeMigration } from "./lib/sqlite/copy.ts";
import type { OpenSqliteOptions } from "./lib/sqlite/open.ts";
import { type Clock, systemClock } from "./lib/time/clock.ts";
import type { Log } from "./log/log.ts";
import type { UnknownSeen } from "./model/unknown-calls.ts";
import { createAttemptMetrics } from "./monitoring/attempt-metrics.ts";
import type { Route, Routes } from "./route.ts";

export const DEFAULT_LOG_URL = "sqlite:data/patchbay.db";
export const DEFAULT_LEDGER_URL = "sqlite:data/ledger.db";

/** A claim outlives an attempt (15 s) by as much again, and is renewed for as long as its process lives: after a crash others wait this long. */
const LEASE_MS = 30_000;

/** How an engine is opened. */
export interface OpenAs {
  /** For commands: an embedded file, or a topic, that is not there is no empty log, but another place. Nothing is made, nothing is migrated. */
  mustExist?: boolean;
  /** For commands that only look. `watch`: they see what others write meanwhile. */
  access?: "write" | "look" | "watch";
  /** Before an embedded file is brought to a later version; `false` where it is a copy itself. Default true. */
  keepsCopy?: boolean;
}

/** @throws {UsageError} for a URL of no engine, {UnreachableError} when Kafka does not answer. */
export async function openLog(options: OpenAs & { url: string; logger: Logger }): Promise<Log> {
  const { url, logger, mustExist = false, access, keepsCopy = true } = options;
  if (url.startsWith("sqlite:")) {
    const path = url.slice("sqlite:".length);
    if (mustExist) refuseMissing("log", path);
    const { openSqliteLog } = await import("./log/sqlite/index.ts");
    return openSqliteLog({ path, mustExist, access, beforeMigration: keepsCopy ? keepCopy("log", logger) : undefined });
  }
  if (url.startsWith("kafka:")) {
    const { openKafkaLog } = await import("./log/kafka/index.ts");
    return openKafkaLog({
      url,
      mustExist,
      onEvent: ({ severity, ...event }) => logger[severity === "error" ? "error" : "warn"](event, "kafka"),
    });
  }
  throw new UsageError(`the log "${schemeOf(url)}" is not known`, {
    hint: "Use sqlite:<file> for the embedded log or kafka://host:9092,host:9092 (--log or PATCHBAY_LOG).",
  });
}

/** @throws {UsageError} for a URL of no engine, {UnreachableError} when PostgreSQL does not answer. */
export async function openLedger(options: OpenAs & { url: string; logger?: Logger }): Promise<Ledger> {
  const { url, logger, mustExist = false, access, keepsCopy = true } = options;
  if (url.startsWith("sqlite:")) {
    const path = url.slice("sqlite:".length);
    if (mustExist) refuseMissing("ledger", path);
    const { openSqliteLedger } = await import("./ledger/sqlite/index.ts");
    return openSqliteLedger({ path, mustExist, access, beforeMigration: keepsCopy ? keepCopy("ledger", logger) : undefined });
  }
  if (/^postgres(ql)?:/.test(url)) {
    const { openPostgresLedger } = await import("./ledger/postgres/index.ts");
    return openPostgresLedger({ url, mustExist, access });
  }
  throw new UsageError(`the ledger "${schemeOf(url)}" is not known`, {
    hint: "Use sqlite:<file> or postgres://user:password@host/database (--ledger or PATCHBAY_LEDGER).",
  });
}

/** A program that is older than its files refuses them: to go back to it one needs the file as it was. */
function keepCopy(what: "log" | "ledger", logger: Logger | undefined): OpenSqliteOptions["beforeMigration"] {
  return ({ path, from, to }) => {
    const copy = keepBeforeMigration({ path, from });
    logger?.info({ file: path, from, to, copy }, `the ${what} is brought to a later version; a copy of it as it was is kept`);
  };
}

function refuseMissing(what: "log" | "ledger", path: string): void {
  try {
    statSync(path);
    return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw explainFileError(error, { path, what: `the ${what}` });
  }
  throw new UsageError(`there is no ${what} ${path}`, {
    hint: `\`patchbay up\` makes it; where it runs already, the file was removed beneath it, or it runs in another folder. Another one is named with --${what} (PATCHBAY_${what.toUpperCase()}).`,
  });
}

/** The part of a URL that cannot hold a password. */
function schemeOf(url: string): string {
  return /^[a-z0-9+.-]*:/i.exec(url)?.[0] ?? "(not a URL)";
}

export interface Connectors {
  readonly workers: RouteWorker[];
  /** Figures of the attempts at deliveries. */
  readonly attempts: Registry;
  /** Ids of routes that have calls to deliver, deliver none, and give no cause. */
  stuck(): string[];
  /** Calls that the file in use says too little of. */
  unknown(): UnknownSeen | undefined;
  /** An edit of routes.yaml, from now on. */
  use(next: { routes: Routes; selected: Route[] }): Promise<void>;
  /** An edit that cannot be used: every command that looks shows it. */
  refuse(problem: string): void;
  stop(options: { graceMs: number }): Promise<void>;
  /** Resolves when a route's engine gave up for good; the process should end with an error and be started again. */
  readonly failed: Promise<Error>;
}

/** Starts the workers of `selected` routes, each with a consumer group of its own. */
export async function startConnectors(options: {
  routes: Routes;
  selected: Route[];
  log: Log;
  ledger: Ledger;
  logger: Logger;
  /** Why the file is not used as it is now, where an earlier one is. */
  problem?: string | undefined;
  clock?: Clock;
  onEvent?: (event: DeliveryEvent) => void;
  onAttempt?: (event: AttemptEvent) => void;
}): Promise<Connectors> {
  const { routes, selected, log, ledger, logger, clock = systemClock, onEvent = () => undefined, onAttempt } = options;
  await bindLedgerToLog({ log, ledger, clock });

  const worker = `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`;
  let file: ReturnType<Parameters<typeof startHeartbeat>[0]["routesFile"]> = {
    version: routes.version,
    problem: options.problem,
    unknown: routes.unknown,
  };
  const attempts = createAttemptMetrics();
  const running = await runRoutes({
    routes,
    selected,
    log,
    ledger,
    worker,
    leaseMs: LEASE_MS,
    clock,
    onAttempt(event) {
      attempts.count(event);
      logAttempt(logger, event);
      onAttempt?.(event);
    },
    onEvent(event) {
      logEvent(logger, event);
      onEvent(event);
    },
    onTrouble: (trouble) => logTrouble(logger, trouble),
    onDestination: (destination, cause) => logDestination(logger, destination, cause),
  });
  const progress = createStallDetector({ running, log, clock });
  const replaced = Promise.withResolvers<Error>();
  const heartbeat = startHeartbeat({
    running,
    worker,
    routesFile: () => file,
    log,
    ledger,
    clock,
    onForeignLog: (why) => replaced.resolve(new Error(why)),
  });

  return {
    get workers() {
      return running.workers;
    },
    attempts: attempts.registry,
    failed: Promise.race([running.failed, replaced.promise]),
    stuck: progress.stuck,
    unknown: () => file.unknown?.(),
    async use(next) {
      await running.use(next);
      file = { version: next.routes.version, problem: undefined, unknown: next.routes.unknown };
    },
    refuse(problem) {
      file = { ...file, problem };
    },
    async stop({ graceMs }) {
      await Promise.all([running.stop({ graceMs }), progress.stop()]);
      await heartbeat.stop();
    },
  };
}

/** For another route, or for its place at a limiter: nothing is wrong then. */
const ORDINARY_WAITS = new Set(["after", "paced"]);

function logEvent(logger: Logger, event: DeliveryEvent): void {
  const { receipt, ...rest } = { receipt: undefined, ...event };
  const fields = receipt === undefined ? rest : { ...rest, receipt: receipt.id };
  if (event.kind === "dead") logger.error(fields, "dead letter");
  else if (event.kind === "waiting" && !ORDINARY_WAITS.has(event.errorCode)) logger.warn(fields, "waiting");
  else logger.debug(fields, event.kind);
}

function logAttempt(logger: Logger, { outcome, ...event }: AttemptEvent): void {
  if (!logger.isLevelEnabled("debug")) return;
  logger.debug({ ...event, outcome: outcome.kind, code: "code" in outcome ? outcome.code : undefined }, "attempt");
}

function logDestination(logger: Logger, destination: string, cause: string | undefined): void {
  if (cause === undefined) logger.info({ destination }, "destination resumed");
  else logger.error({ destination, cause }, "destination paused");
}

function logTrouble(logger: Logger, { route, cause, continues }: RouteTrouble): void {
  if (cause === undefined) logger.info({ route }, "route resumed");
  else if (continues) logger.warn({ route, cause }, "route continues without it");
  else logger.error({ route, cause }, "route paused");
}
