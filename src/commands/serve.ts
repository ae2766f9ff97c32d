import type { ExitCode } from "../errors.ts";
import { TimeoutError, withTimeout } from "../lib/async/timeout.ts";
import type { Logger } from "../lib/process/logger.ts";

/** Attempts end within 15 s; container platforms grant 30 s. */
const GRACE_MS = 25_000;
/** For what has a grace and is not over after it, and for parts of others that never end. */
const STOP_WITHIN_MS = GRACE_MS + 3_000;
/** A start that a signal meets may end by itself; Kafka's can take 20 s. */
const START_WITHIN_MS = 3_000;

/** What a process has started, in its order. It is stopped in the reverse order, also when a later part cannot be started. */
export interface Parts {
  /** Aborted when the process is to end before everything has started: what waits in a start gives up. */
  readonly abandoned: AbortSignal;
  /** The part, once it has started. `graceMs` is what is left of the time that a process has to stop. */
  start<Part>(starting: Part | Promise<Part>, stop: (part: Part, graceMs: number) => void | Promise<void>): Promise<Part>;
}

export interface Running {
  /** Resolves when an engine gave up for good. */
  failed?: Promise<Error>;
  /** It has done what it was started for: it stops by itself. */
  over?: boolean;
  /** Says that it runs; who reads it may stop us in the same moment. */
  announce?: () => void;
}

/**
 * Starts a process' parts and runs until SIGTERM or Ctrl-C, then stops them all. A second signal ends the process at once, whatever it does.
 * When `failed` resolves first it stops too and the exit code is 1, so that the supervisor restarts the process.
 * @throws what `start` throws, once all that had started is stopped.
 */
export async function serve(options: { logger: Logger; start: (parts: Parts) => Promise<Running> }): Promise<ExitCode> {
  const { logger, start } = options;
  const signals = listenForSignals(logger);
  const parts = createParts();
  const starting = start(parts);
  let first: Running | NodeJS.Signals;
  try {
    first = await Promise.race([starting, signals.first]);
  } catch (error) {
    await parts.stop(STOP_WITHIN_MS).catch(() => undefined);
    throw error;
  }
  if (typeof first === "string") {
    logger.info({ signal: first }, "stopping before everything has started");
    parts.abandon();
    // What it throws now is nobody's concern any more.
    await withTimeout(START_WITHIN_MS, starting).catch(() => undefined);
    await parts.stop(START_WITHIN_MS).catch(() => undefined);
    return 0;
  }
  first.announce?.();
  const end = first.over ? undefined : await Promise.race([signals.first, first.failed ?? never]);
  if (end === undefined) logger.info("done");
  else if (typeof end === "string") logger.info({ signal: end }, "stopping: letting attempts end");
  else logger.fatal({ reason: end.message }, "the log's engine gave up; ending so that a restart can repair it");
  try {
    await parts.stop(STOP_WITHIN_MS);
    logger.info("stopped");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.error(
      { reason },
      error instanceof TimeoutError ? "not everything has stopped in time; ending all the same" : "stopped, not in order",
    );
  }
  return end instanceof Error ? 1 : 0;
}

const never = new Promise<never>(() => undefined);

function createParts(): Parts & { abandon(): void; stop(withinMs: number): Promise<void> } {
  const abandoned = new AbortController();
  const stack = new AsyncDisposableStack();
  let stopBy = Number.POSITIVE_INFINITY;
  return {
    abandoned: abandoned.signal,
    abandon: () => abandoned.abort(),
    async start(starting, stop) {
      const part = await starting;
      // Too late: everything else is stopped already.
      if (stack.disposed) await stop(part, 0);
      else stack.defer(() => stop(part, Math.max(0, stopBy - performance.now())));
      return part;
    },
    async stop(withinMs) {
      stopBy = performance.now() + Math.min(GRACE_MS, withinMs);
      await withTimeout(withinMs, stack.disposeAsync());
    },
  };
}

/** Node as PID 1 of a container obeys no signal that it does not listen for: so from the very beginning. */
function listenForSignals(logger: Logger): { first: Promise<NodeJS.Signals> } {
  const first = Promise.withResolvers<NodeJS.Signals>();
  let asked = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (asked) {
      logger.warn({ signal }, "second signal: ending at once; what was under way is taken up again after the restart");
      process.exit(1);
    }
    asked = true;
    first.resolve(signal);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, onSignal);
  return { first: first.promise };
}
