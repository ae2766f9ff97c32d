import { Liquid } from "liquidjs";
import { describe, expect, test } from "vitest";
import { createLiquid, REFUSED_FILTERS, REFUSED_TAGS } from "../../src/routes/liquid/engine.ts";
import { FILTERS } from "../../src/routes/liquid/filters.ts";
import { callOf } from "./support/calls.ts";
import { file, load, problems, warnings } from "./support/load.ts";

/** `text:` stands on line 14; a template in double quotes begins at column 14. */
const withText = (text: string) =>
  file(
    `  - id: a\n    to: chat\n    with:\n      text: ${JSON.stringify(text)}\n      channel: C1\n    share: [numbers, summary, metadata]\n  - { id: b, to: crm }`,
  );
const wrong = (text: string) => problems({ text: withText(text) });
const rendered = (text: string, changes: Parameters<typeof callOf>[0] = {}) =>
  load({ text: withText(text) }).routes[0]?.map(callOf(changes)).with.text;

describe("what is written out behind a filter is checked when the file is loaded", () => {
  test.each([
    ['{{ summary | truncate: "abc" }}', '"truncate" needs a whole number here, such as 300'],
    ["{{ summary | truncate: 1.5 }}", '"truncate" needs a whole number here, such as 300'],
    ["{{ summary | truncatewords: 'ten' }}", '"truncatewords" needs a whole number here, such as 300'],
    ["{{ summary | truncate: -1 }}", '"truncate" needs a whole number here, such as 300'],
    ["{{ duration_seconds | divided_by: 0 }}", "a division by 0"],
    ["{{ duration_seconds | modulo: 0 }}", "a division by 0"],
    ["{{ duration_seconds | divided_by: 'x' }}", '"divided_by" needs a number here'],
    ["{{ duration_seconds | plus: 'x' }}", '"plus" needs a number here'],
    ["{{ duration_seconds | plus }}", '"plus" needs a value'],
    ["{{ summary | append }}", '"append" needs a value'],
    ["{{ summary | split }}", '"split" needs a value'],
    ["{{ summary | plus: 1 }}", '"plus" is for a number, and summary is a text'],
    ["{{ summary | round }}", '"round" is for a number, and summary is a text'],
    ["{{ start_time | duration }}", '"duration" is for a number, and start_time is a time'],
    ["{{ summary | date: '%H' }}", '"date" is for a time, and summary is a text'],
    ["{{ duration_seconds | date: '%H' }}", '"date" is for a time, and duration_seconds is a number'],
    ["{{ summary | map: 'x' }}", '"map" is for a list, and summary is a text'],
    ["{{ start_time | date: '%H:%M', 'Europe/Berln' }}", 'there is no time zone "Europe/Berln"'],
    ["{{ start_time | date: 'YYYY-MM-DD' }}", "a date's format is written with %"],
    ["{{ start_time | date: 'short' }}", "a date's format is written with %"],
    ["{{ start_time | date: '' }}", "this format shows nothing of the time"],
    ["{{ start_time | date_to_string: 'ordinale' }}", '"date_to_string" does not know "ordinale"'],
    ["{{ summary | slugify: 'latn' }}", '"slugify" does not know "latn"'],
    ["{% for t in metadata.tags limit:'abc' %}x{% endfor %}", '"limit:" needs a whole number here, such as 3'],
    ["{% for t in metadata.tags offset:-1 %}x{% endfor %}", '"offset:" needs a whole number here, such as 3'],
    ["{% tablerow t in metadata.tags cols:'two' %}x{% endtablerow %}", '"cols:" needs a whole number here, such as 3'],
    ["{% if summary %}{% assign s = summary | truncate: 'abc' %}{{ s }}{% endif %}", '"truncate" needs a whole number here, such as 300'],
    ["{{ 'x' | base64_decode }}", "this template fails on every call: each would become a dead letter"],
    ["{% for i in (1..99999999) %}x{% endfor %}", "this template fails on every sample call"],
  ])("%s", (template, message) => {
    const { problems: found } = (() => {
      try {
        return { problems: warnings({ text: withText(template) }) };
      } catch {
        return { problems: wrong(template) };
      }
    })();
    expect(found).toEqual([expect.stringContaining(message)]);
  });

  test("the place is the argument's, and the hint says how it is written", () => {
    expect(wrong("{{ summary | truncate: 'abc' }}")).toEqual(['14:37 "truncate" needs a whole number here, such as 300']);
    expect(wrong("{{ start_time | date: 'YYYY-MM-DD' }}")).toEqual([
      '14:36 a date\'s format is written with % — Such as "%Y-%m-%d %H:%M" or "%d.%m.%Y".',
    ]);
    expect(wrong("{{ duration_seconds | date: '%M:%S' }}")).toEqual([
      '14:36 "date" is for a time, and duration_seconds is a number — To show a length: {{ duration_seconds | duration }}.',
    ]);
  });

  test("what shows nonsense in one place only is a warning", () => {
    expect(warnings({ text: withText("{{ start_time | date: '%Y-%Q-%d' }}") })).toEqual([
      '14:36 warning "%Q" stands for nothing in a date\'s format — The letters are those of strftime: %Y, %m, %d, %H, %M.',
    ]);
    expect(warnings({ text: withText("{{ summary | upcase: 5 }}") })).toEqual(['14:35 warning "upcase" takes nothing behind its colon']);
    expect(warnings({ text: withText("{{ summary | default: 'x', allow_fals: true }}") })).toEqual([
      expect.stringContaining('warning "default" knows no "allow_fals:"'),
    ]);
  });

  test.each([
    "{{ summary | truncate: 300 | default: 'No summary' }} {{ summary | truncate: '300', '…' }} {{ summary | truncate }}",
    "{{ start_time | date: '%d.%m.%Y %H:%M' }} {{ start_time | date: '%-d %B', 'America/New_York' }} {{ start_time | date: '%s', 60 }} {{ end_time | date }}",
    "{{ duration_seconds | divided_by: 60 | round: 1 }} {{ duration_seconds | duration }} {{ '5' | plus: 1 }}",
    "{{ metadata.score | plus: 1 | at_most: 10 }} {{ metadata.when | date: '%H' }} {{ metadata.tags | map: 'name' | join: ', ' }}",
    "{{ agent_name | replace: 'Line ', '' | plus: 1 }} {{ summary | size | plus: 1 }} {{ summary | split: ' ' | first }}",
    "{{ summary | default: '', allow_false: true | slugify: 'latin' | number_of_words: 'cjk' }} {{ metadata.x | truncate: metadata.length }}",
    "{% for t in metadata.tags limit:3 offset:continue %}{{ t }}{% endfor %}{{ '%' | append: '%Y' }}",
  ])("no word of it for %s", (template) => {
    expect(warnings({ text: withText(template) })).toEqual([]);
  });
});

describe("every filter and tag that there is", () => {
  const liquid = createLiquid({ timezone: "UTC" });

  test("has a line in the table by which it is checked: a new one cannot be forgotten", () => {
    expect(Object.keys(FILTERS).toSorted()).toEqual(Object.keys(liquid.filters).toSorted());
    expect(Object.keys(liquid.tags).toSorted()).toEqual(
      [
        "#",
        "assign",
        "break",
        "capture",
        "case",
        "comment",
        "continue",
        "cycle",
        "decrement",
        "echo",
        "for",
        "if",
        "increment",
        "liquid",
        "raw",
        "tablerow",
        "unless",
      ].toSorted(),
    );
  });

  test("takes what its line says: no filter fails with values of these kinds", () => {
    const samples: Record<string, unknown> = { text: "abc", number: 3, count: 3, divisor: 3, zone: "UTC", format: "%Y", anything: 1 };
    for (const [name, { takes, needs }] of Object.entries(FILTERS)) {
      for (const value of ["YWJj", 7, "2026-01-15T09:08:07Z", [1, 2], [{ abc: 1 }], "", null]) {
        const args = takes.slice(0, needs).map((parameter) => (typeof parameter === "string" ? samples[parameter] : parameter[0]));
        const text = `{{ value | ${name}${args.length > 0 ? `: ${args.map((_, index) => `a${index}`).join(", ")}` : ""} }}`;
        const scope = { value, ...Object.fromEntries(args.map((arg, index) => [`a${index}`, arg])) };
        // Of what is no base64 there is no text.
        if (name === "base64_decode" && value !== "YWJj") continue;
        expect(() => liquid.parseAndRenderSync(text, scope), `${text} of ${JSON.stringify(value)}`).not.toThrow();
      }
    }
  });

  test("which would run a text as an expression is not there", () => {
    const all = Object.keys(new Liquid().filters);
    expect(all.filter((name) => name.endsWith("_exp")).toSorted()).toEqual(REFUSED_FILTERS.toSorted());
    for (const name of REFUSED_FILTERS) {
      expect(wrong(`{{ metadata.list | ${name}: 'i', metadata.e }}`)).toEqual([
        expect.stringMatching(
          new RegExp(
            `^14:\\d+ the filter "${name}" is not available: it would run a text as an expression — Write ${name.replace("_exp", "")}:`,
          ),
        ),
      ]);
    }
    for (const tag of REFUSED_TAGS) expect(Object.keys(liquid.tags)).not.toContain(tag);
    // Its plain kin compares with a value, and runs nothing.
    expect(
      rendered("{% assign x = metadata.list | where: 'a', metadata.e %}{{ x | size }}", {
        metadata: { list: [{ a: "i.a" }, { a: 1 }], e: "i.a" },
      }),
    ).toBe("1");
  });
});

describe("how other template languages call a filter", () => {
  test.each([
    ["shorten: 300", "truncate"],
    ["lower", "downcase"],
    ["toUpperCase", "upcase"],
    ["trim", "strip"],
    ["length", "size"],
    ["strftime: '%H'", "date"],
    ["humanize", "duration"],
    ["nl2br", "newline_to_br"],
    ["or: 'x'", "default"],
  ])("%s", (filter, meant) => {
    expect(wrong(`{{ summary | ${filter} }}`)).toEqual([expect.stringContaining(`did you mean "${meant}"?`)]);
  });

  test("for one that is far from all, where the list is", () => {
    expect(wrong("{{ summary | emojify }}")).toEqual(['14:27 unknown filter "emojify" — The list is in docs/routes.md.']);
  });

  test("a quote that is open is what is said, not the braces", () => {
    expect(wrong("{{ summary | default: 'Somebody }}")).toEqual(["14:36 a quote that was opened here is never closed"]);
    expect(wrong("{% if agent == 'sales %}x{% endif %}")[0]).toEqual("14:29 a quote that was opened here is never closed");
    expect(wrong("{% assign x = 'a %}{{ x }}")).toEqual(["14:28 a quote that was opened here is never closed"]);
    expect(wrong("{{ summary }")).toEqual(['14:14 a "{{" is never closed — It ends with "}}".']);
    const fine = "{% comment %} it's {% endcomment %}{% # don't %}{% raw %}{% if 'x %}{% endraw %}{% if agent == 'it\"s' %}it's{% endif %}";
    expect(warnings({ text: withText(fine) })).toEqual([expect.stringContaining('agent is never "it"s"')]);
  });
});

describe("no call makes a template run for long, or hold much", () => {
  const list = Array.from({ length: 100_000 }, (_, index) => ({ a: index, b: `text ${index}` }));
  const TOO_LONG = /^with\.text: the template failed on this call: it took more than 0\.2 s, or more text than there may be$/;

  test.each([
    ["a text that doubles", "{% assign x = summary %}{% for i in (1..40) %}{% assign x = x | append: x %}{% endfor %}{{ x | size }}"],
    ["a text put into each place of itself", "{{ summary | replace: 'a', summary }}"],
    [
      "a list inside of itself",
      "{% for i in metadata.list %}{% for j in metadata.list %}{% if i.a == j.b %}x{% endif %}{% endfor %}{% endfor %}",
    ],
    ["a range that a call names", "{% for i in (1..metadata.n) %}x{% endfor %}"],
    [
      "a list that is added to itself",
      "{% assign l = metadata.list %}{% for i in (1..40) %}{% assign l = l | concat: l %}{% endfor %}{{ l | size }}",
    ],
  ])("%s", (_, template) => {
    const call = callOf({ summary: "a".repeat(100_000), metadata: { list, n: 1_000_000_000 } });
    const [route] = load({ text: withText(template) }).routes;
    expect(() => route?.map(call)).toThrow(TOO_LONG);
  });

  test("one pass over a long list is no trouble", () => {
    expect(
      String(rendered("{{ metadata.list | map: 'b' | join: ', ' | truncate: 20 }}", { metadata: { list: list.slice(0, 2_000) } })),
    ).toBe("text 0, text 1, t...");
  });
});
