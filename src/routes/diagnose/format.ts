import { styleText } from "node:util";
import { type Problem, RoutesFileError } from "../../errors.ts";

/**
 * Problems as a person reads them, each with its line of the file, a caret and what to do:
 * ```
 * routes.yaml:14:5  error  unknown field "wehn"
 *     14 |     wehn: call_outcome != "failed"
 *        |     ^
 *        did you mean "when"?
 * ```
 * Takes a `RoutesFileError`, or the warnings of a file that was loaded. Literal secrets are masked in `text` already.
 */
export function formatProblems(
  of: { problems: Problem[]; text: string; note?: string | undefined },
  options: { color?: boolean } = {},
): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    options.color ? styleText(style, text, { validateStream: false }) : text;
  const lines = of.text.split(/\r?\n/);

  const shown = of.problems.map((problem) => {
    const where = paint("bold", `${problem.file}:${problem.line}:${problem.column}`);
    const severity = paint(problem.severity === "error" ? "red" : "yellow", problem.severity);
    const out = [`${where}  ${severity}  ${problem.message}`];
    const source = lines[problem.line - 1];
    if (source !== undefined && source.trim() !== "") {
      const { line, column } = window(source, problem.column);
      // Tabs stay tabs, so that the caret stands under its character at any tab width.
      const indent = line.slice(0, column - 1).replace(/[^\t]/g, " ");
      const number = String(problem.line).padStart(6);
      out.push(`${paint("dim", `${number} |`)} ${line}`, `${paint("dim", "       |")} ${indent}${paint("cyan", "^")}`);
    }
    if (problem.hint) out.push(`       ${problem.hint}`);
    return out.join("\n");
  });
  return [...shown, ...(of.note === undefined ? [] : [of.note])].join("\n\n");
}

const MAX_LINE = 160;

/** A very long line is cut around the column. */
function window(line: string, column: number): { line: string; column: number } {
  if (line.length <= MAX_LINE) return { line, column };
  const from = Math.max(0, Math.min(column - MAX_LINE / 2, line.length - MAX_LINE));
  const cut = `${from > 0 ? "…" : ""}${line.slice(from, from + MAX_LINE)}${from + MAX_LINE < line.length ? "…" : ""}`;
  return { line: cut, column: column - from + (from > 0 ? 1 : 0) };
}

/** Why the file cannot be used, in one line: where, what, and how many more. */
export function problemOf(error: unknown): string {
  if (!(error instanceof RoutesFileError)) return error instanceof Error ? error.message : String(error);
  const [first, ...more] = error.errors;
  if (!first) return error.message;
  return `${first.file}:${first.line}:${first.column} ${first.message}${more.length > 0 ? ` (and ${more.length} more)` : ""}`;
}

/** Every problem of a file in one line each, with what to do, for logs that programs read. */
export function problemLines(error: RoutesFileError): string[] {
  const lines = error.problems.map(({ file, line, column, severity, message, hint }) => {
    return `${file}:${line}:${column} ${severity} ${message}${hint === undefined ? "" : ` (${hint})`}`;
  });
  return error.note === undefined ? lines : [...lines, error.note];
}
