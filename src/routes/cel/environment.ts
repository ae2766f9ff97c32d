import { Environment } from "@marcbachmann/cel-js";
import { compileLinearRegExp } from "../../lib/linear-regexp.ts";
import { VISIBLE_NAMES } from "../names.ts";
import { createLocalTime } from "./local-time.ts";

/** Structural limits of an expression as a person writes it. */
const LIMITS = { maxAstNodes: 2_000, maxDepth: 50, maxListElements: 1_000, maxMapEntries: 100, maxCallArguments: 16 };

/** What expressions are checked against when the file is loaded: the names of a call and their types, strictly. */
export function createCheckEnvironment(): Environment {
  const environment = new Environment({ limits: LIMITS });
  declareNames(environment);
  return environment;
}

/**
 * What the rewritten expression runs in (see `rewrite.ts`): the same names, functions that take null for an answer, and null in
 * comparisons. `metadata` is the only thing whose shape is not known, so it is the only place where null comes from.
 */
export function createRunEnvironment(options: { timezone: string }): Environment {
  // Rewriting adds calls and brackets around what the check has limited already.
  const environment = new Environment({ limits: { ...LIMITS, maxAstNodes: 20_000, maxDepth: 400 } });
  declareNames(environment);
  declareHelpers(environment, options.timezone);
  declareNull(environment);
  return environment;
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

function declareHelpers(environment: Environment, timezone: string): void {
  const localTime = createLocalTime(timezone);
  const patterns = new Map<string, RegExp>();

  environment.registerFunction("at_(dyn, dyn): dyn", (of: unknown, key: unknown) => member(of, key));
  environment.registerFunction("true_(dyn): bool", (value: unknown) => {
    if (value === null) return false;
    if (typeof value === "boolean") return value;
    throw new TypeError("not true or false");
  });
  environment.registerFunction("items_(dyn): dyn", (value: unknown) => value ?? []);
  environment.registerFunction("clock_(dyn, string): dyn", (value: unknown, part: string) => {
    if (value === null) return null;
    if (value instanceof Date) return localTime(value, part);
    // A span (`end_time - start_time`) has hours and minutes of its own, in no zone.
    const own: unknown = typeof value === "object" ? Reflect.get(value as object, part) : undefined;
    if (typeof own === "function") return own.call(value);
    throw new TypeError("not a time");
  });
  environment.registerFunction("matches_(dyn, string): bool", (text: unknown, pattern: string) => {
    if (text === null) return false;
    if (typeof text !== "string") throw new TypeError("not a text");
    let compiled = patterns.get(pattern);
    if (!compiled) {
      compiled = compileLinearRegExp(pattern);
      patterns.set(pattern, compiled);
    }
    return compiled.test(text);
  });
}

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
