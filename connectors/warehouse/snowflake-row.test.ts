import { expect, test } from "vitest";
import { firstRowOf } from "./engines/snowflake/row.ts";

const read = (type: string, text: string | null) => firstRowOf({ columns: [{ name: "IT", type }], data: [[text]] })?.it;

test.each([
  ["a time", "timestamp_tz", "1736950980.123456000 1440", "2025-01-15T14:23:00.123456Z"],
  ["a time in another zone is the same moment", "timestamp_tz", "1736950980.000000000 960", "2025-01-15T14:23:00Z"],
  ["a time before 1970", "timestamp_tz", "-0.500000000 1440", "1969-12-31T23:59:59.5Z"],
  ["the first year", "timestamp_tz", "-62135596800.000000000 1440", "0001-01-01T00:00:00Z"],
  ["a time of the session's zone", "timestamp_ltz", "1736950980.120000000", "2025-01-15T14:23:00.12Z"],
  ["a type in capitals", "TIMESTAMP_TZ", "1736950980.000000000 1440", "2025-01-15T14:23:00Z"],
  ["a whole number", "fixed", "147", 147],
  ["one that JavaScript would round", "fixed", "9007199254740993", "9007199254740993"],
  ["a number", "real", "1e+300", 1e300],
  ["what is no number", "real", "NaN", "NaN"],
  ["JSON", "variant", '{\n  "名前": [\n    1,\n    null\n  ]\n}', { 名前: [1, null] }],
  ["what is no JSON", "variant", "[\n  undefined\n]", "[\n  undefined\n]"],
  ["a text that looks like a number", "text", "007", "007"],
  ["a type that we do not write", "date", "18262", "18262"],
  ["nothing", "variant", null, null],
])("%s is read as people read it", (_what, type, text, value) => expect(read(type, text)).toEqual(value));

test("a column that was made in quotes keeps its letters, and is not taken for ours; no row is none", () => {
  const columns = ["CALL_ID", "call_id"].map((name) => ({ name, type: "text" }));
  expect(firstRowOf({ columns, data: [["ours", "theirs"]] })).toEqual({ call_id: "ours", '"call_id"': "theirs" });
  expect(firstRowOf({ columns, data: [] })).toBeUndefined();
});
