import { readFileSync, statSync } from "node:fs";
import type { Path, RoutesDocument } from "./document.ts";
import type { Finding } from "./problems.ts";

export type Environment = Record<string, string | undefined>;

/** Piece of a text with variables: `${VAR}`, `${VAR:-default}`, `${file:/path}`; `$$` is a dollar sign. */
type Piece =
  | { kind: "text"; text: string }
  | { kind: "variable"; name: string; fallback: string | undefined; offset: number }
  | { kind: "file"; path: string; offset: number }
  | { kind: "wrong"; message: string; hint?: string; offset: number };

const MAX_SECRET_FILE_BYTES = 64 * 1024;

/** Whether a text asks for something from outside the file. */
export function hasVariables(text: string): boolean {
  return piecesOf(text).some((piece) => piece.kind !== "text");
}

function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  const literal = (piece: string) => {
    const last = pieces.at(-1);
    if (last?.kind === "text") last.text += piece;
    else if (piece !== "") pieces.push({ kind: "text", text: piece });
  };
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf("$", at);
    if (dollar === -1) break;
    literal(text.slice(at, dollar));
    if (text[dollar + 1] === "$") {
      literal("$");
      at = dollar + 2;
    } else if (text[dollar + 1] === "{") {
      const end = text.indexOf("}", dollar);
      if (end === -1) {
        pieces.push({ kind: "wrong", message: 'a "${" is never closed', hint: 'Write "$$" for a dollar sign.', offset: dollar });
        return pieces;
      }
      pieces.push(reference(text.slice(dollar + 2, end), dollar));
      at = end + 1;
    } else {
      literal("$");
      at = dollar + 1;
    }
  }
  literal(text.slice(at));
  return pieces;
}

function reference(inside: string, offset: number): Piece {
  if (inside.startsWith("file:")) {
    const path = inside.slice("file:".length);
    return path.trim() === "" ? { kind: "wrong", message: '"${file:}" names no file', offset } : { kind: "file", path, offset };
  }
  const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inside);
  if (!match) {
    return {
      kind: "wrong",
      message: "this is not a variable",
      hint: 'Variables are ${NAME}, ${NAME:-default} or ${file:/path}; "$$" is a dollar sign.',
      offset,
    };
  }
  return { kind: "variable", name: match[1] ?? "", fallback: match[2], offset };
}

export interface Resolved {
  value: unknown;
  findings: Finding[];
  /** Paths (below `base`) of texts that have no value here: not asked for, or with a finding. */
  open: Path[];
}

/**
 * Fills in the variables of every text in `value`. With `resolve: false` only their spelling is checked and every text that holds one is `open`.
 * Values never appear in findings.
 */
export function resolveVariables(options: {
  value: unknown;
  base: Path;
  document: RoutesDocument;
  env: Environment;
  resolve: boolean;
  /** Whether the text at a path must not be empty. */
  isSecret?: (path: Path) => boolean;
}): Resolved {
  const { base, document, env, resolve, isSecret = () => false } = options;
  const findings: Finding[] = [];
  const open: Path[] = [];

  function resolveText(text: string, path: Path): string {
    const pieces = piecesOf(text);
    const outside = pieces.filter((piece) => piece.kind !== "text");
    const before = findings.length;
    const place = (offset: number) => document.inside([...base, ...path], offset);
    let result = "";
    for (const piece of pieces) {
      if (piece.kind === "text") result += piece.text;
      else if (piece.kind === "wrong") findings.push({ at: place(piece.offset), message: piece.message, hint: piece.hint });
      else if (resolve) {
        const got = piece.kind === "file" ? fromFile(piece.path) : fromEnvironment(piece, env);
        if (typeof got === "string") result += got;
        else findings.push({ at: place(piece.offset), ...got });
      }
    }
    const failed = findings.length > before;
    if (failed || (!resolve && outside.length > 0)) {
      open.push(path);
      return text;
    }
    const [first] = outside;
    if (result === "" && first && isSecret(path)) {
      const what = first.kind === "variable" ? `\${${first.name}} is set, but empty` : "the file is empty";
      findings.push({ at: place(0), message: `"${nameOf([...base, ...path])}" is empty: ${what}`, hint: "A secret cannot be empty." });
      open.push(path);
    }
    return result;
  }

  function walk(value: unknown, path: Path): unknown {
    if (typeof value === "string") return resolveText(value, path);
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
    }
    return value;
  }

  return { value: walk(options.value, []), findings, open };
}

function nameOf(path: Path): string {
  return String(path.findLast((part) => typeof part === "string") ?? "");
}

function fromEnvironment(piece: { name: string; fallback: string | undefined }, env: Environment): string | Omit<Finding, "at"> {
  const value = Object.hasOwn(env, piece.name) ? env[piece.name] : undefined;
  // As in a shell, the default of `${VAR:-default}` also stands in for a variable that is set to nothing.
  if (piece.fallback !== undefined) return value === undefined || value === "" ? piece.fallback : value;
  if (value !== undefined) return value;
  return {
    message: `the variable ${piece.name} is not set`,
    hint: `Set it in the environment or as ${piece.name}=… in .env, or give a default: \${${piece.name}:-default}.`,
  };
}

function fromFile(path: string): string | Omit<Finding, "at"> {
  try {
    if (statSync(path).size > MAX_SECRET_FILE_BYTES) {
      return { message: `the file ${path} is too large for a setting`, hint: `At most ${MAX_SECRET_FILE_BYTES / 1024} KB.` };
    }
    // Editors and `echo` end a file with a line break that no secret has.
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    const reasons: Record<string, string> = {
      ENOENT: "it does not exist",
      EACCES: "this user may not read it",
      EISDIR: "it is a folder",
    };
    return { message: `the file ${path} cannot be read: ${reasons[code] ?? code}`, hint: "Create or mount it; it holds the value alone." };
  }
}
