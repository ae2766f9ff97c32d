import { createRequire } from "node:module";

/** A compiled pattern of {@link compileLinearRegExp}. */
export interface LinearRegExp {
  /** Whether the pattern matches anywhere in the text. */
  test(text: string): boolean;
}

/** Refuses a pattern that is correct but cannot be matched in linear time. */
export class NotLinearError extends Error {
  override readonly name = "NotLinearError";
}

/**
 * Compiles a regular expression that takes time in proportion to the text, whatever the pattern.
 * The engine of JavaScript backtracks: `(a+)+b` on thirty letters runs for minutes, and `.*x.*y` over a long transcript is quadratic.
 * RE2 (https://github.com/google/re2/wiki/Syntax) does neither, and is what CEL prescribes for `matches()`.
 *
 * @throws {NotLinearError} for look-ahead, back-references and counts of {@link MAX_COUNT} and more.
 * @throws {SyntaxError} for a pattern that is wrong.
 */
export function compileLinearRegExp(pattern: string): LinearRegExp {
  const { RE2JS } = loadEngine();
  let compiled: LinearRegExp;
  try {
    compiled = RE2JS.compile(RE2JS.translateRegExp(inRe2Syntax(pattern)), RE2JS.LOOKBEHINDS);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (NOT_LINEAR.test(message)) throw new NotLinearError(message, { cause: error });
    throw syntaxError(pattern, message);
  }
  if (/\(\?[a-z]*i/.test(pattern)) throw new SyntaxError("case cannot be ignored");
  if (/\(\?<\w/.test(pattern) && pattern.includes("\\k<")) throw new NotLinearError("a back-reference");
  if (hasLargeCount(pattern)) throw new NotLinearError("a count is too large");
  return compiled;
}

/** A program grows with its counts, and with it the time for each character. */
const MAX_COUNT = 100;

function hasLargeCount(pattern: string): boolean {
  return [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].some(([, from, to]) => Math.max(Number(from), Number(to ?? 0)) >= MAX_COUNT);
}

/** How RE2 names look-ahead, look-behind with a group in it, a back-reference, and counts in counts that multiply beyond its limit. */
const NOT_LINEAR = /syntax: `\(\?[=!]|capture: `\(\?<[=!]|sequence: `\\\d|repeat count/;

/** JavaScript's message where it refuses the pattern too: it is the plainer one. */
function syntaxError(pattern: string, message: string): SyntaxError {
  try {
    new RegExp(pattern);
  } catch (error) {
    return error as SyntaxError;
  }
  return new SyntaxError(message);
}

/** White space of Unicode, as `\s` means it in JavaScript, for the inside of a class. */
const SPACES = String.raw`\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff`;

/** Rewrites what JavaScript reads in another way: `\s` covers Unicode, and a backslash before a letter of another script is that letter. */
function inRe2Syntax(pattern: string): string {
  let isInClass = false;
  return pattern.replace(/\\.|[[\]]/gsu, (token) => {
    if (token === "[" || token === "]") {
      isInClass = token === "[";
      return token;
    }
    if (token === "\\s") return isInClass ? SPACES : `[${SPACES}]`;
    if (token === "\\S" && !isInClass) return `[^${SPACES}]`;
    return token > "\\\u007f" ? token.slice(1) : token;
  });
}

type Engine = typeof import("re2js");
const require = createRequire(import.meta.url);
let engine: Engine | undefined;

/** Loads the engine with the first pattern: it takes 9 MB, and few files have a pattern. */
function loadEngine(): Engine {
  engine ??= require("re2js") as Engine;
  return engine;
}
