import type { ExitCode } from "../errors.ts";
import type { Logger } from "../lib/logger.ts";

/** Attempts end within 15 s; container platforms grant 30 s. */
export const GRACE_MS = 25_000;

/**
 * Runs until SIGTERM or Ctrl-C, then drains; a second signal ends the process at once. When `failed` resolves first
 * (an engine gave up for good) it drains too and the exit code is 1, so that whoever supervises us starts us again.
 * `announce` says that it runs, once a signal is obeyed: who reads it may stop us in the same moment.
 */
export async function runUntilStopped(options: {
  failed: Promise<Error>;
  announce?: () => void;
  stop: () => Promise<void>;
  logger: Logger;
}): Promise<ExitCode> {
  const { failed, announce, stop, logger } = options;
  const end = await new Promise<{ signal: NodeJS.Signals } | { error: Error }>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve({ signal }));
    void failed.then((error) => resolve({ error }));
    announce?.();
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      logger.warn({ signal }, "second signal: ending at once; what was under way is taken up again after the restart");
      process.exit(1);
    });
  }
  if ("error" in end) logger.fatal({ reason: end.error.message }, "the log's engine gave up; ending so that a restart can mend it");
  else logger.info({ signal: end.signal }, "stopping: letting attempts end");
  await stop();
  logger.info("stopped");
  return "error" in end ? 1 : 0;
}

/** A promise that never resolves: for processes in which nothing can give up. */
export const never = new Promise<Error>(() => undefined);
