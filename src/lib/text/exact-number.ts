/**
 * A number of a JSON text that a double does not hold: 12345678901234567890, 1e400. It keeps its text, so that nobody downstream gets another number.
 * `String()` gives the text, `JSON.stringify` writes it as a number (`JSON.rawJSON`, https://tc39.es/proposal-json-parse-with-source/).
 */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): unknown {
    return rawJson(this.text);
  }

  /** The five by which Liquid compares values that are no plain ones. With a text that is no number, all are false. */
  equals(other: unknown): boolean {
    return this.#compare(other) === 0;
  }

  gt(other: unknown): boolean {
    return this.#compare(other) > 0;
  }

  geq(other: unknown): boolean {
    return this.#compare(other) >= 0;
  }

  lt(other: unknown): boolean {
    return this.#compare(other) < 0;
  }

  leq(other: unknown): boolean {
    return this.#compare(other) <= 0;
  }

  #compare(other: unknown): number {
    const isNumber = other instanceof ExactNumber || typeof other === "number" || typeof other === "string";
    return isNumber ? compareDecimals(this.text, String(other).trim()) : Number.NaN;
  }
}

/** Below, at or above 0 as the first is less, equal or more; NaN where one is no number. Reads the digits, so that none is lost. */
export function compareDecimals(one: string, other: string): number {
  const [a, b] = [partsOf(one), partsOf(other)];
  if (!a || !b) return Number.NaN;
  if (a.sign !== b.sign) return a.sign - b.sign;
  if (a.size !== b.size) return a.size > b.size ? a.sign : -a.sign;
  const length = Math.max(a.digits.length, b.digits.length);
  const [first, second] = [a.digits.padEnd(length, "0"), b.digits.padEnd(length, "0")];
  return first === second ? 0 : first > second ? a.sign : -a.sign;
}

/** `size`: where the first digit stands before or behind the point. */
function partsOf(text: string): { sign: number; digits: string; size: bigint } | undefined {
  if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return undefined;
  const normal = normalDecimal(text);
  if (/^-?0$/.test(normal)) return { sign: 0, digits: "", size: 0n };
  const { sign = "", digits = "", exponent = "" } = /^(?<sign>-?)(?<digits>\d+)e(?<exponent>-?\d+)$/.exec(normal)?.groups ?? {};
  if (digits === "" || exponent.length > MAX_EXPONENT_LENGTH) return undefined;
  return { sign: sign === "-" ? -1 : 1, digits, size: BigInt(exponent) + BigInt(digits.length) };
}

// TypeScript's library does not know the proposal yet; Node has it since version 21.
type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown;
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/** As `JSON.parse`, but numbers that a double would alter become {@link ExactNumber}s. @throws {SyntaxError} */
export function parseJsonExactly(text: string): unknown {
  return parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && !isHeld(value, source) ? new ExactNumber(source) : value,
  );
}

/** Larger exponents are kept as they are spelled: reading one of a million digits takes seconds. */
const MAX_EXPONENT_LENGTH = 20;

/** One form for every spelling of a number: `12e3` for 12000, 1.2e4 and 12000.0. */
export function normalDecimal(source: string): string {
  const {
    sign = "",
    whole = "",
    fraction = "",
    exponent = "0",
  } = /^(?<sign>-?)(?<whole>\d+)(?:\.(?<fraction>\d+))?(?:[eE](?<exponent>[+-]?\d+))?$/.exec(source)?.groups ?? {};
  if (exponent.length > MAX_EXPONENT_LENGTH) return source;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = withoutTrailingZeros(digits);
  if (significant === "") return `${sign}0`;
  return `${sign}${significant}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length)}`;
}

/** Not `/0+$/`: that tries again at every zero, and a number of 100,000 digits with a 1 at its end takes fifteen seconds. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === "0") end -= 1;
  return digits.slice(0, end);
}

/** Whether the double, written out again, is the number that was read. */
function isHeld(value: number, source: string): boolean {
  const written = Object.is(value, -0) ? "0" : String(value);
  return written === source || (Number.isFinite(value) && normalDecimal(written) === normalDecimal(source));
}
