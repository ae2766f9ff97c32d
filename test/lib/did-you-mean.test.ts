import { expect, test } from "vitest";
import { closest, didYouMean, editDistance } from "../../src/lib/text/did-you-mean.ts";

test("a slip of the finger finds its word", () => {
  expect(closest("wehn", ["id", "to", "when", "with"])).toBe("when");
  expect(closest("hubspt", ["hubspot", "slack"])).toBe("hubspot");
  expect(closest("durasion", ["direction", "duration_seconds"])).toBe("duration_seconds");
  expect(closest("When", ["when"])).toBe("when");
});

test("a far-off word finds nothing", () => {
  expect(closest("colour", ["id", "to", "when"])).toBeUndefined();
  expect(closest("cat", ["to"])).toBeUndefined();
  expect(closest("to", ["to"])).toBeUndefined();
  expect(didYouMean("colour", [])).toBeUndefined();
});

test("swapped neighbours are one edit", () => {
  expect([editDistance("ab", "ba"), editDistance("abc", "abd"), editDistance("", "abc"), editDistance("kitten", "sitting")]).toEqual([
    1, 1, 3, 3,
  ]);
});
