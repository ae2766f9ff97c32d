import { type ASTNode, serialize } from "@marcbachmann/cel-js";
import { TIME_PARTS } from "./local-time.ts";

const COMPREHENSIONS = new Set(["all", "exists", "exists_one", "map", "filter"]);
const CONVERSIONS = new Set(["int", "double", "string", "bool", "timestamp", "duration"]);

/**
 * Writes a checked expression anew so that nothing absent can make it fail:
 * - `metadata.a.b` → `at_(at_(metadata, "a"), "b")`: null where there is nothing, at any depth. `has(x.y)` → `at_(x, "y") != null`.
 * - operands of `&&`, `||`, `!` and `? :` → `true_(…)`: null counts as false.
 * - `xs.exists(…)` and its kin → `items_(xs).exists(…)`, `x in xs` → `x in items_(xs)`: null has no items.
 * - `t.getHours()` without a zone → `clock_(t, "getHours")`: in the file's timezone.
 * - `s.matches(p)` → `matches_(s, p)`: in linear time.
 * Brackets are written everywhere, so no precedence is lost.
 */
export function rewrite(node: ASTNode): string {
  switch (node.op) {
    case "value":
    case "id":
      return serialize(node);
    case ".":
      return rootOf(node) === "google" ? serialize(node) : `at_(${rewrite(node.args[0])}, ${JSON.stringify(node.args[1])})`;
    case "[]":
      return `at_(${rewrite(node.args[0])}, ${rewrite(node.args[1])})`;
    case "&&":
    case "||":
      return `(${truth(node.args[0])} ${node.op} ${truth(node.args[1])})`;
    case "!_":
      return `!${truth(node.args)}`;
    case "-_":
      return `-(${rewrite(node.args)})`;
    case "?:":
      return `(${truth(node.args[0])} ? ${rewrite(node.args[1])} : ${rewrite(node.args[2])})`;
    case "list":
      return `[${node.args.map(rewrite).join(", ")}]`;
    case "map":
      return `{${node.args.map(([key, value]) => `${rewrite(key)}: ${rewrite(value)}`).join(", ")}}`;
    case "call":
      return rewriteCall(node.args[0], node.args[1]);
    case "rcall":
      return rewriteMethod(node.args[0], node.args[1], node.args[2]);
    case "in":
      return `(${rewrite(node.args[0])} in items_(${rewrite(node.args[1])}))`;
    case ".?":
    case "[?]":
      return serialize(node);
    default:
      return `(${rewrite(node.args[0])} ${node.op} ${rewrite(node.args[1])})`;
  }
}

/** An expression that must be true or false. */
export function truth(node: ASTNode): string {
  return `true_(${rewrite(node)})`;
}

function rewriteCall(name: string, args: ASTNode[]): string {
  const [first] = args;
  if (name === "has" && first) return `(${rewrite(first)} != null)`;
  const call = `${name}(${args.map(rewrite).join(", ")})`;
  // Of null they make null, which their declared type would hide from the comparison that follows.
  return CONVERSIONS.has(name) ? `dyn(${call})` : call;
}

function rewriteMethod(name: string, receiver: ASTNode, args: ASTNode[]): string {
  const [first] = args;
  if (name === "matches" && first) return `matches_(${rewrite(receiver)}, ${rewrite(first)})`;
  if (args.length === 0 && (TIME_PARTS as readonly string[]).includes(name)) return `clock_(${rewrite(receiver)}, ${JSON.stringify(name)})`;
  const on = COMPREHENSIONS.has(name) ? `items_(${rewrite(receiver)})` : `(${rewrite(receiver)})`;
  if (receiver.op === "id" && receiver.args === "cel") return `cel.${name}(${args.map(rewrite).join(", ")})`;
  // The predicate of a comprehension must be a boolean as well.
  const last = args.at(-1);
  if (COMPREHENSIONS.has(name) && name !== "map" && last) {
    return `${on}.${name}(${[...args.slice(0, -1).map(rewrite), truth(last)].join(", ")})`;
  }
  return `${on}.${name}(${args.map(rewrite).join(", ")})`;
}

function rootOf(node: ASTNode): string | undefined {
  if (node.op === "id") return node.args;
  return node.op === "." ? rootOf(node.args[0]) : undefined;
}
