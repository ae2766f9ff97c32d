import type { ASTNode } from "@marcbachmann/cel-js";
import { compileLinearRegExp, NotLinearError } from "../../lib/text/linear-regexp.ts";
import type { ExpressionFinding } from "./explain.ts";
import { nodesOf, textOf } from "./nodes.ts";

/** Every pattern of `matches()` is written out, is a regular expression, and runs in linear time. */
export function patternFindings(ast: ASTNode): ExpressionFinding[] {
  const findings: ExpressionFinding[] = [];
  for (const node of nodesOf(ast)) {
    if (node.op !== "rcall" || node.args[0] !== "matches") continue;
    const pattern = node.args[2][0];
    if (!pattern) continue;
    const text = textOf(pattern);
    if (text === undefined) {
      findings.push({
        offset: pattern.start,
        message: "the pattern of matches() must be written out as a text",
        hint: 'Such as summary.matches("refund|complaint").',
      });
      continue;
    }
    try {
      compileLinearRegExp(text);
    } catch (error) {
      findings.push({ offset: pattern.start, ...explainRegExp(error, text) });
    }
  }
  return findings;
}

function explainRegExp(error: unknown, pattern: string): { message: string; hint?: string } {
  if (/\(\?[a-z]*i/.test(pattern)) {
    return {
      message: "a regular expression cannot ignore case with (?i)",
      hint: "Make the text small first: summary.lowerAscii().matches(…).",
    };
  }
  if (error instanceof NotLinearError) {
    return {
      message: "this regular expression could take very long on a long text",
      hint: "Look-ahead (?=…), back-references \\1 and counts in the hundreds are not supported.",
    };
  }
  const reason = error instanceof Error ? error.message.split(": ").at(-1) : undefined;
  return {
    message: `not a regular expression${reason ? `: ${reason.toLowerCase()}` : ""}`,
    hint: 'A character that means itself needs a backslash: r"\\(".',
  };
}
