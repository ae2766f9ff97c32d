import { readFileSync } from "node:fs";
import { UsageError } from "../errors.ts";
import { explainFileError } from "../lib/files/file-errors.ts";

/**
 * The ledger's URL with a password from a variable or a file: within a URL `@`, `/` and `%` would have to be encoded.
 * @throws {UsageError} when there are two passwords, the URL is not one of PostgreSQL, or the file cannot be read; its message has no part of a
 * password.
 */
export function withPassword(url: string, given: { password?: string | undefined; file?: string | undefined }): string {
  const { password, file } = given;
  if (password === undefined && file === undefined) return url;
  if (password !== undefined && file !== undefined) {
    throw new UsageError("PATCHBAY_LEDGER_PASSWORD and PATCHBAY_LEDGER_PASSWORD_FILE are both set", { hint: "Unset one of them." });
  }
  const found = /^(?<scheme>postgres(?:ql)?:\/\/)(?:(?<user>[^/?#:@]*)@)?(?<rest>[^@]*)$/.exec(url)?.groups;
  if (!found) {
    // An embedded ledger has no password: the variable is for another process of the same environment.
    if (!/^postgres(ql)?:/.test(url)) return url;
    throw new UsageError("the ledger's URL has a password, or cannot be read, and PATCHBAY_LEDGER_PASSWORD is set", {
      hint: "Beside it PATCHBAY_LEDGER has the form postgres://user@host:5432/database.",
    });
  }
  return `${found.scheme}${found.user ?? ""}:${encodeURIComponent(password ?? readPassword(String(file)))}@${found.rest}`;
}

function readPassword(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw explainFileError(error, { path, what: "the file of the ledger's password (PATCHBAY_LEDGER_PASSWORD_FILE)" });
  }
  // Editors and `echo` end a file with a line break that no password has.
  const password = text.replace(/^\uFEFF/, "").replace(/\r?\n$/, "");
  if (password === "")
    throw new UsageError(`${path} is empty`, { hint: "It holds the ledger's password alone (PATCHBAY_LEDGER_PASSWORD_FILE)." });
  return password;
}
