import { type ASTNode, serialize } from "@marcbachmann/cel-js";
import { TIME_PARTS } from "./local-time.ts";
import { COMPREHENSIONS, isBind, nodesOf } from "./nodes.ts";

const CONVERSIONS = new Set(["int", "double", "string", "bool", "timestamp", "duration"]);
/** Both sides are looked through, or joined into something new. */
const COMPARISONS = new Set(["==", "!=", "<", "<=", ">", ">="]);
/** They go letter by letter, or make as many items as they read. */
const MAKERS = new Set(["split", "join", "size"]);

/**
 * Rewrites a checked expression so that nothing absent can make it fail, and nothing that a call holds can make it run for long:
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
  return write(node, NO_ITEMS);
}

/** An expression that must be true or false. */
export function truth(node: ASTNode): string {
  return truthOf(node, NO_ITEMS);
}

/** Names of the items of the macros around: what they cost is counted when their list is gone through. */
type Items = ReadonlySet<string>;
const NO_ITEMS: Items = new Set();

function write(node: ASTNode, items: Items): string {
  const rewrite = (one: ASTNode) => write(one, items);
  const truth = (one: ASTNode) => truthOf(one, items);
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
      return rewriteCall(node.args[0], node.args[1], items);
    case "rcall":
      return rewriteMethod(node, items);
    case "in":
      return `(${rewrite(node.args[0])} in ${node.args[1].op === "list" ? rewrite(node.args[1]) : `pool_(${rewrite(node.args[1])})`})`;
    case ".?":
    case "[?]":
      return serialize(node);
    default:
      return rewriteBinary(node.op, node.args, items);
  }
}

function truthOf(node: ASTNode, items: Items): string {
  return `true_(${write(node, items)})`;
}

/** As it is written: cel-js's own way back cuts a number to nine places, and makes what cannot be read of 1e21. */
function literal(node: ASTNode): string {
  const written = node.input?.slice(node.start, node.end);
  return written === undefined || written === "" ? serialize(node) : written;
}

/** Counts what a value costs to look through, or to copy, by its size. What is written out is short, and an item is counted with its list. */
function weighed(how: "look_" | "make_", node: ASTNode, items: Items): string {
  const root = rootOf(node);
  const isShort = node.op === "value" || (root !== undefined && items.has(root) && how === "look_");
  return isShort ? write(node, items) : `${how}(${write(node, items)})`;
}

function rewriteBinary(operator: string, sides: [ASTNode, ASTNode], items: Items): string {
  // Beside a literal neither side is read beyond the literal's length.
  const isBounded = sides.some(({ op }) => op === "value") || !COMPARISONS.has(operator);
  const [a, b] = sides.map((side) => {
    if (operator === "+") return weighed("make_", side, items);
    return isBounded ? write(side, items) : weighed("look_", side, items);
  });
  return `(${a} ${operator} ${b})`;
}

function rewriteCall(name: string, args: ASTNode[], items: Items): string {
  const [first] = args;
  if (name === "has" && first) return `(${write(first, items)} != null)`;
  const call = `${name}(${args.map((arg) => (name === "type" ? write(arg, items) : weighed(MAKERS.has(name) ? "make_" : "look_", arg, items))).join(", ")})`;
  // Of null they make null, which their declared type would hide from the comparison that follows.
  return CONVERSIONS.has(name) ? `dyn(${call})` : call;
}

function rewriteMethod(node: ASTNode & { op: "rcall" }, items: Items): string {
  const [name, receiver, args] = node.args;
  const [first] = args;
  const rest = args.map((arg) => write(arg, items));
  if (isBind(node)) return `cel.bind(${rest.join(", ")})`;
  if (name === "matches" && first) return `matches_(${write(receiver, items)}, ${rest.join(", ")})`;
  if ((TIME_PARTS as readonly string[]).includes(name)) {
    return `clock_(${[write(receiver, items), JSON.stringify(name), ...rest].join(", ")})`;
  }
  if (COMPREHENSIONS.has(name) && args.length >= 2) return rewriteMacro(name, receiver, args, items);
  return `${weighed(MAKERS.has(name) ? "make_" : "look_", receiver, items)}.${name}(${rest.join(", ")})`;
}

function rewriteMacro(name: string, receiver: ASTNode, args: ASTNode[], items: Items): string {
  const parts = args.slice(1).reduce((sum, part) => sum + [...nodesOf(part)].length, 0);
  const own = args[0]?.op === "id" ? args[0].args : "";
  const inside = new Set([...items, own]);
  // The predicate of a macro must be a boolean as well; `map` has one where it has three arguments.
  const last = args.length - 1;
  const written = args.map((arg, index) => {
    const isPredicate = index > 0 && (name === "map" ? args.length > 2 && index < last : index === last);
    return isPredicate ? truthOf(arg, inside) : write(arg, inside);
  });
  return `items_(${write(receiver, items)}, ${parts}).${name}(${written.join(", ")})`;
}

/** The name that `a.b[0].c` begins with. */
function rootOf(node: ASTNode): string | undefined {
  if (node.op === "id") return node.args;
  return node.op === "." || node.op === "[]" ? rootOf(node.args[0]) : undefined;
}
