import { readFileSync, statSync } from "node:fs";
import { RoutesFileError, UsageError } from "../../errors.ts";

const MAX_BYTES = 1_000_000;

/** @throws {UsageError} when there is no such file or it cannot be one, {RoutesFileError} when it is not UTF-8. */
export function readRoutesFile(path: string): string {
  return decode(path, readBytes(path));
}

function readBytes(path: string): Buffer {
  try {
    const stats = statSync(path);
    if (stats.isDirectory())
      throw new UsageError(`${path} is a folder, not a file`, { hint: "Name the file itself: --routes folder/routes.yaml." });
    if (stats.size > MAX_BYTES) {
      throw new UsageError(`${path} is too large: ${Math.ceil(stats.size / 1000)} KB, at most ${MAX_BYTES / 1000} KB`, {
        hint: "Is it the right file?",
      });
    }
    return readFileSync(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new UsageError(`there is no file ${path}`, {
        hint: "Name it with --routes <file> or PATCHBAY_ROUTES; the default is routes.yaml in the working directory.",
      });
    }
    if (code === "EACCES" || code === "EPERM")
      throw new UsageError(`${path} may not be read by this user`, { hint: "Give the user of this process read access to it." });
    throw new UsageError(`${path} cannot be read (${String(code ?? "unknown")})`, { cause: error });
  }
}

function decode(path: string, bytes: Buffer): string {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const lines = bytes.toString("latin1").split("\n");
  const bad = utf16 ? 0 : lines.findIndex((line) => !decodes(decoder, Buffer.from(line, "latin1")));
  if (bad === -1) return decoder.decode(bytes);
  const problem = {
    file: path,
    line: bad + 1,
    column: 1,
    message: utf16 ? "the file is UTF-16" : "this line is not UTF-8",
    hint: "Save the file as UTF-8.",
    severity: "error" as const,
  };
  throw new RoutesFileError([problem], "");
}

function decodes(decoder: TextDecoder, bytes: Buffer): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
