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
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return `${sign}0`;
  return `${sign}${significant}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length)}`;
}

/** Whether the double, written out again, is the number that was read. */
function isHeld(value: number, source: string): boolean {
  const written = Object.is(value, -0) ? "0" : String(value);
  return written === source || (Number.isFinite(value) && normalDecimal(written) === normalDecimal(source));
}
