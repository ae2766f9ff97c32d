import { Environment } from "@marcbachmann/cel-js";
import { describe, expect, test } from "vitest";
import { contextOf } from "../../src/routes/cel/context.ts";
import { createWhenCompiler } from "../../src/routes/cel/when.ts";
import { VISIBLE_NAMES } from "../../src/routes/compile/template-fields.ts";
import { callOf } from "./support/calls.ts";

const compiler = createWhenCompiler({ timezone: "UTC", known: { agents: [], sources: [] } });
const METADATA = {
  n: 7,
  big: 3,
  r: 1.5,
  s: "spring",
  t: "Autumn",
  flag: true,
  ns: [1, 2, 3],
  ss: ["a", "b"],
  m: { k: "v", z: 5 },
  rows: [{ x: 1 }, { x: 2 }],
};
const CALL = callOf({
  duration_seconds: 147,
  summary: "Wants a refund",
  start_time: "2026-01-15T23:30:00Z",
  end_time: "2026-01-15T23:32:27Z",
  metadata: METADATA,
});

function rewritten(when: string): boolean | string {
  const { when: condition, findings } = compiler.compile(when);
  if (!condition) return `refused: ${findings.map(({ message }) => message).join()}`;
  return condition(CALL);
}

/** CEL as it is, without our rewriting: where nothing is absent both must say the same. */
const plain = new Environment();
for (const { name, type } of VISIBLE_NAMES) plain.registerVariable(name, type === "timestamp" ? "google.protobuf.Timestamp" : type);
plain.registerOperator("int == double", (a: bigint | number, b: bigint | number) => Number(a) === Number(b));

/** Expressions of a kind, made by a generator with a seed of its own, so that each run has the same ones. */
function generator(seed: number) {
  let state = seed;
  const below = (count: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * count);
  };
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const kinds = {
    int: (depth: number): string =>
      depth === 0
        ? pick(["duration_seconds", "7", "metadata.n", "metadata.big", "-3", "size(metadata.ns)"])
        : pick([
            () => `(${kinds.int(depth - 1)} ${pick(["+", "-", "*"])} ${kinds.int(depth - 1)})`,
            () => `size(${kinds.text(depth - 1)})`,
            () => "start_time.getMinutes()",
            () => 'start_time.getHours("UTC")',
            () => "metadata.ns[1]",
            () => `int(${kinds.double(depth - 1)})`,
            () => `(${kinds.bool(depth - 1)} ? ${kinds.int(depth - 1)} : ${kinds.int(depth - 1)})`,
            () => `${kinds.text(depth - 1)}.indexOf("a")`,
            () => `cel.bind(v, ${kinds.int(depth - 1)}, v + 1)`,
          ])(),
    double: (depth: number): string =>
      depth === 0
        ? pick(["1.5", "metadata.r", "0.1234567890123"])
        : pick([() => `double(${kinds.int(depth - 1)})`, () => `(${kinds.double(depth - 1)} * ${kinds.double(depth - 1)})`])(),
    text: (depth: number): string =>
      depth === 0
        ? pick(["summary", "agent", "metadata.s", "metadata.t", '"spring"', 'r"\\d+"', "'it\\'s'", '"ä€😀"'])
        : pick([
            () => `(${kinds.text(depth - 1)} + ${kinds.text(depth - 1)})`,
            () => `${kinds.text(depth - 1)}.${pick(["lowerAscii()", "upperAscii()", "trim()"])}`,
            () => `${kinds.text(depth - 1)}.substring(1)`,
            () => `string(${kinds.int(depth - 1)})`,
            () => 'metadata.ss.join("-")',
            () => "metadata.m.k",
          ])(),
    bool: (depth: number): string =>
      depth === 0
        ? pick(["test", "metadata.flag", "true", "false"])
        : pick([
            () => `(${kinds.int(depth - 1)} ${pick(["<", "<=", ">", ">=", "==", "!="])} ${kinds.int(depth - 1)})`,
            () => `(${kinds.text(depth - 1)} ${pick(["==", "!=", "<"])} ${kinds.text(depth - 1)})`,
            () => `(${kinds.bool(depth - 1)} ${pick(["&&", "||"])} ${kinds.bool(depth - 1)})`,
            () => `!${kinds.bool(depth - 1)}`,
            () => `${kinds.text(depth - 1)}.${pick(["contains", "startsWith", "endsWith"])}(${kinds.text(depth - 1)})`,
            () => `${kinds.text(depth - 1)}.matches("re.un?d|spring")`,
            () => `(${kinds.int(depth - 1)} in [${kinds.int(0)}, ${kinds.int(depth - 1)}])`,
            () => `(${kinds.text(depth - 1)} in metadata.ss)`,
            () => `metadata.ns.${pick(["exists", "all", "exists_one"])}(x, x ${pick(["<", "=="])} ${kinds.int(depth - 1)})`,
            () => `metadata.ns.filter(x, x > 1).map(y, y + ${kinds.int(0)}).size() == 2`,
            () => "metadata.rows.exists(r, r.x == 2)",
            () => `(${kinds.bool(depth - 1)} ? ${kinds.bool(depth - 1)} : ${kinds.bool(depth - 1)})`,
            () => '(end_time - start_time == duration("147s"))',
            () => "has(metadata.m.k)",
            () => "(metadata.ns == [1, 2, 3])",
            () => `([${kinds.int(depth - 1)}, ${kinds.int(0)}].size() == 2)`,
          ])(),
  };
  return kinds.bool;
}

describe("a condition means what CEL says it means", () => {
  test("for 2,000 expressions, wherever nothing is absent", () => {
    const make = generator(4711);
    const context = contextOf(CALL);
    let compared = 0;
    for (let n = 0; n < 2_000; n += 1) {
      const when = make(1 + (n % 4));
      let expected: unknown;
      try {
        expected = plain.evaluate(when, context);
      } catch {
        // An index beyond a text, and what the check refuses.
        continue;
      }
      compared += 1;
      expect(rewritten(when), when).toBe(expected);
    }
    expect(compared).toBeGreaterThan(1_500);
  });

  test.each([
    // Lists whose items CEL's own check calls one kind, and ours once hid it: every call was a dead letter.
    ["duration_seconds in [start_time.getHours(), 147]", true],
    ['duration_seconds in [int("147"), 6]', true],
    ['[summary + "!", "x"].exists(t, t == "Wants a refund!")', true],
    ['{"a": start_time.getHours(), "b": 5}.b == 5', true],
    // Numbers as they are written.
    ["metadata.r * 1.0 == 1.5 && 0.1234567890123 != 0.123456789", true],
    ["1e21 == 1000000000000000000000.0", true],
    ['b"\\xff" == b"\\xff" && r"\\d" == "\\\\d" && """a"b""" == "a\\"b"', true],
  ])("%s", (when, expected) => {
    expect(rewritten(when)).toBe(expected);
  });

  test("a time without a zone is one of UTC, whatever the machine's zone", () => {
    const { when } = compiler.compile("start_time.getHours() == 14 && end_time.getDate() == 16");
    expect(when?.(callOf({ start_time: "2026-01-15T14:00:00", end_time: "2026-01-16" }))).toBe(true);
  });
});
