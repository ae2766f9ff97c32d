import { expect, test } from "vitest";
import { compileLinearRegExp, isNotLinear } from "../../src/lib/text/linear-regexp.ts";

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
      return isNotLinear(error);
    }
    return "accepted";
  };
  expect(["(a)\\1", "(?=a)b", "(?<=a)\\1b(c)", "a{1000}"].map(refusal)).toEqual([true, true, true, true]);
  expect(["(", "[", "a**"].map(refusal)).toEqual([false, false, false]);
});
