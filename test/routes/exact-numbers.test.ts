import { describe, expect, test } from "vitest";
import { compareDecimals } from "../../src/lib/text/exact-number.ts";
import { parseRecord } from "../../src/model/record.ts";
import { createWhenCompiler } from "../../src/routes/cel/when.ts";
import { callOf } from "./support/calls.ts";
import { file, load, problems } from "./support/load.ts";

/** What a call brings, through the reader of records: numbers that a double does not hold keep their digits. */
const BODY = `{"call_id":"big_1","from_number":"+14155550100","to_number":"+18005551234","agent_id":"agent_1","duration_seconds":147,
"start_time":"2025-01-15T14:23:00Z","end_time":"2025-01-15T14:25:27Z","call_outcome":"answered","summary":"ok",
"metadata":{"order_id":1234567890123456789,"ad":12345678901234567890,"two53":9007199254740993,"even":9007199254740992,"price":1.10,"long":0.1234567890123456789,
"neg":-0,"minus":-1234567890123456789,"exp":1e400,"tiny":1e-400,"list":[1234567890123456789,5],"deep":{"id":1234567890123456789}}}`;
const parsed = parseRecord(Buffer.from(BODY));
if (!parsed.ok) throw new Error("the record is refused");
const call = callOf({ metadata: parsed.record.metadata ?? {} });

const compiler = createWhenCompiler({ timezone: "UTC", known: { agents: [], sources: [] } });

describe("a condition compares numbers by all their digits", () => {
  test.each([
    "metadata.order_id == 1234567890123456789",
    "metadata.order_id != 1234567890123456788",
    "metadata.order_id > 1234567890123456788 && metadata.order_id < 1234567890123456790",
    "metadata.order_id >= 1234567890123456789 && metadata.order_id <= 1234567890123456789",
    "1234567890123456788 < metadata.order_id",
    "metadata.order_id > 5 && metadata.order_id > 5.5 && metadata.order_id != 5",
    "metadata.order_id in [5, 1234567890123456789]",
    "!(metadata.order_id in [1234567890123456788, 1234567890123456790])",
    "1234567890123456789 in metadata.list && !(1234567890123456788 in metadata.list)",
    "metadata.list.exists(n, n == 1234567890123456789)",
    "metadata.order_id == metadata.deep.id && metadata.order_id == metadata.list[0]",
    'string(metadata.order_id) == "1234567890123456789"',
    'string(metadata.order_id).endsWith("789") && string(metadata.ad) == "12345678901234567890"',
    "metadata.two53 == 9007199254740993 && metadata.two53 != 9007199254740992 && metadata.even == 9007199254740992",
    "metadata.ad == 12345678901234567890 && metadata.ad == 12345678901234567890u && metadata.ad > 12345678901234567889",
    "metadata.minus == -1234567890123456789 && metadata.minus < 0 && -metadata.minus == metadata.order_id",
    "double(metadata.order_id) > 1.2e18 && double(metadata.order_id) < 1.3e18",
    "int(metadata.order_id) == 1234567890123456789 && metadata.order_id % 10 == 9 && metadata.order_id + 1 == 1234567890123456790",
    "metadata.price == 1.1 && metadata.neg == 0 && metadata.tiny == 0.0",
    "metadata.long > 0.12 && metadata.long < 0.13 && metadata.long == 0.1234567890123456789",
    "metadata.exp > 9223372036854775807 && metadata.exp > 1e300",
    "type(metadata.order_id) == int && size(string(metadata.two53)) == 16",
  ])("%s", (when) => {
    const { when: condition, findings } = compiler.compile(when);
    expect(findings).toEqual([]);
    expect(condition?.(call)).toBe(true);
  });

  test.each(["1e999999999", "9".repeat(500_000)])("a number of very many digits costs nothing: it is one beyond all others", (number) => {
    const record = parseRecord(Buffer.from(BODY.replace('"neg":-0', `"n":${number}`)));
    const huge = callOf({ metadata: (record.ok && record.record.metadata) || {} });
    const { when } = compiler.compile("metadata.n > 5 && metadata.n * metadata.n == metadata.n && metadata.n > metadata.order_id");
    expect(when?.(huge)).toBe(true);
    const template = "{% assign x = metadata.n %}{% for i in (1..40) %}{% assign x = x | times: x %}{% endfor %}{{ x }}";
    expect(load({ text: withText(template) }).routes[0]?.map(huge).with.text).toBe("Infinity");
  });
});

const withText = (text: string) =>
  file(`  - id: a\n    to: chat\n    with: { channel: C1, text: ${JSON.stringify(text)} }\n    share: [metadata]\n  - { id: b, to: crm }`);
const rendered = (text: string) => load({ text: withText(text) }).routes[0]?.map(call).with.text;

describe("a template shows every digit", () => {
  test.each([
    ["{{ metadata.order_id }}", "1234567890123456789"],
    ["#{{ metadata.ad | append: '!' }}", "#12345678901234567890!"],
    ["{{ metadata.list | join: ', ' }}", "1234567890123456789, 5"],
    ["{{ metadata.list }}", "12345678901234567895"],
    ["{{ metadata.deep | json }}", '{"id":1234567890123456789}'],
    ["{{ metadata.long }} {{ metadata.exp }} {{ metadata.neg }} {{ metadata.price }}", "0.1234567890123456789 1e400 -0 1.1"],
    ["{{ metadata.order_id | default: 'none' }} {{ metadata.order_id | truncate: 8 }}", "1234567890123456789 12345..."],
    [
      "{{ metadata.order_id | plus: 1 }} {{ metadata.order_id | minus: 1 }} {{ metadata.order_id | times: 10 }}",
      "1234567890123456790 1234567890123456788 12345678901234567890",
    ],
    ["{{ 1 | plus: metadata.order_id }} {{ metadata.order_id | modulo: 10 }} {{ metadata.minus | modulo: 10 }}", "1234567890123456790 9 1"],
    ["{{ metadata.order_id | minus: metadata.order_id | plus: 5 }}", "5"],
    ["{{ metadata.order_id | abs }} {{ metadata.minus | abs }}", "1234567890123456789 1234567890123456789"],
    [
      "{{ metadata.order_id | round }} {{ metadata.order_id | floor }} {{ metadata.order_id | ceil }} {{ metadata.order_id | to_integer }}",
      "1234567890123456789 1234567890123456789 1234567890123456789 1234567890123456789",
    ],
    [
      "{{ metadata.order_id | at_least: 5 }} {{ metadata.order_id | at_most: 5 }} {{ metadata.list | sum }}",
      "1234567890123456789 5 1234567890123456794",
    ],
    ["{{ metadata.long | times: 2 | round: 3 }} {{ metadata.order_id | divided_by: 1000000000000000000 | round: 2 }}", "0.247 1.23"],
  ])("%s", (template, expected) => {
    expect(rendered(template)).toBe(expected);
  });

  test.each([
    '{% if metadata.order_id == "1234567890123456789" %}yes{% endif %}',
    '{% if metadata.order_id != "1234567890123456788" %}yes{% endif %}',
    '{% if "1234567890123456789" == metadata.order_id %}yes{% endif %}',
    "{% if metadata.order_id == metadata.deep.id %}yes{% endif %}",
    '{% if metadata.order_id > "1234567890123456788" and metadata.order_id < "1234567890123456790" %}yes{% endif %}',
    "{% if metadata.order_id > 5 and metadata.minus < 5 and metadata.order_id >= metadata.two53 %}yes{% endif %}",
    '{% case metadata.order_id %}{% when "1234567890123456789" %}yes{% endcase %}',
    '{% assign found = metadata.list | where: "x" %}{% if metadata.list contains "1234567890123456789" %}yes{% endif %}',
    "{% unless metadata.order_id == 1 %}yes{% endunless %}",
  ])("and compares by every digit: %s", (template) => {
    expect(rendered(template)).toBe("yes");
  });

  test("a number that a template could not hold is refused, with what to write", () => {
    expect(problems({ text: withText("{% if metadata.order_id == 1234567890123456789 %}x{% endif %}") })).toEqual([
      "13:60 a template cannot hold a number of so many digits — Put it in quotes: it is compared digit by digit.",
    ]);
    expect(problems({ text: withText("{{ metadata.order_id | plus: 9007199254740993 }}") })).toEqual([
      "13:62 a template cannot hold a number of so many digits — Put it in quotes: it is compared digit by digit.",
    ]);
  });
});

test("decimals are compared as numbers, whatever their form", () => {
  const less: [string, string][] = [
    ["-1e400", "-1"],
    ["-2", "-1"],
    ["-1", "0"],
    ["0", "1e-400"],
    ["9", "10"],
    ["1.5", "1.50000000000000000001"],
    ["123", "1e3"],
    ["1e399", "1e400"],
  ];
  for (const [a, b] of less) expect([Math.sign(compareDecimals(a, b)), Math.sign(compareDecimals(b, a))], `${a} ${b}`).toEqual([-1, 1]);
  for (const [a, b] of [
    ["1.50", "15e-1"],
    ["-0", "0.0"],
    ["12000", "1.2e4"],
  ] as const)
    expect(compareDecimals(a, b)).toBe(0);
  expect(compareDecimals("1", "x")).toBeNaN();
});
