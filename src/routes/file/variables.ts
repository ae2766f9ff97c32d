import { readFileSync, statSync } from "node:fs";
import { foreignNotation } from "../diagnose/foreign-notation.ts";
import type { Finding } from "../diagnose/problems.ts";
import type { Path, RoutesDocument } from "./document.ts";
import { type Piece, piecesOf, type VariablePiece, wrongPieces } from "./variable-syntax.ts";
import { weaknessesOf } from "./weak-secrets.ts";

export type Environment = Record<string, string | undefined>;

const MAX_SECRET_FILE_BYTES = 64 * 1024;

export interface Resolved {
  value: unknown;
  findings: Finding[];
  /** Paths (below `base`) of texts that have no value here: not asked for, or with an error. */
  open: Path[];
}

/** Where a text stands in the file, and what fills it in. */
interface Filling {
  env: Environment;
  secret: boolean;
  place(offset: number): Finding["at"];
  findings: Finding[];
}

/**
 * Fills in the variables of every text in `value`. With `resolve: false` only their spelling is checked and every text that holds one is `open`.
 * A text in the notation of another tool ("$NAME", "{{ env.X }}") is an error where a secret is wanted, else a warning.
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
  /** Texts may be templates and hold any words: no other notation is looked for. */
  isText?: boolean;
}): Resolved {
  const { base, document, env, resolve, isSecret = () => false, isText = false } = options;
  const findings: Finding[] = [];
  const open: Path[] = [];

  function resolveText(text: string, path: Path): string {
    const pieces = piecesOf(text);
    const found: Finding[] = [];
    const place = (offset: number) => document.inside([...base, ...path], offset);
    for (const { offset, message, hint } of wrongPieces(pieces)) found.push({ at: place(offset), message, hint });
    const misspelt = found.length > 0;
    const outside = pieces.some((piece) => piece.kind !== "text");
    const secret = isSecret(path);
    const filling = { env, secret, place, findings: found };
    const filled = resolve && !misspelt ? fill(pieces, filling) : undefined;
    if (filled === "" && outside && secret) found.push(emptySecret({ pieces, at: place(0), name: nameOf([...base, ...path]), env }));
    else if (!misspelt) {
      const notation = foreignNotation({ text, pieces, filled, secret, isText });
      // Of a group such as `headers` not each value is a secret.
      const isOneOfGroup = typeof path[1] === "string";
      const weak = secret && !isOneOfGroup && !notation ? weaknessesOf({ key: nameOf([...base, ...path]), pieces, filled }) : [];
      const said = notation ? [notation] : weak;
      for (const { offset, finding } of said) found.push({ at: place(offset), ...finding });
    }
    findings.push(...found);
    const failed = found.some(({ severity }) => severity !== "warning");
    if (failed || (outside && filled === undefined)) open.push(path);
    return failed || filled === undefined ? text : filled;
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

/** Undefined when something of it has no value; a finding says what. */
function fill(pieces: readonly Piece[], filling: Filling): string | undefined {
  const { findings, place } = filling;
  const parts = pieces.map((piece) => {
    if (piece.kind === "text") return piece.text;
    if (piece.kind === "wrong") return undefined;
    const got =
      piece.kind === "withheld" ? NOT_KEPT : piece.kind === "file" ? fromFile(piece.path, filling) : fromEnvironment(piece, filling);
    if (typeof got !== "object") return got;
    // A secret of several words has left several gaps.
    if (got === NOT_KEPT && findings.some(({ message }) => message === NOT_KEPT.message)) return undefined;
    findings.push({ at: place(piece.offset), ...got });
    return undefined;
  });
  return parts.includes(undefined) ? undefined : parts.join("");
}

/** What is said of a {@link WITHHELD} text. */
export const NOT_KEPT = {
  message: "a secret was written out here, and the copy of the file is without it",
  hint: "Use a variable, ${NAME}: then the copy can run.",
};

type Value = string | undefined | Omit<Finding, "at">;

function fromEnvironment(piece: VariablePiece, filling: Filling): Value {
  const value = environmentValue(piece.name, filling.env);
  // As in a shell, the default of `${VAR:-default}` also stands in for a variable that is set to nothing.
  if (piece.fallback !== undefined) return value === undefined || value === "" ? fill(piece.fallback, filling) : value;
  if (value !== undefined) return value;
  const set = `Set it in the environment or as ${piece.name}=… in .env`;
  return {
    message: `the variable ${piece.name} is not set`,
    hint: filling.secret ? `${set}.` : `${set}, or give a default: \${${piece.name}:-default}.`,
  };
}

function environmentValue(name: string, env: Environment): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined;
}

function fromFile(pieces: readonly Piece[], filling: Filling): Value {
  const path = fill(pieces, filling);
  if (path === undefined) return undefined;
  // A name that a variable makes may be a secret, put there by mistake.
  const named = pieces.every((piece) => piece.kind === "text") ? `the file ${path}` : "the file that is named here";
  try {
    if (statSync(path).size > MAX_SECRET_FILE_BYTES) {
      return { message: `${named} is too large for a setting`, hint: `At most ${MAX_SECRET_FILE_BYTES / 1024} KB.` };
    }
    // Editors and `echo` end a file with a line break that no secret has, and some begin it with a byte order mark.
    return readFileSync(path, "utf8")
      .replace(/^\uFEFF/, "")
      .replace(/\r?\n$/, "");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    const reasons: Record<string, string> = {
      ENOENT: "it does not exist",
      EACCES: "this user may not read it",
      EISDIR: "it is a folder",
    };
    return { message: `${named} cannot be read: ${reasons[code] ?? code}`, hint: "Create or mount it; it holds the value alone." };
  }
}

function emptySecret(options: { pieces: readonly Piece[]; at: Finding["at"]; name: string; env: Environment }): Finding {
  const { pieces, at, name, env } = options;
  const first = pieces.find((piece) => piece.kind !== "text");
  let what = "the file is empty";
  if (first?.kind === "variable") {
    what =
      environmentValue(first.name, env) === ""
        ? `\${${first.name}} is set, but empty`
        : `\${${first.name}} is not set, and its default is empty`;
  }
  return { at, message: `"${name}" is empty: ${what}`, hint: "A secret cannot be empty." };
}

function nameOf(path: Path): string {
  return String(path.findLast((part) => typeof part === "string") ?? "");
}
