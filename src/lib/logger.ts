import { type Logger, pino } from "pino";
import { printableOutput } from "./printable.ts";

export type { Logger } from "pino";

/**
 * JSON lines on stderr. What may be logged is decided where it is logged: ids, codes, counts and durations,
 * never a number, a name, a summary or a transcript. `Secret`s print as `[secret]` by themselves.
 */
export function createLogger(options: { level?: string } = {}): Logger {
  const { level = process.env.PATCHBAY_LOG_LEVEL ?? "info" } = options;
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: printableOutput },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
