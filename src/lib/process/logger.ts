import { type Logger, pino } from "pino";
import { printableOutput } from "../text/printable.ts";
import { asTyped } from "../text/typed-command.ts";
import { readableLogLine } from "./log-line.ts";
import { writeStderr } from "./stderr.ts";

export type { Logger } from "pino";

/** pino's number for `error`. */
const ERROR_LEVEL = 50;

let dropped = 0;

/** Lines of this process that nobody read and that were dropped, since its start. */
export function droppedLines(): number {
  return dropped;
}

/**
 * JSON lines on stderr; on a terminal lines for people. What may be logged is decided where it is logged: ids, codes, counts and durations,
 * never a number, a name, a summary or a transcript. `Secret`s print as `[secret]` by themselves.
 * A line never waits for its reader: while nobody reads, lines are dropped, and the next one that is read is preceded by their number.
 */
export function createLogger(options: { level?: string } = {}): Logger {
  const { level = process.env.PATCHBAY_LOG_LEVEL ?? "info" } = options;
  let unsaid = 0;
  const destination = {
    // Makes pino write the level of each line to `lastLevel` beforehand.
    [Symbol.for("pino.metadata")]: true,
    lastLevel: 0,
    write(line: string): void {
      const urgent = destination.lastLevel >= ERROR_LEVEL;
      if (unsaid > 0 && writeStderr(forReader(lineOfDropped(unsaid)))) unsaid = 0;
      if (writeStderr(line, { urgent })) return;
      unsaid += 1;
      dropped += 1;
    },
  };
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod(args, method) {
          method.apply(this, args.map(withTypedCommands) as typeof args);
        },
        streamWrite: (line) => forReader(printableOutput(line)),
      },
    },
    destination,
  );
}

/** Fields that hold a sentence of ours. */
const SENTENCES = new Set(["cause", "hint", "problem"]);

function withTypedCommands(logged: unknown): unknown {
  if (typeof logged === "string") return asTyped(logged);
  if (typeof logged !== "object" || logged === null || logged instanceof Error) return logged;
  const isSentence = ([name, value]: [string, unknown]) => SENTENCES.has(name) && typeof value === "string";
  const entries = Object.entries(logged);
  if (!entries.some(isSentence)) return logged;
  return Object.fromEntries(entries.map((entry) => (isSentence(entry) ? [entry[0], asTyped(entry[1])] : entry)));
}

/** A person reads a terminal, a program everything else; each line is one write, which is what the reader gets. */
const forReader = process.stderr.isTTY ? readableLogLine : (line: string) => line;

/** In the form of all the others. */
function lineOfDropped(lines: number): string {
  const msg = "log lines were dropped, since nobody read them";
  return `${JSON.stringify({ level: "warn", time: new Date().toISOString(), pid: process.pid, dropped: lines, msg })}\n`;
}
