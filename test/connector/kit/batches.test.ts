import { expect, test } from "vitest";
import { chunk, splitOnRefusal } from "../../../src/connector/index.ts";

class Refused extends Error {}

/** Refuses every batch with a negative number in it. */
function writer() {
  const requests: number[][] = [];
  const write = async (items: number[]) => {
    requests.push(items);
    if (items.some((item) => item < 0)) throw new Refused();
    return items.map(String);
  };
  return { requests, write, refusalOf: (error: unknown) => (error instanceof Refused ? "refused" : undefined) };
}

test("parts of a size, in order; none of nothing", () => {
  expect([chunk([1, 2, 3, 4, 5], 2), chunk([], 2)]).toEqual([[[1, 2], [3, 4], [5]], []]);
});

test("the refused item of a batch is found, and the others are written", async () => {
  const { requests, ...options } = writer();
  expect(await splitOnRefusal({ items: [1, 2, -3, 4], ...options })).toEqual(["1", "2", "refused", "4"]);
  expect(requests).toEqual([[1, 2, -3, 4], [1, 2], [-3, 4], [-3], [4]]);
});

test("an error that is no refusal is thrown", async () => {
  const options = { ...writer(), write: () => Promise.reject(new Error("away")) };
  await expect(splitOnRefusal({ items: [1, 2], ...options })).rejects.toThrow("away");
});

test("items that the error names are not sent again", async () => {
  const { requests, ...options } = writer();
  const divide = (items: readonly number[]) => ({ refused: items.filter((item) => item < 0), parts: [items.filter((item) => item > 0)] });
  expect(await splitOnRefusal({ items: [1, -2, 3], ...options, divide })).toEqual(["1", "refused", "3"]);
  expect(requests).toEqual([
    [1, -2, 3],
    [1, 3],
  ]);
});

test("what the budget does not reach is not written", async () => {
  const { requests, ...options } = writer();
  const budget = { left: 1 };
  expect(await splitOnRefusal({ items: [1, 2, 3, -4], ...options, budget, exhausted: () => "later" })).toEqual([
    "1",
    "2",
    "later",
    "later",
  ]);
  expect([requests.length, budget.left]).toEqual([2, 0]);
});
