import { describe, expect, test } from "vitest";
import type { Call } from "../../src/model/call.ts";
import { RouteFault } from "../../src/route.ts";
import { callOf } from "./support/calls.ts";
import { file, load, problems, warnings } from "./support/load.ts";

/** The expression stands on line 13, from column 11 on. */
function wrong(when: string): string[] {
  return problems({ text: file(`  - id: a\n    to: crm\n    when: ${when}`) });
}

function asks(when: string, call: Call): boolean {
  const text = file(`  - id: a\n    to: crm\n    when: |\n      ${when}\n  - { id: b, to: chat, with: { channel: C1 } }`);
  return load({ text }).routes[0]?.match(call).wanted ?? false;
}

describe("an expression that cannot work is refused when the file is loaded", () => {
  const cases: [string, string, string][] = [
    ["an unknown name", 'agent == "sales" && durasion > 5', '13:31 unknown name "durasion" — did you mean "duration_seconds"?'],
    [
      "a text without quotes",
      "agent == sales",
      '13:20 unknown name "sales" — If it is a text, put it in quotes: "sales". The names are in docs/routes.md.',
    ],
    [
      "a number against a text",
      'duration_seconds > "30"',
      '13:11 ">" does not go between a whole number and text — A number is written without quotes.',
    ],
    [
      "a time against a text",
      'start_time > "2026"',
      '13:11 ">" does not go between a time and text — A time is timestamp("2026-01-31T09:00:00Z").',
    ],
    [
      "a text against null",
      "summary == null",
      '13:11 "==" does not go between text and null — An absent text is "", not null; only keys of metadata can be null.',
    ],
    [
      "in on a text",
      "'\"a\" in summary'",
      '13:12 "in" does not go between text and text — To look inside a text use contains(): summary.contains("refund").',
    ],
    [
      "a result that is not true or false",
      "duration_seconds",
      '13:11 "when" must be true or false, and this is a whole number — Compare it with something: ==, !=, <, >, in.',
    ],
    [
      "a text as a condition",
      "summary && test",
      '13:11 "&&" needs true or false on both sides, and one is text — Compare it with something: ==, !=, <, >, in.',
    ],
    ["an unknown function", 'summary.contians("x")', '13:19 unknown function "contians" — did you mean "contains"?'],
    ["a function on the wrong kind", "summary.contains(5)", "13:19 contains() cannot be used like this — It is string.contains(string)."],
    ["a field of a text", 'agent.name == "x"', "13:17 text has no fields — Only metadata has fields."],
    ["a single =", 'agent = "x"', '13:17 a single "=" is not a comparison — Write == to compare.'],
    ["and instead of &&", 'test and agent == "x"', '13:16 "and" is not known here — CEL writes && for and, || for or, ! for not.'],
    ["an end too early", "test &&", "13:18 the expression ends too early"],
    ["a bracket never closed", "(test", '13:16 a ")" is missing'],
    [
      "a bad regular expression",
      'summary.matches("(")',
      '13:27 not a regular expression: unterminated group — A character that means itself needs a backslash: r"\\(".',
    ],
    [
      "a regular expression with look-ahead",
      'summary.matches("(?=x)y")',
      "13:27 this regular expression could take very long on a long text — Look-ahead (?=…), back-references \\1 and counts in the hundreds are not supported.",
    ],
    [
      "a regular expression without case",
      'summary.matches("(?i)x")',
      "13:27 a regular expression cannot ignore case with (?i) — Make the text small first: summary.lowerAscii().matches(…).",
    ],
    [
      "a regular expression out of a call",
      "summary.matches(transcript)",
      '13:27 the pattern of matches() must be written out as a text — Such as summary.matches("refund|complaint").',
    ],
    ["a time that is none", 'start_time > timestamp("soon")', '13:34 not a timestamp — Such as "2026-01-31T09:00:00Z".'],
    ["a span that is none", 'end_time - start_time > duration("long")', '13:44 not a duration — Such as "90s", "5m" or "1h30m".'],
  ];
  test.each(cases)("%s", (_, when, expected) => {
    expect(wrong(when)).toEqual([expected]);
  });

  test("the column is right inside quotes, escapes and blocks", () => {
    expect(wrong(`'agent == ''x'' && durasion > 5'`)).toEqual(['13:30 unknown name "durasion" — did you mean "duration_seconds"?']);
    expect(wrong(String.raw`"agent == \"\u0078\" && durasion > 5"`)).toEqual([
      '13:35 unknown name "durasion" — did you mean "duration_seconds"?',
    ]);
    expect(wrong("|\n      test ||\n        durasion > 5")).toEqual(['15:9 unknown name "durasion" — did you mean "duration_seconds"?']);
    expect(wrong(">-\n      test ||\n\n      durasion > 5")).toEqual(['16:7 unknown name "durasion" — did you mean "duration_seconds"?']);
    expect(wrong("test ||\n      durasion > 5")).toEqual(['14:7 unknown name "durasion" — did you mean "duration_seconds"?']);
  });
});

test("a word that can never match is a warning, and the file is used", () => {
  const text = file(
    `  - { id: a, to: chat, with: { channel: C1 } }\n  - id: b\n    to: crm\n    when: agent == "slaes" || direction in ["outbond"]`,
  );
  expect(warnings({ text })).toEqual([
    '14:20 warning agent is never "slaes" — did you mean "sales"?',
    '14:45 warning direction is never "outbond" — did you mean "outbound"?',
  ]);
});

describe("what a call is asked", () => {
  const call = callOf({
    duration_seconds: 147,
    summary: "Wants a refund",
    start_time: "2026-01-15T23:30:00Z",
    end_time: "2026-01-15T23:32:27Z",
    metadata: { campaign: "spring", score: 7, rate: 1.5, vip: true, tags: ["a", "b"], deep: { x: { y: "z" } }, gone: null },
  });

  test.each([
    'call_outcome != "failed"',
    'agent == "sales" && agent_name == "Sales line" && source == "main"',
    "duration_seconds >= 30 && duration_seconds > 146.5 && duration_seconds == 147.0",
    'summary.lowerAscii().matches("\\\\brefund\\\\b")',
    'transcript == "" && recording_url == ""',
    'start_time > timestamp("2026-01-01T00:00:00Z") && end_time - start_time < duration("3m")',
    "(end_time - start_time).getSeconds() == 147",
    // Berlin is an hour ahead of UTC: half past midnight on Friday the 16th.
    "start_time.getHours() == 0 && start_time.getDate() == 16 && start_time.getDayOfWeek() == 5 && start_time.getDayOfYear() == 15",
    'start_time.getHours("UTC") == 23',
    'metadata.campaign == "spring" && metadata.score > 5 && metadata.score + 1 == 8 && metadata.rate < 2',
    'metadata.deep.x.y == "z" && metadata["campaign"].startsWith("spr") && metadata.vip',
    'metadata.tags.exists(t, t == "b") && "a" in metadata.tags && metadata.tags[1] == "b" && size(metadata.tags) == 2',
    'has(metadata.campaign) && !has(metadata.nope) && !has(metadata.deep.nope.further) && "campaign" in metadata',
  ])("true: %s", (when) => {
    expect(asks(when, call)).toBe(true);
  });

  test.each([
    "metadata.nope > 5",
    "metadata.nope < 5",
    "5 >= metadata.nope",
    "metadata.nope < metadata.neither",
    'metadata.nope == "x"',
    "metadata.gone > 5",
    'metadata.nope.deeper.still == "x"',
    "metadata.nope",
    "metadata.nope && true",
    "metadata.nope ? true : false",
    'metadata.nope.startsWith("x")',
    'metadata.nope.contains("x")',
    "summary.contains(metadata.nope)",
    'metadata.nope.lowerAscii().matches("x")',
    'metadata.nope.exists(t, t == "x")',
    'metadata.nope in ["x"]',
    '"x" in metadata.nope',
    "metadata.nope + 1 < 5",
    "-metadata.nope < 5",
    "int(metadata.nope) < 5",
    "timestamp(metadata.nope) < start_time",
    "metadata.nope.getHours() < 24",
    'metadata.nope.split(",")[0] == "x"',
    "metadata.tags[7] < 1",
    'metadata.constructor == "x"',
  ])("what is absent is false and never fails: %s", (when) => {
    expect(asks(when, call)).toBe(false);
    expect(asks(when, callOf({}))).toBe(false);
  });

  test.each(["metadata.nope == null", 'metadata.nope != "x"', "!metadata.nope", "size(metadata.nope) == 0"])(
    "what is absent is null: %s",
    (when) => {
      expect(asks(when, call)).toBe(true);
    },
  );

  test("a value of the wrong kind is a filter fault without a word of the call", () => {
    const fault = faultOf(() => asks("metadata.campaign > 5", call));
    expect(fault.code).toBe("filter_fault");
    expect(fault.message).toBe('"when" failed on this call (no_such_overload): it compares or converts something of the wrong kind');
  });

  test("a start time that is none is a filter fault where it is asked for, and nowhere else", () => {
    const broken = callOf({ start_time: "yesterday" });
    expect(asks('call_outcome == "answered"', broken)).toBe(true);
    expect(faultOf(() => asks("start_time.getHours() > 8", broken)).code).toBe("filter_fault");
  });

  test("a pattern that makes other engines run for hours answers at once", () => {
    expect(asks('transcript.matches("^(a+)+$")', callOf({ transcript: `${"a".repeat(100_000)}!` }))).toBe(false);
    expect(asks('transcript.matches(".*a.*b.*c.*d")', callOf({ transcript: "abc".repeat(30_000) }))).toBe(false);
  });
});

function faultOf(run: () => unknown): RouteFault {
  try {
    run();
  } catch (error) {
    if (error instanceof RouteFault) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
