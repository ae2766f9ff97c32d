import type { ASTNode } from "@marcbachmann/cel-js";
import type { Call } from "../../model/call.ts";
import { RouteFault } from "../../route.ts";
import { BUDGET_STEPS, BudgetError } from "./budget.ts";
import { createConstantCheck } from "./constants.ts";
import { contextOf } from "./context.ts";
import { createCheckEnvironment, createRunEnvironment, type RunEnvironment } from "./environment.ts";
import { type ExpressionFinding, explainCelError, kindOfType } from "./explain.ts";
import { type KnownWords, nearMisses } from "./near-misses.ts";
import { nestedListWarnings } from "./nested-lists.ts";
import { patternFindings } from "./patterns.ts";
import { truth } from "./rewrite.ts";

export type When = (call: Call) => boolean;

export interface WhenCompiler {
  /** `when` is undefined if a finding is an error. */
  compile(expression: string): { when: When | undefined; findings: ExpressionFinding[] };
}

/** Environments are dear to make (0.5 ms) and shared by all routes of a file. */
export function createWhenCompiler(options: { timezone: string; known: KnownWords }): WhenCompiler {
  const check = createCheckEnvironment();
  const constantFindings = createConstantCheck(options);
  let run: RunEnvironment | undefined;

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
      const findings = [...patternFindings(ast), ...constantFindings(ast), ...nearMisses(ast, options.known), ...nestedListWarnings(ast)];
      if (findings.some((finding) => finding.severity !== "warning")) return { when: undefined, findings };

      run ??= createRunEnvironment(options);
      return { when: evaluatorOf(ast, run), findings };
    },
  };
}

/** @throws {Error} where rewriting has made of a correct expression what cannot run: a fault of ours, found when the file is loaded. */
function evaluatorOf(ast: ASTNode, { environment, budget }: RunEnvironment): When {
  const evaluate = environment.parse(truth(ast));
  const { valid, error } = evaluate.check();
  if (!valid) throw new Error(`an expression cannot be rewritten: ${error?.message}`);
  return (call) => {
    budget.reset();
    return ask(evaluate, call, budget.isSpent);
  };
}

/** @throws {RouteFault} without a word of the call: only the kind of the failure. */
function ask(evaluate: (context: Record<string, unknown>) => unknown, call: Call, isSpent: () => boolean): boolean {
  let answer: unknown;
  let failure: unknown;
  try {
    answer = evaluate(contextOf(call));
  } catch (error) {
    failure = error;
  }
  // A macro that finds what it looks for keeps the failures before it to itself: they are no answer either.
  if (isSpent() || failure instanceof BudgetError) {
    const said = `it takes more than ${BUDGET_STEPS.toLocaleString("en-US")} steps: the call's lists or texts are too long for it`;
    throw new RouteFault("filter_fault", `"when" failed on this call (too_many_steps): ${said}`);
  }
  if (failure === undefined) return answer === true;
  const code = failure instanceof Error && "code" in failure ? String(failure.code) : "failed";
  throw new RouteFault("filter_fault", `"when" failed on this call (${code}): it compares or converts something of the wrong kind`);
}
