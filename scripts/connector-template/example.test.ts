import { expect, test } from "vitest";
import { deliveryOf, documentedCall } from "../../test/support/documented-call.ts";
import { GOLDEN_CALLS } from "../../test/support/golden-calls.ts";
import { SENT_FIELDS } from "./mapping.ts";
import { recordOf } from "./record.ts";

test("the route's own note stands in place of the summary, cut with a mark", () => {
  const { note } = recordOf(deliveryOf({ with: { note: "x".repeat(20_000) } }));
  expect(note).toMatch(/^x+…$/);
  expect(note).toHaveLength(10_000);
});

test("leaves out what a call does not have", () => {
  const { summary: _, ...call } = documentedCall();
  expect(Object.keys(JSON.parse(JSON.stringify(recordOf(deliveryOf({ call, with: {} })))))).not.toContain("note");
});

test("sends no field that its table does not list", () => {
  const listed = SENT_FIELDS.map(({ field }) => field);
  for (const call of Object.values(GOLDEN_CALLS))
    expect(listed).toEqual(expect.arrayContaining(Object.keys(recordOf(deliveryOf({ call, with: {} })))));
});
