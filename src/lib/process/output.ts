/** stdout and stderr of this process: the one place in which what commands print leaves it. */
import { format } from "node:util";
import { printableOutput } from "../text/printable.ts";

type Output = NodeJS.WriteStream & { fd: 1 | 2 };

/** By stream: why it takes nothing more. */
const ended = new Map<Output, NodeJS.ErrnoException>();

/**
 * From now on `console` writes what a terminal may be trusted with, an SDK's own words too, and a reader that is gone (`| head`) ends nothing
 * by itself: what is printed afterwards is dropped, and a command that only prints looks at {@link readerIsGone}.
 */
export function protectOutput(): void {
  for (const stream of [process.stdout, process.stderr] as const) {
    // Without a listener, Node ends the process with a stack trace, whatever it is doing.
    stream.on("error", (error) => ended.set(stream, error));
  }
  for (const method of ["log", "info", "debug"] as const) console[method] = (...said: unknown[]) => write(process.stdout, said);
  for (const method of ["error", "warn"] as const) console[method] = (...said: unknown[]) => write(process.stderr, said);
}

function write(stream: Output, said: unknown[]): void {
  if (ended.has(stream)) return;
  stream.write(`${printableOutput(format(...said))}\n`);
}

/** Nobody reads stdout any more. */
export function readerIsGone(): boolean {
  return ended.has(process.stdout);
}

/** A terminal is wiped, so that what is printed next stands at its top. */
export function clearScreen(): void {
  if (process.stdout.isTTY) process.stdout.write("\x1b[H\x1b[2J");
}

/** Writes over the last line of a terminal on stderr. */
export function overwriteLine(text: string): void {
  if (!ended.has(process.stderr)) process.stderr.write(`\r\x1b[K${printableOutput(text)}`);
}

/** How long stderr's reader may stand before the process ends without it; what it prints fits into a pipe. */
const LAST_WAIT_MS = 1_000;

/**
 * Resolves once stdout and stderr have taken what was written: `process.exit` would cut a pipe's output off after 64 KB.
 * @returns why stdout could not take all of it (a full disk); undefined when it could, and when its reader has left.
 */
export async function flushOutput(): Promise<NodeJS.ErrnoException | undefined> {
  await flush(process.stdout);
  // A file's write fails at once, and says so a moment later.
  await new Promise((resolve) => setImmediate(resolve));
  await Promise.race([flush(process.stderr), new Promise((resolve) => setTimeout(resolve, LAST_WAIT_MS))]);
  const error = ended.get(process.stdout);
  return error?.code === "EPIPE" ? undefined : error;
}

function flush(stream: Output): Promise<void> {
  return new Promise((resolve) => {
    if (ended.has(stream) || stream.writableLength === 0) return resolve();
    stream.once("error", () => resolve());
    stream.write("", () => resolve());
  });
}
