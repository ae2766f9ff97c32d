import type { ASTNode, Environment } from "@marcbachmann/cel-js";
import { didYouMean } from "../../lib/did-you-mean.ts";
import { compileLinearRegExp, isNotLinear } from "../../lib/linear-regexp.ts";
import type { Call } from "../../model/call.ts";
import { RouteFault } from "../../route.ts";
import { VISIBLE_NAMES } from "../names.ts";
import { createCheckEnvironment, createRunEnvironment } from "./environment.ts";
import { type ExpressionFinding, explainCelError, kindOfType } from "./explain.ts";
import { rewrite, truth } from "./rewrite.ts";

/** Words that a text can be compared with, where the file knows them all. */
export type KnownWords = Partial<Record<"agent" | "source" | "direction", string[]>>;

export type When = (call: Call) => boolean;

export interface WhenCompiler {
  /** `when` is undefined if a finding is an error. */
  compile(expression: string): { when: When | undefined; findings: ExpressionFinding[] };
}

/** Environments are dear to make (0.5 ms) and shared by all routes of a file. */
export function createWhenCompiler(options: { timezone: string; known: KnownWords }): WhenCompiler {
  const check = createCheckEnvironment();
  let run: Environment | undefined;

  return {
    compile(expression) {
      const checked = check.check(expression);
      if (!checked.valid) {
        const finding = checked.error ? explainCelError(checked.error, expression, check) : { offset: 0, message: "cannot be read" };
        return { when: undefined, findings: [finding] };
      }
      if (checked.type !== "bool" && checked.type !== "dyn") {
        const finding = {
          offset: 0,
          message: `"when" must be true or false, and this is ${kindOfType(checked.type ?? "")}`,
          hint: "Compare it with something: ==, !=, <, >, in.",
        };
        return { when: undefined, findings: [finding] };
      }
      const { ast } = check.parse(expression);
      const findings = [...regexpFindings(ast), ...literalFindings(ast), ...wordWarnings(ast, options.known)];
      if (findings.some((finding) => finding.severity !== "warning")) return { when: undefined, findings };

      run ??= createRunEnvironment(options);
      const evaluate = run.parse(truth(ast));
      return { when: (call) => ask(evaluate, call), findings };
    },
  };
}

/** @throws {RouteFault} without a word of the call: only the kind of the failure. */
function ask(evaluate: (context: Record<string, unknown>) => unknown, call: Call): boolean {
  let answer: unknown;
  try {
    answer = evaluate(contextOf(call));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "failed";
    throw new RouteFault("filter_fault", `"when" failed on this call (${code}): it compares or converts something of the wrong kind`);
  }
  return answer === true;
}

const TEXTS = VISIBLE_NAMES.filter(({ type }) => type === "string").map(({ name }) => name);

/** A call as CEL sees it: whole numbers are bigint, times are dates, absent texts are "". */
function contextOf(call: Call): Record<string, unknown> {
  const context: Record<string, unknown> = {};
  for (const name of TEXTS) context[name] = call[name] ?? "";
  context.duration_seconds = BigInt(Math.trunc(call.duration_seconds));
  context.start_time = new Date(call.start_time);
  context.end_time = new Date(call.end_time);
  context.test = call.test;
  context.metadata = toCel(call.metadata ?? {});
  return context;
}

function toCel(value: unknown): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toCel(item)]));
  }
  return value;
}

/** Every node of an expression, outermost first. */
function* nodesOf(node: ASTNode): Generator<ASTNode> {
  yield node;
  const seen: unknown[] = [node.args];
  while (seen.length > 0) {
    const part = seen.pop();
    if (Array.isArray(part)) seen.push(...part.toReversed());
    else if (isNode(part)) yield* nodesOf(part);
  }
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value && "args" in value;
}

function regexpFindings(ast: ASTNode): ExpressionFinding[] {
  const findings: ExpressionFinding[] = [];
  for (const node of nodesOf(ast)) {
    if (node.op !== "rcall" || node.args[0] !== "matches") continue;
    const pattern = node.args[2][0];
    if (!pattern) continue;
    if (pattern.op !== "value" || typeof pattern.args !== "string") {
      findings.push({
        offset: pattern.start,
        message: "the pattern of matches() must be written out as a text",
        hint: 'Such as summary.matches("refund|complaint").',
      });
      continue;
    }
    try {
      compileLinearRegExp(pattern.args);
    } catch (error) {
      findings.push({ offset: pattern.start, ...explainRegExp(error, pattern.args) });
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
  if (isNotLinear(error)) {
    return {
      message: "this regular expression could take very long on a long text",
      hint: "Look-around (?=…), back-references \\1 and counts in the hundreds are not supported.",
    };
  }
  const reason = error instanceof Error ? error.message.split(": ").at(-1) : undefined;
  return {
    message: `not a regular expression${reason ? `: ${reason.toLowerCase()}` : ""}`,
    hint: 'A character that means itself needs a backslash: r"\\(".',
  };
}

/** `timestamp("…")` and `duration("…")` of a written-out text are tried now, not on the first call. */
function literalFindings(ast: ASTNode): ExpressionFinding[] {
  const findings: ExpressionFinding[] = [];
  const environment = createCheckEnvironment();
  for (const node of nodesOf(ast)) {
    if (node.op !== "call") continue;
    const [name, args] = node.args;
    const [first] = args;
    if (first?.op !== "value" || typeof first.args !== "string" || !["timestamp", "duration"].includes(name)) continue;
    try {
      environment.parse(rewrite(node).replace(/^dyn\((.*)\)$/s, "$1"))({});
    } catch {
      const example = name === "timestamp" ? '"2026-01-31T09:00:00Z"' : '"90s", "5m" or "1h30m"';
      findings.push({ offset: first.start, message: `not a ${name}`, hint: `Such as ${example}.` });
    }
  }
  return findings;
}

/** `agent == "slaes"` is a correct expression that is never true: worth a word. */
function wordWarnings(ast: ASTNode, known: KnownWords): ExpressionFinding[] {
  const findings: ExpressionFinding[] = [];
  for (const node of nodesOf(ast)) {
    if (node.op !== "==" && node.op !== "!=" && node.op !== "in") continue;
    for (const [side, other] of [node.args, node.args.toReversed() as [ASTNode, ASTNode]]) {
      const words = side.op === "id" ? known[side.args as keyof KnownWords] : undefined;
      if (!words) continue;
      for (const literal of other.op === "list" ? other.args : [other]) {
        if (literal.op !== "value" || typeof literal.args !== "string" || literal.args === "" || words.includes(literal.args)) continue;
        findings.push({
          offset: literal.start,
          message: `${String(side.args)} is never "${literal.args}"`,
          hint:
            didYouMean(literal.args, words) ??
            (words.length > 0
              ? `It is one of ${words.map((word) => `"${word}"`).join(", ")}.`
              : `No ${String(side.args)} is named in this file.`),
          severity: "warning",
        });
      }
    }
  }
  return findings;
}
