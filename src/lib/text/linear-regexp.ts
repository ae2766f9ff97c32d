import { setFlagsFromString } from "node:v8";

/**
 * A regular expression that takes time in proportion to the text, whatever the pattern.
 * The usual engine backtracks: `(a+)+b` on thirty letters runs for minutes, and `.*x.*y` over a long transcript is quadratic already.
 * V8 has a second, breadth-first engine behind the flag letter `l`, which accepts exactly what it can do in linear time
 * (no look-around, no back-reference, no `i`, no very large counts): https://v8.dev/blog/non-backtracking-regexp
 *
 * @throws {SyntaxError} when the pattern is wrong or not linear; see {@link isNotLinear}.
 */
export function compileLinearRegExp(pattern: string): RegExp {
  enableEngine();
  return new RegExp(pattern, "l");
}

/** Whether `compileLinearRegExp` refused a pattern that is otherwise correct. */
export function isNotLinear(error: unknown): boolean {
  return error instanceof Error && error.message.includes("linear time");
}

let enabled = false;

/** Read by V8 whenever a pattern is compiled, so that setting it after the start is safe; it only makes the letter `l` known. */
function enableEngine(): void {
  if (enabled) return;
  setFlagsFromString("--enable-experimental-regexp-engine");
  enabled = true;
}
