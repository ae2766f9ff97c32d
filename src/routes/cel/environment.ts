import { Environment } from "@marcbachmann/cel-js";
import { memoize } from "../../lib/cache/memoize.ts";
import { compileLinearRegExp } from "../../lib/text/linear-regexp.ts";
import { VISIBLE_NAMES } from "../compile/template-fields.ts";
import { type Budget, costOfLooking, createBudget, sizeOf } from "./budget.ts";
import { createLocalTime } from "./local-time.ts";

/** Structural limits of an expression as a person writes it. */
const LIMITS = { maxAstNodes: 2_000, maxDepth: 50, maxListElements: 1_000, maxMapEntries: 100, maxCallArguments: 16 };

/** What expressions are checked against when the file is loaded: the names of a call and their types, strictly. */
export function createCheckEnvironment(): Environment {
  const environment = new Environment({ limits: LIMITS });
  declareNames(environment);
  return environment;
}

/** What rewritten expressions run in, and the budget of each run. */
export interface RunEnvironment {
  environment: Environment;
  budget: Budget;
}

/**
 * What the rewritten expression runs in (see `rewrite.ts`): the same names, functions that take null for an answer, and null in
 * comparisons. `metadata` is the only thing whose shape is not known, so it is the only place where null comes from.
 * @param options.extraNames more names, of any type: the probes of `constants.ts`.
 */
export function createRunEnvironment(options: { timezone: string; extraNames?: readonly string[] }): RunEnvironment {
  const environment = new Environment({
    // Rewriting adds calls and brackets around what the check has limited already.
    limits: { ...LIMITS, maxAstNodes: 20_000, maxDepth: 400 },
    // The check has seen that items are of one type; what rewriting puts around one of them hides its type.
    homogeneousAggregateLiterals: false,
  });
  const budget = createBudget();
  declareNames(environment);
  for (const name of options.extraNames ?? []) environment.registerVariable(name, "dyn");
  declareHelpers(environment, options.timezone, budget);
  declareNull(environment);
  return { environment, budget };
}

function declareNames(environment: Environment): void {
  for (const { name, type } of VISIBLE_NAMES) {
    environment.registerVariable(name, type === "timestamp" ? TIMESTAMP : type);
  }
  // CEL compares whole and other numbers by size, so that they may be equal, too.
  environment.registerOperator("int == double", (a: bigint | number, b: bigint | number) => Number(a) === Number(b));
}

const TIMESTAMP = "google.protobuf.Timestamp";
const DURATION = "google.protobuf.Duration";

function declareHelpers(environment: Environment, timezone: string, budget: Budget): void {
  const localTimeIn = memoize(createLocalTime);
  const patternOf = memoize(compileLinearRegExp);

  environment.registerFunction("at_(dyn, dyn): dyn", (of: unknown, key: unknown) => member(of, key));
  environment.registerFunction("true_(dyn): bool", (value: unknown) => {
    if (value === null) return false;
    if (typeof value === "boolean") return value;
    throw new TypeError("not true or false");
  });
  environment.registerFunction("clock_(dyn, string): dyn", (value: unknown, part: string) => {
    // A span (`end_time - start_time`) has hours and minutes of its own, in no zone.
    const own: unknown = typeof value === "object" && !(value instanceof Date) && value !== null ? Reflect.get(value, part) : undefined;
    return typeof own === "function" ? own.call(value) : clock(value, part, timezone);
  });
  environment.registerFunction("clock_(dyn, string, dyn): dyn", (value: unknown, part: string, zone: unknown) => clock(value, part, zone));
  environment.registerFunction("matches_(dyn, string): bool", (text: unknown, pattern: string) => {
    if (text === null) return false;
    if (typeof text !== "string") throw new TypeError("not a text");
    budget.spend(sizeOf(text));
    return patternOf(pattern).test(text);
  });

  function clock(value: unknown, part: string, zone: unknown): bigint | null {
    if (value === null || zone === null) return null;
    if (!(value instanceof Date) || typeof zone !== "string") throw new TypeError("not a time");
    budget.spend(CLOCK_STEPS);
    return localTimeIn(zone)(value, part);
  }

  environment.registerFunction("items_(dyn, int): dyn", (value: unknown, parts: bigint) => {
    budget.spend(0);
    // An expression may compare an item as a whole: with a list inside it costs what is in that.
    budget.spend(costOfLooking(value) * Number(parts) * STEPS_A_PART);
    return value ?? [];
  });
  environment.registerFunction("pool_(dyn): dyn", (value: unknown) => {
    budget.spend(0);
    // Whether a group has a field is known without looking at the others.
    if (Array.isArray(value)) budget.spend(costOfLooking(value));
    return value ?? [];
  });
  environment.registerFunction("look_(dyn): dyn", (value: unknown) => {
    budget.spend(0);
    budget.spend(costOfLooking(value));
    return value;
  });
  environment.registerFunction("make_(dyn): dyn", (value: unknown) => {
    budget.spend(sizeOf(value));
    return value;
  });
}

/** What evaluating one part of an expression costs. */
const STEPS_A_PART = 4;

/** Reading a clock in a zone takes some microseconds. */
const CLOCK_STEPS = 100;

/** A field of a group or an item of a list; null where there is none. Own fields only. */
function member(of: unknown, key: unknown): unknown {
  if (of === null || typeof of !== "object") return null;
  if (Array.isArray(of)) return (typeof key === "bigint" || typeof key === "number" ? of[Number(key)] : undefined) ?? null;
  if (typeof key !== "string" || !Object.hasOwn(of, key)) return null;
  return (of as Record<string, unknown>)[key] ?? null;
}

/** With null, every order comparison and every question about a text is false, and every calculation is null. */
function declareNull(environment: Environment): void {
  const orderable = ["int", "uint", "double", "string", "bool", TIMESTAMP, DURATION];
  for (const operator of ["<", "<=", ">", ">="]) {
    for (const type of orderable) {
      environment.registerOperator(`null ${operator} ${type}`, () => false);
      environment.registerOperator(`${type} ${operator} null`, () => false);
    }
    environment.registerOperator(`null ${operator} null: bool`, () => false);
  }
  for (const operator of ["+", "-", "*", "/", "%"]) {
    for (const type of ["int", "double", "string", TIMESTAMP, DURATION]) {
      environment.registerOperator(`null ${operator} ${type}: null`, () => null);
      environment.registerOperator(`${type} ${operator} null: null`, () => null);
    }
    environment.registerOperator(`null ${operator} null: null`, () => null);
  }
  environment.registerOperator("-null: null", () => null);
  for (const name of ["contains", "startsWith", "endsWith"]) {
    environment.registerFunction(`null.${name}(string): bool`, () => false);
    environment.registerFunction(`null.${name}(null): bool`, () => false);
    environment.registerFunction(`string.${name}(null): bool`, () => false);
  }
  const questions = [
    "lowerAscii()",
    "upperAscii()",
    "trim()",
    "split(string)",
    "split(string, int)",
    "substring(int)",
    "substring(int, int)",
  ];
  questions.push("indexOf(string)", "indexOf(string, int)", "lastIndexOf(string)", "lastIndexOf(string, int)", "join()", "join(string)");
  for (const question of questions) environment.registerFunction(`null.${question}: null`, () => null);
  for (const name of ["int", "double", "string", "bool"]) environment.registerFunction(`${name}(null): null`, () => null);
  environment.registerFunction("timestamp(null): null", () => null);
  environment.registerFunction("duration(null): null", () => null);
  environment.registerFunction("size(null): int", () => 0n);
  environment.registerFunction("null.size(): int", () => 0n);
}
