import type { ASTNode } from "@marcbachmann/cel-js";

/** Macros that run an expression for each item: `xs.exists(x, …)`. Their first argument is the item's name. */
export const COMPREHENSIONS: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "map", "filter"]);

/** A macro that runs an expression for each item of a list. */
export function isComprehension(node: ASTNode): boolean {
  return node.op === "rcall" && COMPREHENSIONS.has(node.args[0]) && node.args[2].length >= 2;
}

/** `cel.bind(x, value, expression)` */
export function isBind(node: ASTNode): boolean {
  return node.op === "rcall" && node.args[0] === "bind" && node.args[1].op === "id" && node.args[1].args === "cel";
}

/** The expressions that a node is made of, in their order. */
export function operandsOf(node: ASTNode): ASTNode[] {
  switch (node.op) {
    case "value":
    case "id":
      return [];
    case ".":
    case ".?":
      return [node.args[0]];
    case "call":
      return node.args[1];
    case "rcall":
      return [node.args[1], ...node.args[2]];
    case "list":
      return node.args;
    case "map":
      return node.args.flat();
    case "!_":
    case "-_":
      return [node.args];
    default:
      return node.args;
  }
}

/** Every node of an expression, outermost first. */
export function* nodesOf(node: ASTNode): Generator<ASTNode> {
  yield node;
  for (const operand of operandsOf(node)) yield* nodesOf(operand);
}

/** Names that a node gives to its own parts: the item of a macro. */
function boundBy(node: ASTNode): string | undefined {
  if (node.op !== "rcall" || !(isComprehension(node) || isBind(node))) return undefined;
  const [first] = node.args[2];
  return first?.op === "id" ? first.args : undefined;
}

/** Whether an expression is the same for every call: it asks none of `names`, and no name that stands outside of it. */
export function isConstant(node: ASTNode, isName: (name: string) => boolean, bound: ReadonlySet<string> = new Set()): boolean {
  if (node.op === "id") return bound.has(node.args) || !isName(node.args);
  const own = boundBy(node);
  const within = own === undefined ? bound : new Set([...bound, own]);
  return operandsOf(node).every((operand) => isConstant(operand, isName, within));
}

/** The text of a node that is a text, written out; undefined where it is none. */
export function textOf(node: ASTNode | undefined): string | undefined {
  return node?.op === "value" && typeof node.args === "string" ? node.args : undefined;
}

/** The number of a node that is one, written out, with its sign. */
export function numberOf(node: ASTNode | undefined): number | undefined {
  if (node?.op === "-_") {
    const inner = numberOf(node.args);
    return inner === undefined ? undefined : -inner;
  }
  return node?.op === "value" && (typeof node.args === "bigint" || typeof node.args === "number") ? Number(node.args) : undefined;
}
