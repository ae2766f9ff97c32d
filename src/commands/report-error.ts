import { styleText } from "node:util";
import { RoutesFileError, UnreachableError, UsageError } from "../errors.ts";
import { reasonOfFileError } from "../lib/files/file-errors.ts";
import { printableLines } from "../lib/text/printable.ts";
import { asTyped } from "../lib/text/typed-command.ts";
import { formatProblems } from "../routes/diagnose/format.ts";

/** Says on stderr what went wrong and what to do; gives the exit code. */
export function reportError(error: unknown): number {
  if (error instanceof RoutesFileError) {
    console.error(formatProblems(error, { color: process.stderr.isTTY }));
    return error.exitCode;
  }
  const known = error instanceof UsageError || error instanceof UnreachableError ? error : ofTheSystem(error);
  if (known) {
    say(known.message, known.hint);
    return known.exitCode;
  }
  // A fault of ours: the stack is what a report needs, and it holds code places only.
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}

function say(message: string, hint?: string): void {
  console.error(`${styleText("red", "error", { stream: process.stderr })}  ${printableLines(asTyped(message))}`);
  if (hint !== undefined) console.error(`       ${printableLines(asTyped(hint))}`);
}

const PORTS = "Give another one: --port (PORT) for webhooks, --ops-port (PATCHBAY_OPS_PORT) for health and metrics.";

/** What the system answered to a call of Node's: a port, a file. */
function ofTheSystem(error: unknown): UsageError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall, path, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (syscall === "listen" || syscall === "bind") {
    const why = LISTENING[code ?? ""] ?? `cannot be opened (${code})`;
    return new UsageError(`port ${port} ${why}${address ? ` (${address})` : ""}`, { hint: PORTS, cause: error });
  }
  const reason = syscall === undefined ? undefined : reasonOfFileError(error);
  if (!reason) return undefined;
  const what = path ?? (syscall === "write" ? "the output" : "a file");
  return new UsageError(`${what} cannot be used: ${reason.why}`, { hint: reason.hint, cause: error });
}

const LISTENING: Record<string, string> = {
  EADDRINUSE: "is taken by another program",
  EACCES: "may not be opened by this user",
  EADDRNOTAVAIL: "cannot be opened: this machine has no such address",
  EMFILE: "cannot be opened: this process has too many files open; raise its limit (ulimit -n)",
};
