import { describe, expect, test } from "vitest";
import { RouteFault } from "../../src/route.ts";
import { BUDGET_STEPS } from "../../src/routes/cel/budget.ts";
import { createWhenCompiler } from "../../src/routes/cel/when.ts";
import { callOf } from "./support/calls.ts";

const compiler = createWhenCompiler({ timezone: "UTC", known: { agents: [], sources: [] } });
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);
const TEXT = "lorem ipsum ".repeat(40_000);

/** True or false, or why it is neither. */
function asked(when: string, call: Parameters<typeof callOf>[0]): boolean | string | undefined {
  try {
    return compiler.compile(when).when?.(callOf(call));
  } catch (error) {
    if (error instanceof RouteFault) return error.message;
    throw error;
  }
}

const SPENT = `"when" failed on this call (too_many_steps): it takes more than ${BUDGET_STEPS.toLocaleString("en-US")} steps: the call's lists or texts are too long for it`;

describe("no call makes a condition run for long", () => {
  const lists = { tags: numbers(9_000), blocked: numbers(9_000, 10_000) };
  const long = { tags: numbers(60_000) };

  test.each([
    ["a list inside of a list", "metadata.tags.exists(a, metadata.blocked.exists(b, a == b))", lists],
    ["by each of the macros", "metadata.tags.all(a, metadata.blocked.all(b, a != b))", lists],
    ["one", "metadata.tags.exists_one(a, metadata.blocked.exists_one(b, a == b))", lists],
    ["filter", "metadata.tags.filter(a, metadata.blocked.filter(b, a == b).size() > 0).size() > 0", lists],
    ["map", "metadata.tags.map(a, metadata.blocked.map(b, a + b)).size() > 0", lists],
    ["in", "metadata.tags.exists(a, a in metadata.blocked)", { tags: numbers(60_000), blocked: numbers(60_000, 100_000) }],
    [
      "an equality of lists",
      "metadata.tags.exists(a, metadata.one == metadata.two)",
      { ...long, one: numbers(60_000), two: [...numbers(59_999), -1] },
    ],
    [
      "lists as items",
      "metadata.rows.exists(a, metadata.rows.exists(b, a != a && b != b))",
      { rows: numbers(200).map(() => numbers(300)) },
    ],
    [
      "groups as items",
      "metadata.rows.all(a, metadata.rows.all(b, a == b))",
      { rows: numbers(1_000).map(() => ({ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 })) },
    ],
    ["a search in a text", 'metadata.tags.exists(t, transcript.contains(string(t) + "zz"))', long],
    ["a pattern", 'metadata.tags.exists(t, transcript.matches("x.*y.*z"))', long],
    ["a text in small letters", 'metadata.tags.exists(t, transcript.lowerAscii() == "x")', long],
    ["two texts beside each other", "metadata.tags.map(t, transcript + transcript).size() > 0", long],
    ["two lists beside each other", "metadata.tags.map(t, metadata.tags + metadata.tags).size() > 0", long],
    [
      "a text that doubles",
      "cel.bind(a, transcript + transcript, cel.bind(b, a + a, cel.bind(c, b + b, cel.bind(d, c + c, cel.bind(e, d + d, e == a)))))",
      {},
    ],
    ["a text in letters", 'metadata.tags.exists(t, transcript.split("").size() < 0)', long],
    ["a text's length", "metadata.tags.exists(t, size(transcript) == 0)", long],
    ["a clock", 'metadata.tags.exists(t, start_time.getHours("Asia/Tokyo") == 77 + t)', { tags: numbers(120_000) }],
  ])("%s: it is a fault of the call, and says so", (_, when, metadata) => {
    expect(asked(when, { metadata, transcript: TEXT })).toBe(SPENT);
  });

  test("what is found before the budget is spent counts, and the next call has a budget of its own", () => {
    const when = "metadata.tags.exists(a, metadata.blocked.exists(b, a == b))";
    expect(asked(when, { metadata: lists })).toBe(SPENT);
    expect(asked(when, { metadata: { tags: [1, 2], blocked: [2] } })).toBe(true);
    expect(asked(when, { metadata: { tags: [1, 2], blocked: [3] } })).toBe(false);
  });

  test.each([
    ["a long list, once", "metadata.tags.exists(a, a == -5)", { tags: numbers(150_000) }],
    [
      "two lists as people have them",
      "metadata.tags.exists(a, metadata.blocked.exists(b, a == b))",
      { tags: numbers(500), blocked: numbers(500, 1_000) },
    ],
    ["a number among many", "customer_number in metadata.blocked", { blocked: numbers(100_000).map((n) => `+1415555${n}`) }],
    [
      "the transcript of two hours, looked through twenty times",
      Array.from({ length: 20 }, (_, n) => `transcript.lowerAscii().matches("word${n}|other${n}")`).join(" || "),
      {},
    ],
  ])("%s is no trouble", (_, when, metadata) => {
    expect(asked(when, { metadata, transcript: "lorem ipsum ".repeat(9_000) })).toBe(false);
  });
});

describe("one list inside of another is a warning when the file is loaded", () => {
  const said = (when: string) => compiler.compile(when).findings.map(({ offset, message, severity }) => `${severity} ${offset} ${message}`);
  const WARNING = "this list is gone through for each item of another one";

  test.each([
    ["metadata.tags.exists(a, metadata.blocked.exists(b, a == b))", 24],
    ["metadata.tags.all(a, !(a in metadata.blocked))", 28],
    ['metadata.tags.exists(a, summary.split(" ").exists(b, a == b))', 24],
  ])("%s", (when, offset) => {
    expect(said(when)).toEqual([`warning ${offset} ${WARNING}`]);
  });

  test.each([
    "metadata.orders.exists(o, o.items.exists(i, i.sku == 5))",
    'metadata.tags.exists(a, ["x", "y"].exists(b, a == b)) && metadata.tags.exists(a, a in ["x", "y"])',
    '["x", "y"].exists(a, metadata.tags.exists(b, a == b))',
    "metadata.tags.exists(a, a == 1) && metadata.blocked.exists(b, b == 2)",
  ])("not where the work is no product of both: %s", (when) => {
    expect(said(when)).toEqual([]);
  });
});
