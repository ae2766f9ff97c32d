import type { ASTNode } from "@marcbachmann/cel-js";
import { unixMsOf } from "../../lib/time/iso-time.ts";
import { isTimezone, timezoneHint } from "../../lib/time/timezone.ts";
import { VISIBLE_NAMES } from "../compile/template-fields.ts";
import { createRunEnvironment, type RunEnvironment } from "./environment.ts";
import type { ExpressionFinding } from "./explain.ts";
import { TIME_PARTS } from "./local-time.ts";
import { isBind, isComprehension, isConstant, nodesOf, numberOf, operandsOf, textOf } from "./nodes.ts";
import { rewrite } from "./rewrite.ts";

const NAMES: ReadonlySet<string> = new Set(VISIBLE_NAMES.map(({ name }) => name));
/** What stands in for the parts of an expression that only a call knows. */
const PROBE_NAMES = ["probe_0", "probe_1", "probe_2"];

/**
 * One value of each kind, more where a function may like one and not another. What fails with all of them fails with every call.
 * Null is left out: it is what is absent, and absent things fail nowhere.
 */
const probesOf = (environment: RunEnvironment["environment"]): readonly unknown[] => [
  "",
  "1",
  "true",
  "2026-01-15T09:00:00Z",
  "90s",
  "Europe/Berlin",
  "A text that is long enough for every place in it that somebody would look at. ".repeat(20),
  0n,
  1n,
  7n,
  1_000n,
  0.5,
  true,
  new Date("2026-01-15T09:00:00Z"),
  environment.evaluate('duration("90s")'),
  [],
  ["a", "b"],
  [1n, 2n],
  { a: 1n },
  new Uint8Array([123, 125]),
];

/**
 * What of an expression fails on every call, whatever the call: functions and calculations are tried with what is written out in them, the rest
 * replaced by {@link probesOf}. Where all is written out, there is one outcome.
 */
export function createConstantCheck(options: { timezone: string }): (ast: ASTNode) => ExpressionFinding[] {
  let made: (RunEnvironment & { probes: readonly unknown[] }) | undefined;
  const isName = (name: string) => NAMES.has(name) || PROBE_NAMES.includes(name);

  function failsAlways(node: ASTNode, isWritten: (operand: ASTNode) => boolean): boolean {
    made ??= withProbeValues(createRunEnvironment({ ...options, extraNames: PROBE_NAMES }));
    const { environment, budget, probes } = made;
    const open = operandsOf(node).filter((operand) => !isWritten(operand));
    if (open.length > PROBE_NAMES.length - 1) return false;
    const evaluate = environment.parse(rewrite(withProbes(node, open)));
    return combinations(probes, open.length).every((values) => {
      budget.reset();
      try {
        evaluate(Object.fromEntries(values.map((value, index) => [PROBE_NAMES[index], value])));
        return false;
      } catch {
        return true;
      }
    });
  }

  return (ast) => {
    const findings: ExpressionFinding[] = [];
    const failed = new Set<ASTNode>();
    // Names of the items of macros are no constants either.
    const bound = new Set([...nodesOf(ast)].flatMap((node) => (isComprehension(node) || isBind(node) ? boundName(node) : [])));
    const isWritten = (node: ASTNode) => isConstant(node, (name) => isName(name) || bound.has(name));
    // The innermost first: what stands around a failure fails with it.
    for (const node of [...nodesOf(ast)].toReversed()) {
      const operands = operandsOf(node);
      if ([...nodesOf(node)].some((one) => failed.has(one))) continue;
      const finding =
        looksWrong(node) ??
        (isTried(node, operands.every(isWritten)) && operands.some(isWritten) && failsAlways(node, isWritten) ? explain(node) : undefined);
      if (!finding) continue;
      failed.add(node);
      const culprit = operands.findLast((operand) => operand.op !== "id" && isWritten(operand)) ?? node;
      findings.push({ offset: (finding.at ?? culprit).start, message: finding.message, hint: finding.hint });
    }
    return findings.toSorted((a, b) => a.offset - b.offset);
  };
}

type Explained = { message: string; hint?: string | undefined; at?: ASTNode | undefined };

/** A macro's parts are looked at by themselves, and `matches` has its own check. Comparisons are the type check's, but for `dyn("a") > 5`. */
function isTried(node: ASTNode, isWhollyWritten: boolean): boolean {
  if (["<", "<=", ">", ">=", "==", "!=", "in"].includes(node.op)) return isWhollyWritten;
  if (node.op === "rcall") return !isComprehension(node) && !isBind(node) && node.args[0] !== "matches";
  if (node.op === "call") return node.args[0] !== "has";
  return ["+", "-", "*", "/", "%", "-_"].includes(node.op);
}

function boundName(node: ASTNode): string[] {
  const [first] = node.op === "rcall" ? node.args[2] : [];
  return first?.op === "id" ? [first.args] : [];
}

const withProbeValues = (made: RunEnvironment) => ({ ...made, probes: probesOf(made.environment) });

/** Every choice of so many probes. */
function combinations(probes: readonly unknown[], count: number): unknown[][] {
  return count === 0 ? [[]] : combinations(probes, count - 1).flatMap((chosen) => probes.map((probe) => [...chosen, probe]));
}

/** The node with names of probes in place of `open`, for {@link rewrite}, which asks for no more than this. */
function withProbes(node: ASTNode, open: readonly ASTNode[]): ASTNode {
  const probe = (operand: ASTNode) => {
    const index = open.indexOf(operand);
    return index === -1 ? operand : ({ op: "id", args: PROBE_NAMES[index] } as ASTNode);
  };
  if (node.op === "call") return { op: "call", args: [node.args[0], node.args[1].map(probe)] } as unknown as ASTNode;
  if (node.op === "rcall") return { op: "rcall", args: [node.args[0], probe(node.args[1]), node.args[2].map(probe)] } as unknown as ASTNode;
  if (node.op === "-_") return { op: "-_", args: probe(node.args) } as unknown as ASTNode;
  return { op: node.op, args: operandsOf(node).map(probe) } as unknown as ASTNode;
}

/** What does not fail when it runs, and is never what was meant. */
function looksWrong(node: ASTNode): Explained | undefined {
  if (node.op === "[]") return outOfList(node.args[0], node.args[1]);
  const name = node.op === "call" || node.op === "rcall" ? node.args[0] : "";
  const [first] = node.op === "call" ? node.args[1] : node.op === "rcall" ? node.args[2] : [];
  const text = textOf(first);
  if (text === undefined) return undefined;
  // JavaScript's reader takes 30 February for 2 March, and a time without a zone for one of this machine.
  if (node.op === "call" && name === "timestamp" && !isMoment(text)) return { ...NOT_A_TIME, at: first };
  if (node.op === "rcall" && (TIME_PARTS as readonly string[]).includes(name) && !isTimezone(text)) return { ...noZone(text), at: first };
  return undefined;
}

function isMoment(text: string): boolean {
  const ms = unixMsOf(text);
  if (ms === undefined || !/(Z|[+-]\d{2}:\d{2})$/i.test(text)) return false;
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split("-").map(Number);
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
}

function outOfList(list: ASTNode, index: ASTNode): Explained | undefined {
  const at = numberOf(index);
  if (at === undefined) return undefined;
  if (at < 0) return { message: "a list has no item before the first", hint: "The first item is [0].", at: index };
  if (list.op !== "list" || at < list.args.length) return undefined;
  return { message: `this list has ${list.args.length} items`, hint: `The last is [${list.args.length - 1}].`, at: index };
}

const NOT_A_TIME = { message: "not a timestamp", hint: 'Such as "2026-01-31T09:00:00Z".' };
const EXPLAINED: Record<string, Explained> = {
  timestamp: NOT_A_TIME,
  duration: { message: "not a duration", hint: 'Such as "90s", "5m" or "1h30m".' },
  int: { message: "not a whole number" },
  uint: { message: "not a whole number of 0 or more" },
  double: { message: "not a number" },
  bool: { message: "not true or false", hint: 'Such as bool("true").' },
};

function noZone(text: string): Explained {
  return { message: `there is no time zone "${text}"`, hint: timezoneHint(text) };
}

function explain(node: ASTNode): Explained {
  if (node.op === "/" || node.op === "%") {
    if (numberOf(node.args[1]) === 0) return { message: "a division by 0", hint: "It fails on every call." };
  }
  const name = node.op === "call" || node.op === "rcall" ? node.args[0] : undefined;
  if (/^([<>=!]=?|in)$/.test(node.op))
    return { message: "this comparison fails on every call", hint: "Its sides are of two kinds.", at: node };
  if (name === undefined)
    return { message: "this calculation fails on every call", hint: "Whole numbers end at 9223372036854775807.", at: node };
  return EXPLAINED[name] ?? { message: `${name}() fails on every call with this`, hint: "Counts begin at 0 and end with the text." };
}
