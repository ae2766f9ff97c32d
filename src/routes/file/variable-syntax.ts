/**
 * Piece of a text with variables: `${VAR}`, `${VAR:-default}`, `${file:/path}`; `$$` is a dollar sign. A default and a path may hold variables of
 * their own, at any depth, and braces that are closed again.
 */
export type Piece =
  | { kind: "text"; text: string; offset: number; end: number }
  | VariablePiece
  | { kind: "file"; path: Piece[]; offset: number; end: number }
  | { kind: "withheld"; offset: number; end: number }
  | WrongPiece;

/** From `offset` to `end` of the text, braces included. */
export interface VariablePiece {
  kind: "variable";
  name: string;
  fallback: Piece[] | undefined;
  offset: number;
  end: number;
}

/** Stands for a secret that was written out, in the copy of the file that the ledger keeps. */
export const WITHHELD = "⟦withheld⟧";

export interface WrongPiece {
  kind: "wrong";
  message: string;
  hint?: string;
  offset: number;
}

/** Deeper than anybody writes; the reader calls itself for each level. */
const MAX_DEPTH = 20;

/** Whether a text asks for something from outside the file. */
export function hasVariables(text: string): boolean {
  return piecesOf(text).some((piece) => piece.kind !== "text");
}

/** A text in its pieces; what is misspelt is a `wrong` one, with its place in the text. */
export function piecesOf(text: string): Piece[] {
  const tooDeep = offsetBeyond(text, MAX_DEPTH);
  if (tooDeep === undefined) return read({ text, from: 0, depth: 0 }).pieces;
  const message = `variables stand in one another more than ${MAX_DEPTH} deep`;
  return [{ kind: "wrong", message, hint: "Set one of them outside.", offset: tooDeep }];
}

/** Where a text opens one more variable inside the others than it may. */
function offsetBeyond(text: string, levels: number): number | undefined {
  let open = 0;
  for (const { 0: sign, index } of text.matchAll(/\$\$|\$\{|\}/g)) {
    if (sign === "${") open += 1;
    else if (sign === "}") open = Math.max(0, open - 1);
    if (open > levels) return index;
  }
  return undefined;
}

/** A text with digits in place of its variables, so that all else keeps its place, and where they stand. Defaults are left as they are. */
export function withoutVariables(text: string): { text: string; variables: { from: number; to: number }[] } {
  const chars = text.split("");
  const hide = (pieces: readonly Piece[]) => {
    for (const piece of pieces) {
      if (piece.kind === "file") chars.fill("1", piece.offset, piece.end);
      if (piece.kind !== "variable") continue;
      chars.fill("1", piece.offset, piece.fallback ? piece.offset + `\${${piece.name}:-`.length : piece.end);
      chars.fill("1", piece.end - 1, piece.end);
      hide(piece.fallback ?? []);
    }
  };
  const pieces = piecesOf(text);
  hide(pieces);
  const variables = pieces.flatMap((piece) =>
    piece.kind === "variable" || piece.kind === "file" ? [{ from: piece.offset, to: piece.end }] : [],
  );
  return { text: chars.join(""), variables };
}

/** Every wrong piece, also in a default that is not used. */
export function wrongPieces(pieces: readonly Piece[]): WrongPiece[] {
  return pieces.flatMap((piece) => {
    if (piece.kind === "wrong") return [piece];
    if (piece.kind === "file") return wrongPieces(piece.path);
    return piece.kind === "variable" ? wrongPieces(piece.fallback ?? []) : [];
  });
}

/** The texts of a text's defaults, which stand in the file. */
export function defaultTexts(pieces: readonly Piece[]): { text: string; offset: number; end: number }[] {
  return pieces.flatMap((piece) => {
    if (piece.kind !== "variable" || !piece.fallback) return [];
    return [...piece.fallback.filter((one) => one.kind === "text"), ...defaultTexts(piece.fallback)];
  });
}

interface Reading {
  text: string;
  from: number;
  /** 0: the whole text; more: inside so many variables, up to the brace that closes the innermost. */
  depth: number;
}

/** `end`: where the closing brace stands; undefined when the text ends before it. */
function read({ text, from, depth }: Reading): { pieces: Piece[]; end: number | undefined } {
  const pieces: Piece[] = [];
  const literal = (piece: string, offset: number, length = 1) => {
    const last = pieces.at(-1);
    if (last?.kind === "text") {
      last.text += piece;
      last.end = offset + length;
    } else pieces.push({ kind: "text", text: piece, offset, end: offset + length });
  };
  let open = 0;
  let behindVariable = false;
  for (let at = from; at < text.length; ) {
    const char = text[at] ?? "";
    if (text.startsWith("$$", at)) {
      literal("$", at, 2);
      at += 2;
    } else if (text.startsWith(WITHHELD, at)) {
      pieces.push({ kind: "withheld", offset: at, end: at + WITHHELD.length });
      at += WITHHELD.length;
    } else if (text.startsWith("${", at)) {
      const { piece, end } = readVariable({ text, from: at, depth: depth + 1 });
      pieces.push(piece);
      if (end === undefined) return { pieces, end: undefined };
      at = end;
      behindVariable = true;
      continue;
    } else if (char === "}" && open === 0 && depth > 0) {
      return { pieces, end: at };
    } else if (char === "}" && open === 0 && behindVariable) {
      pieces.push({ kind: "wrong", message: 'this "}" closes nothing', hint: "The variable before it is closed already.", offset: at });
      at += 1;
    } else {
      if (char === "{") open += 1;
      if (char === "}") open = Math.max(0, open - 1);
      literal(char, at);
      at += 1;
    }
    behindVariable = false;
  }
  return { pieces, end: depth === 0 ? text.length : undefined };
}

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;

/** From a `${` on. `end`: behind its brace. */
function readVariable({ text, from, depth }: Reading): { piece: Piece; end: number | undefined } {
  const wrong = (message: string, hint: string, end: number | undefined) => ({
    piece: { kind: "wrong", message, hint, offset: from } as const,
    end,
  });
  const never = () => wrong('a "${" is never closed', 'Each "${" needs a "}" of its own; write "$$" for a dollar sign.', undefined);

  const begin = from + 2;
  if (text.startsWith("file:", begin)) {
    const { pieces: path, end } = read({ text, from: begin + "file:".length, depth });
    if (end === undefined) return never();
    if (text.slice(begin + "file:".length, end).trim() === "") return wrong('"${file:}" names no file', FORMS, end + 1);
    return { piece: { kind: "file", path, offset: from, end: end + 1 }, end: end + 1 };
  }
  NAME.lastIndex = begin;
  const name = NAME.exec(text)?.[0] ?? "";
  const behind = begin + name.length;
  const variable = (fallback: Piece[] | undefined, end: number) => ({
    piece: { kind: "variable", name, fallback, offset: from, end } as const,
    end,
  });
  if (name !== "" && text[behind] === "}") return variable(undefined, behind + 1);
  const hasDefault = name !== "" && text.startsWith(":-", behind);
  const { pieces, end } = read({ text, from: hasDefault ? behind + 2 : begin, depth });
  if (end === undefined) return never();
  if (!hasDefault) return wrong("this is not a variable", hintFor(text.slice(begin, end)), end + 1);
  return variable(pieces, end + 1);
}

const FORMS = 'Variables are ${NAME}, ${NAME:-default} or ${file:/path}; "$$" is a dollar sign.';

/** What people know from shells, Compose and GitHub. */
function hintFor(inside: string): string {
  if (/^\s*\{.*\}\s*$/s.test(inside)) return "A variable has one pair of braces: ${NAME}.";
  if (/^\s|\s$/.test(inside)) return "No blanks inside the braces: ${NAME}.";
  const name = /^[A-Za-z_]\w*/.exec(inside)?.[0];
  if (name !== undefined && /^\w+-/.test(inside)) return `A default is written with ":-": \${${name}:-default}.`;
  if (name !== undefined && /^\w+:?\?/.test(inside)) return `One that is not set is an error anyway: write \${${name}}.`;
  return FORMS;
}
