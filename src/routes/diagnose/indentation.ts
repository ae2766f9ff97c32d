import { parseAllDocuments } from "yaml";
import { fileSchema } from "../file/schema.ts";
import type { Finding } from "./problems.ts";

/** Of larger files each attempt would take long. */
const MAX_CHARACTERS = 50_000;
const LINES_BEFORE = 10;

/**
 * The one line whose indentation makes a file unreadable: with another one the file can be read. YAML reports the lines after it, up to all of them.
 * Undefined where no single line does it.
 * @param options.errorLine where the first error is, from 1.
 * @param options.allOfIt for a file that can be read and is wrong in form: only a line that makes all of it right counts.
 */
export function wrongIndentation(options: { text: string; errorLine: number; allOfIt?: boolean }): Finding | undefined {
  const { text, errorLine, allOfIt = false } = options;
  if (text.length > MAX_CHARACTERS) return undefined;
  const lines = text.split("\n");
  const near = lines.flatMap((line, index) => {
    const isNear = index >= errorLine - 1 - LINES_BEFORE && index <= errorLine;
    return isNear && /^ *[^\s#]/.test(line) ? [index] : [];
  });
  // Who indents by an odd number has slipped: two or four are what people use.
  const suspects = near.toSorted((a, b) => (indentOf(lines[b]) % 2) - (indentOf(lines[a]) % 2) || a - b);
  const repairs = suspects.flatMap((index) => candidates(lines, index).map((width) => ({ index, width })));
  // Where several lines could be meant, the one that makes a file of it that is right in form.
  let best: { index: number; width: number; score: number } | undefined;
  for (const { index, width } of repairs) {
    const score = scoreOf(lines.with(index, " ".repeat(width) + lines[index]?.trimStart()).join("\n"));
    if (score > (best?.score ?? 0)) best = { index, width, score };
    if (score === BEST) break;
  }
  if (!best || (allOfIt && best.score < BEST)) return undefined;
  const now = indentOf(lines[best.index]);
  return {
    at: { line: best.index + 1, column: now + 1 },
    message: now > best.width ? "this line is indented too far" : "this line is not indented far enough",
    hint: `Fields of one thing begin in the same column: here column ${best.width + 1}.`,
  };
}

function indentOf(line = ""): number {
  return /^ */.exec(line)?.[0].length ?? 0;
}

/** Where the lines around begin, then what is near. */
function candidates(lines: string[], index: number): number[] {
  const now = indentOf(lines[index]);
  const isText = (line: string) => /[^\s#]/.test(line);
  const around = [lines.slice(0, index).findLast(isText), lines.slice(index + 1).find(isText)].map((line) => indentOf(line));
  const near = [-1, 1, -2, 2, -3, 3].map((step) => now + step);
  return [...new Set([...around, ...near])].filter((width) => width >= 0 && width !== now);
}

const BEST = 3;

/** 0: it cannot be read; 1: it can; 2: and its fields are those of a routes file; 3: and all of it is right in form. */
function scoreOf(text: string): number {
  const documents = parseAllDocuments(text, {
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: false,
    resolveKnownTags: false,
    logLevel: "silent",
  });
  const [document] = "empty" in documents ? [] : documents;
  if (documents.length !== 1 || !document || document.errors.length > 0) return 0;
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  if (fileSchema.safeParse(value).success) return BEST;
  const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
  return keys.length > 1 && keys.every((key) => key in fileSchema.shape) ? 2 : 1;
}
