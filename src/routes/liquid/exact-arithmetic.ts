import type { Liquid } from "liquidjs";
import { ExactNumber, parseJsonExactly } from "../../lib/text/exact-number.ts";

type Calculate = (value: bigint, other: bigint) => bigint;

/** Whole numbers only; `modulo` has the sign of what it divides by, as Liquid's own. */
const CALCULATIONS: Record<string, Calculate> = {
  plus: (a, b) => a + b,
  minus: (a, b) => a - b,
  times: (a, b) => a * b,
  modulo: (a, b) => ((a % b) + b) % b,
  at_least: (a, b) => greater(a, b),
  at_most: (a, b) => -greater(-a, -b),
};
/** `Math.max` takes no bigint. */
function greater(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

/** Of a whole number they make the number itself. */
const ROUNDINGS = ["ceil", "floor", "round", "to_integer"];

/**
 * Filters of numbers for those that a double does not hold ({@link ExactNumber}): whole ones are calculated with every digit. A fraction, and a division,
 * is calculated as Liquid always does, as doubles.
 */
export function registerExactArithmetic(liquid: Liquid): void {
  for (const [name, calculate] of Object.entries(CALCULATIONS)) {
    override(liquid, name, ([value, other]) => {
      const [a, b] = [wholeOf(value), wholeOf(other)];
      return a === undefined || b === undefined || (name === "modulo" && b === 0n) ? undefined : numberOf(calculate(a, b));
    });
  }
  for (const name of ROUNDINGS) {
    override(liquid, name, ([value, places]) => (places === undefined && wholeOf(value) !== undefined ? value : undefined));
  }
  override(liquid, "abs", ([value]) => {
    const whole = wholeOf(value);
    return whole === undefined ? undefined : numberOf(whole < 0n ? -whole : whole);
  });
  override(liquid, "sum", ([list, property]) => {
    if (!Array.isArray(list) || property !== undefined) return undefined;
    const wholes = list.map(wholeOf);
    return wholes.every((whole) => whole !== undefined) ? numberOf(wholes.reduce((a, b) => a + b, 0n)) : undefined;
  });
}

/** `exactly` answers undefined where the engine's own filter is to do it. */
function override(liquid: Liquid, name: string, exactly: (args: unknown[]) => unknown): void {
  const own = liquid.filters[name];
  const handler = typeof own === "function" ? own : own?.handler;
  if (!handler) throw new Error(`Liquid has no filter ${name}`);
  liquid.registerFilter(name, function (this: unknown, ...args: unknown[]) {
    const isExact = args.some((arg) => arg instanceof ExactNumber || (Array.isArray(arg) && arg.some((one) => one instanceof ExactNumber)));
    return (isExact ? exactly(args) : undefined) ?? handler.apply(this as never, args as never);
  });
}

/** A product of longer ones takes seconds, and doubles with each `times`. */
const MAX_DIGITS = 1_000;

function wholeOf(value: unknown): bigint | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  const text = value instanceof ExactNumber ? value.text : typeof value === "string" ? value.trim() : "";
  return text.length <= MAX_DIGITS && /^-?\d+$/.test(text) ? BigInt(text) : undefined;
}

const numberOf = (whole: bigint) => parseJsonExactly(String(whole));
