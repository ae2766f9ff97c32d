import { describe, expect, test } from "vitest";
import { createCheckEnvironment, createRunEnvironment } from "../../src/routes/cel/environment.ts";
import { createWhenCompiler } from "../../src/routes/cel/when.ts";
import { file, problems } from "./support/load.ts";

const compiler = createWhenCompiler({ timezone: "Europe/Berlin", known: { agents: [], sources: [] } });
const errors = (when: string) =>
  compiler.compile(when).findings.flatMap(({ offset, message, severity }) => (severity === "warning" ? [] : [`${offset} ${message}`]));

describe("a condition that fails on every call is refused when the file is loaded", () => {
  test("an unknown zone, with the one that was meant", () => {
    expect(problems({ text: file('  - id: a\n    to: crm\n    when: start_time.getHours("Europe/Berln") < 18') })).toEqual([
      '13:31 there is no time zone "Europe/Berln" — did you mean "Europe/Berlin"?',
    ]);
    expect(
      problems({
        text: file("  - { id: a, to: crm }", {
          sources: `  main: { secrets: ["\${WEBHOOK_SECRET}"], test_when: 'start_time.getHours("CEST") < 1' }`,
        }),
      }),
    ).toEqual([expect.stringMatching(/^3:\d+ there is no time zone "CEST"/)]);
  });

  test.each([
    // behind a condition that is false for all samples, and inside of macros
    ['agent == "nobody" && start_time.getHours("Mars") < 18', '41 there is no time zone "Mars"'],
    ['metadata.times.exists(t, timestamp(t).getHours("Mars") > 5)', '47 there is no time zone "Mars"'],
    ['metadata.x.getDayOfWeek("") == 1', '24 there is no time zone ""'],
    ['(start_time + duration("1h")).getMinutes("Nowhere/Else") == 1', '41 there is no time zone "Nowhere/Else"'],
    ['start_time > timestamp("2026-02-30T09:00:00Z")', "23 not a timestamp"],
    ['start_time > timestamp("2026-01-31T09:00:00.000")', "23 not a timestamp"],
    ['start_time > timestamp("Sat Jan 31 2026 09:00:00")', "23 not a timestamp"],
    ["start_time > timestamp(9999999999999)", "23 not a timestamp"],
    ['end_time - start_time > duration("1d")', "33 not a duration"],
    ['end_time - start_time > duration("")', "33 not a duration"],
    ['duration_seconds > int("abc")', "23 not a whole number"],
    ['duration_seconds > int("1.5")', "23 not a whole number"],
    ['double("x") > 1.0', "7 not a number"],
    ['uint("-1") == 1u', "5 not a whole number of 0 or more"],
    ['bool("yes")', "5 not true or false"],
    ["duration_seconds / 0 > 1", "19 a division by 0"],
    ["duration_seconds % 0 == 1", "19 a division by 0"],
    ["metadata.score / 0 > 1", "17 a division by 0"],
    ["1 / 0 == 1", "4 a division by 0"],
    ["metadata.scores.exists(s, s % 0 == 1)", "30 a division by 0"],
    ["9223372036854775807 + 1 > 0", "0 this calculation fails on every call"],
    ["[1, 2][2] == 1", "7 this list has 2 items"],
    ["metadata.tags[-1] == 1", "14 a list has no item before the first"],
    ['summary.substring(5, 2) == "x"', "21 substring() fails on every call with this"],
    ['summary.substring(-1) == "x"', "18 substring() fails on every call with this"],
    ['summary.indexOf("x", -1) == 1', "21 indexOf() fails on every call with this"],
    ['summary.lastIndexOf("x", -1) == 1', "25 lastIndexOf() fails on every call with this"],
    ['bytes("{").json().a == 1', "0 json() fails on every call with this"],
    ['b"abc".at(3) == 1', "10 at() fails on every call with this"],
    ['"abc".substring(4) == ""', "16 substring() fails on every call with this"],
    ['"abc".substring(size("abcd")) == ""', "16 substring() fails on every call with this"],
    ['cel.bind(x, int("abc"), x == 1)', "16 not a whole number"],
    ['[int("abc")].exists(x, x == 1)', "5 not a whole number"],
    ['dyn("a") > 5', "0 this comparison fails on every call"],
  ])("%s", (when, expected) => {
    expect(errors(when)).toEqual([expected]);
  });

  test("each of them, at its place", () => {
    expect(errors('start_time.getHours("Mars") > int("x") || duration("y") == end_time - start_time')).toEqual([
      '20 there is no time zone "Mars"',
      "34 not a whole number",
      "51 not a duration",
    ]);
  });

  test.each([
    'start_time.getHours("Europe/Berlin") < 18 && start_time.getHours("+01:00") > 1 && start_time.getHours("utc") > 1',
    'start_time > timestamp("2026-01-31T09:00:00+01:00") && end_time - start_time < duration("1h30m")',
    "duration_seconds / 60 >= 2 && duration_seconds % 7 == 0 && 10 / duration_seconds < 3",
    "metadata.score / metadata.count > 1 && [1, 2][1] == 2 && metadata.tags[0] == metadata.list[metadata.at]",
    'summary.substring(0, 3) == "abc" || summary.substring(2) == "x"',
    'summary.split(",")[3] == "x" && int(metadata.ticket) > 5 && int("5") == 5',
    "start_time.getHours(metadata.zone) > 5 && [1, 2, 3].exists(x, x == duration_seconds)",
    'metadata.text.indexOf("x", 3) > 0 && bytes(summary).hex() != ""',
  ])("what may work on some call is no mistake: %s", (when) => {
    expect(errors(when)).toEqual([]);
  });
});

/**
 * Every function that takes something, with what is wrong when it is written out: `bad` is found when the file is loaded. The others take whatever
 * their type lets through: nothing of it makes them fail.
 */
const BAD: Record<string, string> = {
  "bool(string): bool": 'bool("yes")',
  "double(string): double": 'double("x") > 1.0',
  "int(double): int": 'int(double("inf")) > 1',
  "int(string): int": 'int("x") > 1',
  "uint(int): uint": "uint(-1) > 1u",
  "uint(double): uint": "uint(-1.5) > 1u",
  "uint(string): uint": 'uint("x") > 1u',
  "string.indexOf(string, int): int": '"abc".indexOf("b", 7) > 0',
  "string.lastIndexOf(string, int): int": '"abc".lastIndexOf("b", 7) > 0',
  "string.substring(int): string": '"abc".substring(4) == ""',
  "string.substring(int, int): string": '"abc".substring(2, 1) == ""',
  "string.matches(string): bool": 'summary.matches("(")',
  "bytes.json(): map<dyn, dyn>": 'bytes("{").json().a == 1',
  "bytes.at(int): int": 'b"abc".at(-1) == 1',
  "timestamp(string): google.protobuf.Timestamp": 'timestamp("soon") < start_time',
  "timestamp(int): google.protobuf.Timestamp": "timestamp(9999999999999) > start_time",
  "duration(string): google.protobuf.Duration": 'duration("soon") < end_time - start_time',
  ...Object.fromEntries(
    [
      "getDate",
      "getDayOfMonth",
      "getDayOfWeek",
      "getDayOfYear",
      "getFullYear",
      "getHours",
      "getMilliseconds",
      "getMinutes",
      "getMonth",
      "getSeconds",
    ].map((part) => [`google.protobuf.Timestamp.${part}(string): int`, `start_time.${part}("Mars") == 1`]),
  ),
};
/** The parts of a macro are expressions, which are looked at by themselves; optional values are switched off. */
const NO_CONSTANT = /\(ast|, ast|^optional|^OptionalNamespace|^CelNamespace|^type\(/;

describe("every function that there is", () => {
  const signatures = createCheckEnvironment()
    .getDefinitions()
    .functions.map(({ signature }) => signature)
    .filter((signature) => !NO_CONSTANT.test(signature));

  test("is checked with what is written out in it, or fails with nothing of its types: a new one cannot be forgotten", () => {
    expect(signatures.length).toBeGreaterThan(60);
    expect(Object.keys(BAD).filter((signature) => !signatures.includes(signature))).toEqual([]);
    const { environment, budget } = createRunEnvironment({ timezone: "UTC" });
    const failing = signatures
      .filter((signature) => !(signature in BAD))
      .flatMap((signature) =>
        callsOf(signature).flatMap((call) => {
          budget.reset();
          try {
            environment.evaluate(call, {});
            return [];
          } catch (error) {
            return [`${call}: ${(error as Error).message.split("\n")[0]}`];
          }
        }),
      );
    expect(failing).toEqual([]);
  });

  test.each(Object.entries(BAD))("%s", (_, when) => {
    expect(errors(when)).toHaveLength(1);
  });
});

const VALUES: Record<string, string[]> = {
  string: ['""', '"abc"', '"-1"', '"Europe/Berln"', '"("'],
  int: ["0", "-1", "9223372036854775807"],
  uint: ["0u", "7u"],
  double: ["0.0", "-1.5"],
  bool: ["true", "false"],
  null: ["null"],
  bytes: ['b""', 'b"abc"'],
  "list<dyn>": ["[]", '["a", "b"]'],
  "list<string>": ['["a", "b"]'],
  "map<dyn, dyn>": ["{}", '{"a": 1}'],
  dyn: ["1", '"a"', "null"],
  "google.protobuf.Timestamp": ['timestamp("2026-01-31T09:00:00Z")'],
  "google.protobuf.Duration": ['duration("90s")'],
};

/** `string.indexOf(string, int): int` → every call of it with our values. */
function callsOf(signature: string): string[] {
  const { receiver, name = "", params = "" } = /^(?:(?<receiver>.+)\.)?(?<name>\w+)\((?<params>.*)\): /.exec(signature)?.groups ?? {};
  const types = [...(receiver === undefined ? [] : [receiver]), ...(params === "" ? [] : params.split(/, (?![^<]*>)/))];
  const unknown = types.filter((type) => !VALUES[type]);
  if (unknown.length > 0) throw new Error(`${signature}: no values of ${unknown.join(", ")}`);
  const choices = types.reduce<string[][]>((all, type) => all.flatMap((one) => (VALUES[type] ?? []).map((value) => [...one, value])), [[]]);
  return choices.map(([first, ...rest]) =>
    receiver === undefined ? `${name}(${[first, ...rest].filter(Boolean).join(", ")})` : `${first}.${name}(${rest.join(", ")})`,
  );
}
