import { type Failure, OpenError, outcomeOfNetworkError } from "../connector/index.ts";
import { RoutesFileError } from "../errors.ts";
import { printable } from "../lib/text/printable.ts";
import { asTyped } from "../lib/text/typed-command.ts";

/** The failure that a throw of a connector stands for. Settings are the file's: @throws {RoutesFileError} on. */
export function failureOf(error: unknown): Failure {
  if (error instanceof RoutesFileError) throw error;
  if (error instanceof OpenError) return error.outcome;
  const network = outcomeOfNetworkError(error);
  if (network) return network;
  const message = error instanceof Error ? error.message.split("\n")[0] : String(error);
  return { kind: "retry", because: "down", code: "connector_fault", reason: `the connector failed: ${message}` };
}

/** `unauthorized (HTTP 401): Discord refuses the credential. Copy the webhook's address again …`: the code once, as people write it. */
export function sentenceOf(failure: Failure): string {
  const kind = failure.kind === "retry" && failure.because === "down" ? "not reachable" : failure.kind;
  const code = "code" in failure ? failure.code.replace(/^http_/, "HTTP ") : "";
  const reason = failure.reason.replace(` (${code})`, "");
  const shown = code === "" || reason.includes(code) ? "" : ` (${code})`;
  const fix = "fix" in failure ? `. ${asTyped(failure.fix)}` : "";
  return printable(`${kind}${shown}: ${reason}${fix}`);
}
