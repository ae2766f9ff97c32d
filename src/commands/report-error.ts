import { styleText } from "node:util";
import { RoutesFileError, UnreachableError, UsageError } from "../errors.ts";
import { formatProblems } from "../routes/format.ts";

/** Says on stderr what went wrong and what to do; gives the exit code. */
export function reportError(error: unknown): number {
  const stream = process.stderr;
  const red = (text: string) => styleText("red", text, { stream });

  if (error instanceof RoutesFileError) {
    stream.write(`${formatProblems(error, { color: stream.isTTY })}\n`);
    return error.exitCode;
  }
  if (error instanceof UsageError || error instanceof UnreachableError) {
    stream.write(`${red("error")}  ${error.message}\n`);
    if (error.hint !== undefined) stream.write(`       ${error.hint}\n`);
    return error.exitCode;
  }
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (code === "EADDRINUSE" || code === "EACCES") {
    const what = code === "EADDRINUSE" ? "is taken by another program" : "may not be opened by this user";
    stream.write(`${red("error")}  port ${port} ${what}${address ? ` (${address})` : ""}\n`);
    stream.write("       Give another one: --port (PORT) for webhooks, --ops-port (PATCHBAY_OPS_PORT) for health and metrics.\n");
    return 2;
  }
  // A fault of ours: the stack is what a report needs, and it holds code places only.
  stream.write(`${red("error")}  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}
