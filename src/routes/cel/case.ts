import type { ASTNode } from "@marcbachmann/cel-js";
import type { ExpressionFinding } from "./explain.ts";
import { nodesOf, textOf } from "./nodes.ts";

const QUESTIONS = new Set(["matches", "contains", "startsWith", "endsWith", "indexOf", "lastIndexOf", "split"]);
/** What people and machines have said: a word stands there with a capital letter only where a sentence begins. */
const SPOKEN = new Set(["summary", "transcript"]);

/** A letter that can never come because of `lowerAscii()` or `upperAscii()`, and a word that is found only at the begin of a sentence. */
export function* caseWarnings(ast: ASTNode): Generator<ExpressionFinding> {
  for (const { text, literal, isPattern } of comparisons(ast)) {
    const written = textOf(literal);
    if (written === undefined) continue;
    const letters = isPattern ? literalLetters(written) : written;
    const folded = foldOf(text);
    if (folded === "lowerAscii" && /[A-Z]/.test(letters)) {
      yield { offset: literal.start, message: "behind lowerAscii() no capital letter is left", hint: "Write it in small letters." };
    } else if (folded === "upperAscii" && /[a-z]/.test(letters)) {
      yield { offset: literal.start, message: "behind upperAscii() no small letter is left", hint: "Write it in capital letters." };
    } else if (
      folded === undefined &&
      text.op === "id" &&
      SPOKEN.has(text.args) &&
      /(^|[^A-Za-z])[A-Z][a-z]{2,}(?![A-Za-z])/.test(letters)
    ) {
      yield {
        offset: literal.start,
        message: `this finds words with a capital letter only: ${text.args} is compared letter by letter`,
        hint: `To find both: ${text.args}.lowerAscii(), and the words in small letters.`,
      };
    }
  }
}

interface Comparison {
  text: ASTNode;
  literal: ASTNode;
  isPattern?: boolean;
}

function* comparisons(ast: ASTNode): Generator<Comparison> {
  for (const node of nodesOf(ast)) {
    if (node.op === "==" || node.op === "!=" || node.op === "in") {
      for (const [text, other] of [node.args, node.args.toReversed() as [ASTNode, ASTNode]]) {
        // A whole summary is compared with nothing but "".
        if (foldOf(text) === undefined) continue;
        for (const literal of other.op === "list" ? other.args : [other]) yield { text, literal };
      }
    }
    if (node.op !== "rcall" || !QUESTIONS.has(node.args[0])) continue;
    const [name, text, [literal]] = node.args;
    // A text may well begin or end with a sentence.
    if (!literal || (foldOf(text) === undefined && name !== "matches" && name !== "contains")) continue;
    yield { text, literal, isPattern: name === "matches" };
  }
}

/** The last thing that was done to the letters of a text. */
function foldOf(node: ASTNode): "lowerAscii" | "upperAscii" | undefined {
  if (node.op !== "rcall") return undefined;
  const [name, receiver] = node.args;
  if (name === "lowerAscii" || name === "upperAscii") return name;
  return name === "trim" || name === "substring" ? foldOf(receiver) : undefined;
}

/** A pattern without its escapes and classes: `\B`, `[A-Z]` and `(?<Name>` hold letters that are none of the text. */
function literalLetters(pattern: string): string {
  return pattern
    .replace(/\\(u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[pPk]\{?[^}]*\}|c[A-Za-z]|.)/gs, " ")
    .replace(/\[\^?\]?[^\]]*\]/g, " ")
    .replace(/\(\?(<[A-Za-z]\w*>|[a-z-]*:)/g, "(");
}
