import { describe, expect, it } from "vitest";
import { ExactNumber, normalDecimal, parseJsonExactly } from "../../src/lib/text/exact-number.ts";

describe("numbers of a JSON text", () => {
  it.each(["1234567890123456789", "9007199254740993", "12345678901234567890", "1e400", "-1e400", "1e-400", "0.12345678901234567890", "-0"])(
    "%s comes out as it came in",
    (number) => {
      const text = `{"a":${number},"list":[${number}]}`;
      const parsed = parseJsonExactly(text) as { a: unknown };
      expect(parsed.a).toBeInstanceOf(ExactNumber);
      expect(String(parsed.a)).toBe(number);
      expect(JSON.stringify(parsed)).toBe(text);
    },
  );

  it.each(["0", "1", "-7", "1.5", "1.10", "1.0", "147", "1e3", "1E+3", "9007199254740992", "9007199254740994", "0.1", "1e21", "5e-324"])(
    "%s is a plain number, since a double holds it",
    (number) => {
      expect(parseJsonExactly(number)).toBe(Number(number));
    },
  );

  it("one number has one normal form, however it is spelled", () => {
    for (const same of ["12000", "12000.0", "1.2e4", "1.2E+4", "120e2", "0012000"]) expect(normalDecimal(same)).toBe("12e3");
    expect(new Set(["0", "0.0", "0e5"].map(normalDecimal))).toEqual(new Set(["0"]));
  });

  it.each([
    ["whole", `1${"0".repeat(400_000)}1`],
    ["behind the point", `0.${"0".repeat(400_000)}1`],
    ["ending in them", `1${"0".repeat(400_000)}`],
    ["beginning with them", `0.${"0".repeat(200_000)}1${"0".repeat(200_000)}1`],
  ])("a number with 400,000 zeros in it (%s) is no work", (_where, number) => {
    expect(String(parseJsonExactly(number))).toBe(number);
  });

  it("an exponent of a million digits is no work", () => {
    expect(String(parseJsonExactly(`1e${"9".repeat(1000)}`))).toHaveLength(1002);
  });
});
