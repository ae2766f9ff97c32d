import type { ASTNode } from "@marcbachmann/cel-js";
import type { ExpressionFinding } from "./explain.ts";
import { nodesOf, textOf } from "./nodes.ts";

const NUMBERS = new Set(["customer_number", "from_number", "to_number"]);

/** A phone number in another form than calls have: `customer_number == "4155550100"` is never true. */
export function* numberWarnings(ast: ASTNode): Generator<ExpressionFinding> {
  for (const node of nodesOf(ast)) {
    for (const { name, literal } of asked(node)) {
      const text = textOf(literal);
      if (text === undefined || text === "" || /^\+\d*$/.test(text)) continue;
      const looksLikeNumber = /^\+?[\d\s().\-/]+$/.test(text);
      if (!looksLikeNumber && name !== "customer_number") continue;
      yield {
        offset: literal.start,
        message: `${name} is never written like this`,
        hint: `${name} is a number such as "+18005551234", with its country and without spaces${name === "customer_number" ? ', or ""' : ""}.`,
      };
    }
  }
}

function* asked(node: ASTNode): Generator<{ name: string; literal: ASTNode }> {
  if (node.op === "==" || node.op === "!=" || node.op === "in") {
    for (const [side, other] of [node.args, node.args.toReversed() as [ASTNode, ASTNode]]) {
      if (side.op !== "id" || !NUMBERS.has(side.args)) continue;
      for (const literal of other.op === "list" ? other.args : [other]) yield { name: side.args, literal };
    }
  }
  if (node.op !== "rcall" || node.args[0] !== "startsWith" || node.args[1].op !== "id") return;
  const [, receiver, [literal]] = node.args;
  if (literal && NUMBERS.has(receiver.args as string)) yield { name: String(receiver.args), literal };
}
