import { describe, expect, test } from "vitest";
import { compileLinearRegExp, NotLinearError } from "../../src/lib/text/linear-regexp.ts";

test("finds what other engines find", () => {
  expect(compileLinearRegExp("^\\+49[0-9]{3,}$").test("+4930123")).toBe(true);
  expect(compileLinearRegExp("\\b(refund|complaint)\\b").test("a refund, please")).toBe(true);
  expect(compileLinearRegExp("grüße").test("viele grüße")).toBe(true);
  expect(compileLinearRegExp("^a.c$").test("abcd")).toBe(false);
});

test("patterns and texts that make backtracking explode end", () => {
  expect(compileLinearRegExp("^(a+)+$").test(`${"a".repeat(100_000)}!`)).toBe(false);
  expect(compileLinearRegExp("(x+x+)+y").test("x".repeat(100_000))).toBe(false);
});

test("what cannot be done in linear time is told from what is wrong", () => {
  const refusal = (pattern: string) => {
    try {
      compileLinearRegExp(pattern);
    } catch (error) {
      return error instanceof NotLinearError;
    }
    return "accepted";
  };
  expect(["(a)\\1", "(?=a)b", "(?<=a)\\1b(c)", "a{1000}"].map(refusal)).toEqual([true, true, true, true]);
  expect(["(", "[", "a**"].map(refusal)).toEqual([false, false, false]);
});

describe("a pattern that was written for JavaScript's engine", () => {
  const finds = (pattern: string, text: string) => compileLinearRegExp(pattern).test(text);
  /** By JavaScript's own engine, on texts that are short. */
  const texts = ["", "a", "ab", "a\u00a0b", "a b", "\u3000", "b@c.de", "äöü", "+49 30", "\n", "a\\s", "]", "[a]", "{a}", "x_y-z", "Ⅷ", "/"];

  test.each([
    "\\s",
    "a\\sb",
    "^\\S+$",
    "[^\\s]+$",
    "[\\s\\S]",
    "[\\s,]",
    "\\S+@\\S+",
    "\\]\\s*$",
    "\\\\s",
    "[a\\]]",
    "\\ä",
    "[\\ä]",
    "\\/",
    "\\-",
    "\\_",
    "\\u00e4",
    "\\x61",
    "(?<name>a)b",
    "(?<=a)b",
    "(?<!a)b",
    "{a}",
    "a{,3}",
    "a{1,16}",
    "\\w+",
    "\\bb",
    "\\d{2}",
    "[^]",
    "[]",
  ])("finds the same: %s", (pattern) => {
    expect(texts.filter((text) => finds(pattern, text))).toEqual(texts.filter((text) => new RegExp(pattern).test(text)));
  });

  test("counts more than it did, and knows classes of Unicode", () => {
    expect(finds("^a{20,99}$", "a".repeat(50))).toBe(true);
    expect(finds("^\\p{Lu}\\p{Ll}+$", "Änderung")).toBe(true);
    expect(finds("^.$", "🙂")).toBe(true);
  });

  test("cannot ignore case, refer back by a name, or count to a hundred", () => {
    expect(() => compileLinearRegExp("(?i)x")).toThrow(SyntaxError);
    for (const pattern of ["(?<n>a)\\k<n>", "a{100}", "a{1,100}", "(a{50}){50}"])
      expect(() => compileLinearRegExp(pattern), pattern).toThrow(NotLinearError);
  });

  test("a long text against large counts ends soon", () => {
    const startedAt = performance.now();
    expect(finds("(.{0,99}x){0,9}y$", `${"abcx".repeat(50_000)}y!`)).toBe(false);
    expect(finds("(?<=a.*)b$", "ab".repeat(100_000).concat("c"))).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });
});
