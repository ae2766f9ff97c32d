import { expect, test } from "vitest";
import { defineExtra, mark, words, z } from "../../../src/connector/index.ts";

const extra = defineExtra({ contacts: words(), owner: z.string(), counted: mark() });

test("values are stored as texts, and read as they were", () => {
  const stored = extra.write({ contacts: ["201", "202"], owner: "701", counted: true });
  expect(stored).toEqual({ extra: { contacts: "201 202", owner: "701", counted: "true" } });
  expect(extra.read({ id: "1", ...stored })).toEqual({ contacts: ["201", "202"], owner: "701", counted: true });
});

test("what is absent or empty is not stored", () => {
  expect([extra.write({ contacts: [], owner: "", counted: undefined }), extra.write({})]).toEqual([{}, {}]);
});

test("of a receipt from another release what can be read is read", () => {
  const receipt = { id: "1", extra: { contacts: "201  202 ", counted: "yes", unheard_of: "x" } };
  expect([extra.read(receipt), extra.read({ id: "1" }), extra.read(undefined)]).toEqual([{ contacts: ["201", "202"] }, {}, {}]);
});
