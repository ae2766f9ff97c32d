import { expect, test } from "vitest";
import { allParts, keepNotes } from "../../../src/connector/index.ts";

/** What becomes of one call's notes, of which the destination has "old". */
async function kept(earlier: string[], own: string[], read: () => string = () => "old"): Promise<string> {
  const item = { notes: "new" };
  await keepNotes({
    items: [item],
    partsOf: () => ({ earlier, own }),
    leave: (one) => Object.assign(one, { notes: "(left)" }),
    read: async () => new Map([[item, read()]]),
    putAbove: (one, existing) => Object.assign(one, { notes: `new above ${existing}` }),
    failed: (one, error) => Object.assign(one, { notes: String(error) }),
  });
  return item.notes;
}

test.each([
  ["a first version", [], ["summary"], "new"],
  ["a version with all that was there", ["summary"], ["summary", "recording"], "new"],
  ["a version that lacks a part and brings none", ["summary", "recording"], ["recording"], "(left)"],
  ["a version that lacks a part and brings another", ["summary"], ["recording"], "new above old"],
])("%s", async (_what, earlier, own, notes) => {
  expect(await kept(earlier, own)).toBe(notes);
});

test("where the notes cannot be read the call waits", async () => {
  const notes = await kept(["summary"], ["recording"], () => {
    throw new Error("away");
  });
  expect(notes).toBe("Error: away");
});

test("a receipt lists each part once", () => {
  expect(allParts({ earlier: ["summary"], own: ["recording", "summary"] })).toEqual(["summary", "recording"]);
});
