import { type ASTNode, serialize } from "@marcbachmann/cel-js";
import { TIME_PARTS } from "./local-time.ts";
import { COMPREHENSIONS, isBind, nodesOf } from "./nodes.ts";

const CONVERSIONS = new Set(["int", "double", "string", "bool", "timestamp", "duration"]);
/** Both sides are looked through, or joined into something new. */
const COMPARISONS = new Set(["==", "!=", "<", "<=", ">", ">="]);
/** They make as much text or as many items as they read. */
const MAKERS = new Set(["split", "join"]);

/**
 * Writes a checked expression anew so that nothing absent can make it fail, and nothing that a call holds can make it run for long:
 * - `metadata.a.b` → `at_(at_(metadata, "a"), "b")`: null where there is nothing, at any depth. `has(x.y)` → `at_(x, "y") != null`.
 * - operands of `&&`, `||`, `!` and `? :` → `true_(…)`: null counts as false.
 * - `xs.exists(…)` and its kin → `items_(xs, 3).exists(…)`: null has no items, and each costs as many steps as the expression has parts.
 *   `x in xs` → `x in pool_(xs)`.
 * - `t.getHours()` → `clock_(t, "getHours")`: in the file's timezone; with a zone → `clock_(t, "getHours", zone)`.
 * - `s.matches(p)` → `matches_(s, p)`: in linear time.
 * - what reads a text or a list → `look_(…)`, what makes one of it → `make_(…)`: they cost steps by their size.
 * Brackets are written everywhere, so no precedence is lost.
 */
export function rewrite(node: ASTNode): string {
  switch (node.op) {
    case "value":
      return literal(node);
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
      return rewriteMethod(node);
    case "in":
      return `(${rewrite(node.args[0])} in pool_(${rewrite(node.args[1])}))`;
    case ".?":
    case "[?]":
      return serialize(node);
    default:
      return rewriteBinary(node.op, node.args);
  }
}

/** An expression that must be true or false. */
export function truth(node: ASTNode): string {
  return `true_(${rewrite(node)})`;
}

/** As it is written: cel-js's own way back cuts a number to nine places, and makes what cannot be read of 1e21. */
function literal(node: ASTNode): string {
  const written = node.input?.slice(node.start, node.end);
  return written === undefined || written === "" ? serialize(node) : written;
}

function rewriteBinary(operator: string, [left, right]: [ASTNode, ASTNode]): string {
  const sides = [left, right];
  // Beside a literal neither side is read beyond the literal's length.
  const bounded = sides.some(({ op }) => op === "value") || operator === "-" || operator === "*" || operator === "/" || operator === "%";
  const weigh = COMPARISONS.has(operator) ? "look_" : "make_";
  const [a, b] = sides.map((side) => (bounded && operator !== "+" ? rewrite(side) : `${weigh}(${rewrite(side)})`));
  return `(${a} ${operator} ${b})`;
}

function rewriteCall(name: string, args: ASTNode[]): string {
  const [first] = args;
  if (name === "has" && first) return `(${rewrite(first)} != null)`;
  const weighed = args.map((arg) => (arg.op === "value" || name === "type" ? rewrite(arg) : `look_(${rewrite(arg)})`));
  const call = `${name}(${weighed.join(", ")})`;
  // Of null they make null, which their declared type would hide from the comparison that follows.
  return CONVERSIONS.has(name) ? `dyn(${call})` : call;
}

function rewriteMethod(node: ASTNode & { op: "rcall" }): string {
  const [name, receiver, args] = node.args;
  const [first] = args;
  if (isBind(node)) return `cel.bind(${args.map(rewrite).join(", ")})`;
  if (name === "matches" && first) return `matches_(${rewrite(receiver)}, ${rewrite(first)})`;
  if ((TIME_PARTS as readonly string[]).includes(name)) {
    return `clock_(${[rewrite(receiver), JSON.stringify(name), ...args.map(rewrite)].join(", ")})`;
  }
  if (COMPREHENSIONS.has(name) && args.length >= 2) return rewriteMacro(name, receiver, args);
  const weigh = MAKERS.has(name) ? "make_" : "look_";
  return `${weigh}(${rewrite(receiver)}).${name}(${args.map(rewrite).join(", ")})`;
}

function rewriteMacro(name: string, receiver: ASTNode, args: ASTNode[]): string {
  const parts = args.slice(1).reduce((sum, part) => sum + [...nodesOf(part)].length, 0);
  const items = `items_(${rewrite(receiver)}, ${parts})`;
  // The predicate of a macro must be a boolean as well; `map` has one where it has three arguments.
  const last = args.length - 1;
  const written = args.map((arg, index) => {
    const isPredicate = index > 0 && (name === "map" ? args.length > 2 && index < last : index === last);
    return isPredicate ? truth(arg) : rewrite(arg);
  });
  return `${items}.${name}(${written.join(", ")})`;
}

function rootOf(node: ASTNode): string | undefined {
  if (node.op === "id") return node.args;
  return node.op === "." ? rootOf(node.args[0]) : undefined;
}
