import type { ASTNode } from "@marcbachmann/cel-js";
import type { ExpressionFinding } from "./explain.ts";
import { nodesOf, numberOf } from "./nodes.ts";

interface Range {
  what: string;
  least: number;
  most: number;
  hint: string;
}

/** CEL counts months and days of the month from 0, and the week from Sunday (its specification, "Date/Time Functions"). */
const CLOCK: Record<string, [least: number, most: number, hint: string]> = {
  getMonth: [0, 11, "0 is January, 11 is December."],
  getDate: [1, 31, "It is the day of the month, 1 to 31."],
  getDayOfMonth: [0, 30, "It counts from 0; getDate() counts from 1."],
  getDayOfWeek: [0, 6, "0 is Sunday, 6 is Saturday."],
  getDayOfYear: [0, 365, "It counts from 0."],
  getHours: [0, 23, "They are 0 to 23."],
  getMinutes: [0, 59, "They are 0 to 59."],
  getSeconds: [0, 59, "They are 0 to 59."],
  getMilliseconds: [0, 999, "They are 0 to 999."],
};

/** A comparison with a number that never comes: `duration_seconds < 0`, `start_time.getDayOfWeek() == 7`. */
export function* rangeWarnings(ast: ASTNode): Generator<ExpressionFinding> {
  for (const node of nodesOf(ast)) {
    if (node.op === "in" && node.args[1].op === "list") {
      const range = rangeOf(node.args[0]);
      for (const item of range ? node.args[1].args : []) {
        const number = numberOf(item);
        if (range && number !== undefined && (number < range.least || number > range.most)) yield never(item, range, number);
      }
    }
    const operator = FLIPPED[node.op];
    if (operator === undefined) continue;
    const [left, right] = node.args as [ASTNode, ASTNode];
    const [side, number, op] = numberOf(right) === undefined ? [right, numberOf(left), operator] : [left, numberOf(right), node.op];
    const range = rangeOf(side);
    if (!range || number === undefined) continue;
    const outcome = outcomeOf(op, range, number);
    if (outcome === undefined) continue;
    yield op === "==" || op === "!="
      ? never(side === left ? right : left, range, number)
      : {
          offset: node.start,
          message: `this is ${outcome ? "always" : "never"} true: ${range.what} is ${extentOf(range)}`,
          hint: range.hint,
        };
  }
}

/** Each comparison as it reads from its right side. */
const FLIPPED: Record<string, string> = { "<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!=" };

function never(literal: ASTNode, { what, hint }: Range, number: number): ExpressionFinding {
  return { offset: literal.start, message: `${what} is never ${number}`, hint };
}

function extentOf({ least, most }: Range): string {
  return most === Number.POSITIVE_INFINITY ? `${least} or more` : `${least} to ${most}`;
}

/** What a comparison is for every number of a range; undefined where it depends. */
function outcomeOf(operator: string, { least, most }: Range, number: number): boolean | undefined {
  switch (operator) {
    case "<":
      return most < number ? true : least >= number ? false : undefined;
    case "<=":
      return most <= number ? true : least > number ? false : undefined;
    case ">":
      return least > number ? true : most <= number ? false : undefined;
    case ">=":
      return least >= number ? true : most < number ? false : undefined;
    default:
      return number < least || number > most ? operator === "!=" : undefined;
  }
}

function rangeOf(node: ASTNode): Range | undefined {
  const endless = Number.POSITIVE_INFINITY;
  if (node.op === "id" && node.args === "duration_seconds") {
    return { what: "duration_seconds", least: 0, most: endless, hint: "A call that nobody took has 0." };
  }
  if ((node.op === "rcall" || node.op === "call") && node.args[0] === "size") {
    return { what: "size()", least: 0, most: endless, hint: "It counts letters or items; of nothing it is 0." };
  }
  if (node.op !== "rcall" || !isMoment(node.args[1])) return undefined;
  const [least, most, hint] = CLOCK[node.args[0]] ?? [];
  return least === undefined || most === undefined || hint === undefined ? undefined : { what: `${node.args[0]}()`, least, most, hint };
}

/** A span has hours and minutes, too, and as many as it likes. */
function isMoment(node: ASTNode): boolean {
  if (node.op === "id") return node.args === "start_time" || node.args === "end_time";
  if (node.op === "call") return node.args[0] === "timestamp";
  return (node.op === "+" || node.op === "-") && node.args.some(isMoment) && !(node.op === "-" && node.args.every(isMoment));
}
