import type { ASTNode, TypeError as CelTypeError, Environment, ParseError } from "@marcbachmann/cel-js";
import { didYouMean } from "../../lib/text/did-you-mean.ts";
import { VISIBLE_NAMES } from "../compile/template-fields.ts";
import { functionElsewhere, operatorElsewhere } from "./elsewhere.ts";

/** What is wrong with an expression, and at which character of it. */
export interface ExpressionFinding {
  offset: number;
  message: string;
  hint?: string | undefined;
  severity?: "error" | "warning";
}

const NAMES = VISIBLE_NAMES.map(({ name }) => name);

/** cel-js's first error of an expression, in our words and at the very character. */
export function explainCelError(error: ParseError | CelTypeError, expression: string, environment: Environment): ExpressionFinding {
  const offset = error.range?.start ?? 0;
  const node = isNode(error.node) ? error.node : undefined;
  const summary = error.summary ?? "";
  switch (error.code) {
    case "unknown_variable":
      return { offset, ...unknownName(summary.replace(/^Unknown variable: /, "")) };
    case "no_matching_overload":
      return { offset: functionOffset(node, expression) ?? offset, ...unknownFunction(node, environment) };
    case "no_such_overload":
      return { offset, ...wrongOperands(summary) };
    case "invalid_logical_operand": {
      const type = /got '(.*)'/.exec(summary)?.[1] ?? "";
      return {
        offset,
        message: `"${node?.op ?? "&&"}" needs true or false on both sides, and one is ${kindOfType(type)}`,
        hint: "Compare it with something: ==, !=, <, >, in.",
      };
    }
    case "cannot_index_type": {
      const field = /\.\s*(length|size|count)\b/.exec(expression.slice(node?.start ?? 0, node?.end))?.[1];
      const hint = field === undefined ? "Only metadata has fields." : "Write size(summary).";
      return { offset, message: `${kindOfType(/'(.*)'/.exec(summary)?.[1] ?? "")} has no fields`, hint };
    }
    case "incompatible_ternary_branches":
      return { offset, message: 'both branches of "? :" must be of one kind' };
    case "invalid_macro_argument":
      return { offset, message: "has() takes a field of metadata", hint: 'Such as has(metadata.campaign); an absent text is "".' };
    case "unterminated_string":
      return { offset, message: "a quote that was opened is never closed" };
    case "unexpected_token":
    case "unexpected_character":
      return { offset, ...unexpected(expression, offset, summary) };
    case "expected_token": {
      const bracket = { RPAREN: ")", RBRACKET: "]", RBRACE: "}", COLON: ":" }[/[Ee]xpected (\w+)/.exec(summary)?.[1] ?? ""];
      return { offset, message: bracket ? `a "${bracket}" is missing` : "cannot be read from here on" };
    }
    default:
      if (/reserved identifier: if\b/i.test(summary)) return { offset, message: '"if" is not known here', hint: operatorElsewhere("if") };
      return { offset, message: `cannot be read: ${summary.charAt(0).toLowerCase()}${summary.slice(1)}` };
  }
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value && value.op !== undefined;
}

function unknownName(name: string): { message: string; hint: string } {
  const hint =
    didYouMean(name, NAMES) ??
    (/^(and|or|not)$/i.test(name) ? LOGIC_HINT : `If it is a text, put it in quotes: "${name}". The names are in docs/routes.md.`);
  return { message: `unknown name "${name}"`, hint };
}

const LOGIC_HINT = "CEL writes && for and, || for or, ! for not.";

/** Where the name of a method stands: behind its receiver. */
function functionOffset(node: ASTNode | undefined, expression: string): number | undefined {
  if (node?.op !== "rcall") return undefined;
  const at = expression.indexOf(node.args[0], node.args[1].end);
  return at === -1 ? undefined : at;
}

function unknownFunction(node: ASTNode | undefined, environment: Environment): { message: string; hint?: string | undefined } {
  const name = node?.op === "rcall" || node?.op === "call" ? node.args[0] : "";
  const functions = environment.getDefinitions().functions;
  const sameName = functions.filter((one) => one.name === name);
  if (sameName.length === 0) {
    const names = new Set(functions.filter((one) => (one.receiverType !== null) === (node?.op === "rcall")).map((one) => one.name));
    const all = new Set(functions.map((one) => one.name));
    return { message: `unknown function "${name}"`, hint: functionElsewhere(name) ?? didYouMean(name, names) ?? didYouMean(name, all) };
  }
  const isMethod = node?.op === "rcall";
  if (sameName.every((one) => (one.receiverType !== null) !== isMethod)) {
    const hint = isMethod
      ? `It stands before what it is asked of: ${name}(…).`
      : `It stands behind what it is asked of: summary.${name}(…).`;
    return { message: `${name}() cannot be used like this`, hint };
  }
  const forms = sameName.slice(0, 3).map((one) => one.signature.replace(/: .*/, "").replaceAll("google.protobuf.Timestamp", "timestamp"));
  return { message: `${name}() cannot be used like this`, hint: `It is ${forms.join(" or ")}.` };
}

function wrongOperands(summary: string): { message: string; hint?: string } {
  const binary = /^no such overload: (.+) (==|!=|<=|>=|<|>|in|[-+*/%]) (.+)$/.exec(summary);
  if (!binary) {
    const unary = /^no such overload: ([-!])(.+)$/.exec(summary);
    if (unary) return { message: `"${unary[1]}" cannot stand before ${kindOfType(unary[2] ?? "")}` };
    return { message: "the two sides do not go together" };
  }
  const [, left = "", operator = "", right = ""] = binary;
  const sides = [left, right];
  const message = `"${operator}" does not go between ${kindOfType(left)} and ${kindOfType(right)}`;
  if (sides.includes("null")) return { message, hint: 'An absent text is "", not null; only keys of metadata can be null.' };
  if (operator === "in" && right === "string")
    return { message, hint: 'To look inside a text use contains(): summary.contains("refund").' };
  if (sides.includes("int") && sides.includes("string")) return { message, hint: "A number is written without quotes." };
  if (sides.includes(TIMESTAMP) && sides.includes("string")) return { message, hint: 'A time is timestamp("2026-01-31T09:00:00Z").' };
  return { message };
}

const TIMESTAMP = "google.protobuf.Timestamp";

function unexpected(expression: string, offset: number, summary: string): { message: string; hint?: string } {
  const char = expression[offset];
  if (char === undefined) return { message: "the expression ends too early" };
  const rest = expression.slice(offset);
  // A sign of two characters may be refused at its second.
  const begin = offset - (/[=<>!~]+$/.exec(expression.slice(0, offset))?.[0].length ?? 0);
  const elsewhere = operatorElsewhere(rest) ?? operatorElsewhere(expression.slice(begin));
  if (elsewhere !== undefined) {
    const found = /^(\w+|[=<>!~]+|.)/su.exec(operatorElsewhere(rest) === undefined ? expression.slice(begin) : rest)?.[0] ?? char;
    return { message: `"${found}" is not known here`, hint: elsewhere };
  }
  if (/\bnot\s+$/i.test(expression.slice(0, offset))) return { message: '"not" is not known here', hint: LOGIC_HINT };
  const word = /^\w+/.exec(expression.slice(expression.slice(0, offset + 1).search(/\w*$/)))?.[0] ?? "";
  if (/^=(?!=)/.test(rest)) return { message: 'a single "=" is not a comparison', hint: "Write == to compare." };
  if (/^(and|or|not|AND|OR|NOT)$/.test(word)) return { message: `"${word}" is not known here`, hint: LOGIC_HINT };
  if (/^[&|]/.test(rest)) return { message: `unexpected "${char}"`, hint: LOGIC_HINT };
  if (summary.startsWith("Unexpected character") || /\S/.test(char)) return { message: `unexpected "${char}"` };
  return { message: "cannot be read from here on" };
}

/** A type of CEL in words. */
export function kindOfType(type: string): string {
  if (type === "string") return "text";
  if (type === "int" || type === "uint") return "a whole number";
  if (type === "double") return "a number";
  if (type === "bool") return "true or false";
  if (type === "null") return "null";
  if (type === TIMESTAMP) return "a time";
  if (type === "google.protobuf.Duration") return "a span of time";
  if (type.startsWith("list")) return "a list";
  if (type.startsWith("map")) return "a group of fields";
  return type.startsWith("dyn") ? "something of metadata" : `a ${type}`;
}
