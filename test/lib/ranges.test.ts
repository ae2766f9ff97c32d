import { expect, test } from "vitest";
import { covered, formatRanges } from "../../src/lib/text/ranges.ts";

test("offsets of ranges that overlap count once, in each partition for itself", () => {
  expect(covered([])).toBe(0);
  const ranges = [
    { partition: 0, from: 5, to: 8 },
    { partition: 1, from: 5, to: 6 },
    { partition: 0, from: 7, to: 10 },
    { partition: 0, from: 6, to: 7 },
    { partition: 0, from: 20, to: 21 },
  ];
  expect(covered(ranges)).toBe(7);
  expect(formatRanges(ranges)).toBe("partition 0: 5–7, partition 1: 5, partition 0: 7–9, 2 more");
});
