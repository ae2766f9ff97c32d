import { RoutesFileError, UsageError } from "../errors.ts";
import type { Logger } from "../lib/process/logger.ts";
import { writeStderr } from "../lib/process/stderr.ts";
import { formatProblems, problemLines, problemOf } from "../routes/diagnose/format.ts";

/** Logs why the routes file cannot be used: with its lines for a person at a terminal, as fields for the programs that read logs. */
export function logRefusal(options: { logger: Logger; error: unknown; message: string; fields?: Record<string, unknown> }): void {
  const { logger, error, message, fields } = options;
  const isOfFile = error instanceof RoutesFileError;
  const isTerminal = process.stderr.isTTY === true;
  const details = isOfFile
    ? isTerminal
      ? {}
      : { problems: problemLines(error) }
    : error instanceof UsageError
      ? { hint: error.hint }
      : {};
  logger.error({ problem: problemOf(error), ...details, ...fields }, message);
  if (isOfFile && isTerminal) writeStderr(`${formatProblems(error, { color: true })}\n`);
}

/** Logs each refusal of a watched file once: again only for another text, or another problem. */
export function createRefusalReport(logger: Logger, message: string): { refused(error: unknown, text: string): void; clear(): void } {
  let last: string | undefined;
  return {
    refused(error, text) {
      const now = `${problemOf(error)}\n${text}`;
      if (now !== last) logRefusal({ logger, error, message });
      last = now;
    },
    clear() {
      last = undefined;
    },
  };
}
