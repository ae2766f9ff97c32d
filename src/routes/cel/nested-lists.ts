import type { ASTNode } from "@marcbachmann/cel-js";
import { BUDGET_STEPS } from "./budget.ts";
import type { ExpressionFinding } from "./explain.ts";
import { isComprehension, nodesOf, operandsOf } from "./nodes.ts";

/**
 * A list of a call that is gone through for each item of another one: the work grows with the product of both, and beyond the budget the call is a
 * dead letter.
 */
export function nestedListWarnings(ast: ASTNode): ExpressionFinding[] {
  const findings: ExpressionFinding[] = [];
  const look = (node: ASTNode, items: readonly string[]) => {
    const list = listOf(node);
    if (items.length > 0 && list && !isShort(list, items)) {
      findings.push({
        offset: list.start,
        message: "this list is gone through for each item of another one",
        hint: `A call that needs more than ${BUDGET_STEPS.toLocaleString("en-US")} steps, as two lists of a thousand items each do, becomes a dead letter.`,
        severity: "warning",
      });
    }
    const own = node.op === "rcall" && isComprehension(node) && !isShort(node.args[1], []) ? namesIn(node.args[2][0]) : [];
    for (const [index, operand] of operandsOf(node).entries()) look(operand, index > 0 ? [...items, ...own] : items);
  };
  look(ast, []);
  return findings;
}

/** What a node goes through item by item. */
function listOf(node: ASTNode): ASTNode | undefined {
  if (node.op === "in") return node.args[1];
  return node.op === "rcall" && isComprehension(node) ? node.args[1] : undefined;
}

/** As it stands in the file, or one of an item's own: all of those together are no longer than the call. */
function isShort(list: ASTNode, items: readonly string[]): boolean {
  return namesIn(list).every((name) => items.includes(name));
}

function namesIn(node: ASTNode | undefined): string[] {
  return node ? [...nodesOf(node)].flatMap((one) => (one.op === "id" ? [one.args] : [])) : [];
}
