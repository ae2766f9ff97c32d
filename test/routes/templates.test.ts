import { describe, expect, test } from "vitest";
import { type Route, RouteFault } from "../../src/route.ts";
import { durationFilter } from "../../src/routes/liquid/engine.ts";
import { callOf } from "./support/calls.ts";
import { file, load, problems } from "./support/load.ts";

/** `text:` stands on line 14; a template in double quotes begins at column 14. */
const withText = (text: string, share = "[numbers, summary]") =>
  file(`  - id: a\n    to: chat\n    with:\n      text: ${text}\n      channel: C1\n    share: ${share}\n  - { id: b, to: crm }`);
const wrong = (text: string, share?: string) => problems({ text: withText(text, share) });

describe("a template that cannot work is refused when the file is loaded", () => {
  const cases: [string, string, string[]][] = [
    ["an unknown name", '"Hi {{ sumary }}"', ['14:20 unknown name "sumary" in a template — did you mean "summary"?']],
    [
      "a field that share withholds",
      '"{{ transcript }}"',
      ['14:17 the template uses "transcript", which this route does not share — Add transcript to share: [numbers, summary, transcript].'],
    ],
    [
      "withheld in a condition",
      '"{% if recording_url %}x{% endif %}"',
      ['14:20 the template uses "recording_url", which this route does not share — Add recording to share: [numbers, summary, recording].'],
    ],
    [
      "withheld as a filter's argument",
      '"{{ summary | default: metadata.x }}"',
      ['14:36 the template uses "metadata", which this route does not share — Add metadata to share: [numbers, summary, metadata].'],
    ],
    ["a field of a text", '"{{ agent.name }}"', ['14:17 "agent" has no field "name" — did you mean "agent_name"?']],
    [
      "unknown filters, all of them",
      '"{{ summary | truncat: 5 | upcas }}"',
      ['14:27 unknown filter "truncat" — did you mean "truncate"?', '14:40 unknown filter "upcas" — did you mean "upcase"?'],
    ],
    ["never closed", '"{{ summary"', ['14:14 a "{{" is never closed — It ends with "}}".']],
    ["a tag never closed", '"{% if summary %}x"', ['14:14 the tag "if" is never closed — It ends with {% endif %}.']],
    ["an unknown tag", '"{% iff summary %}"', ['14:17 unknown tag "iff" — did you mean "if"?']],
    ["other files", `"{% include 'x' %}"`, ['14:17 the tag "include" is not available — Templates read no other files.']],
    ["nothing inside", '"{{ }}"', ["14:17 this template is empty — Name what it shall show: {{ summary }}."]],
    [
      "a sum",
      '"{{ duration_seconds / 60 }}"',
      ["14:35 a template cannot calculate like this — Use filters: {{ duration_seconds | divided_by: 60 }}."],
    ],
    [
      "a person, where no other route is waited for",
      '"{{ person.name }}"',
      [
        '14:17 "person" is known only to a route with "after" — Add after: { route: <id of the route to the CRM>, wait: 60s }: its receipt brings it.',
      ],
    ],
    [
      "a record, where no other route is waited for",
      '"{{ record_url }}"',
      [expect.stringContaining('"record_url" is known only to a route with "after"') as unknown as string],
    ],
  ];
  test.each(cases)("%s", (_, text, expected) => {
    expect(wrong(text)).toEqual(expected);
  });

  test("the place is right in blocks and behind escapes", () => {
    expect(wrong('"\\"\\u00e4\\" {{ sumary }}"')).toEqual(['14:28 unknown name "sumary" in a template — did you mean "summary"?']);
    expect(wrong("|\n        one\n          two {{ sumary }}")).toEqual([
      '16:18 unknown name "sumary" in a template — did you mean "summary"?',
    ]);
    expect(wrong(">\n        one\n\n        two {{ sumary }}")).toEqual([
      '17:16 unknown name "sumary" in a template — did you mean "summary"?',
    ]);
  });

  test("in lists and groups, too", () => {
    expect(
      problems({ text: file('  - id: a\n    to: crm\n    with: { tags: [x, "{{ sumary }}"], fields: { y: "{{ transcrpt }}" } }') }),
    ).toEqual([
      '13:27 unknown name "sumary" in a template — did you mean "summary"?',
      '13:57 unknown name "transcrpt" in a template — did you mean "transcript"?',
    ]);
  });

  test("names of the template's own are fine", () => {
    expect(
      load({
        text: withText(
          '"{% assign x = summary %}{{ x }}{% for t in metadata.tags %}{{ t.name }}{{ forloop.index }}{% endfor %}"',
          "[summary, metadata]",
        ),
      }).routes,
    ).toHaveLength(2);
  });

  test("words of a list cannot be templates", () => {
    expect(problems({ text: file('  - id: a\n    to: crm\n    with: { on_none: "{{ agent }}" }') })).toEqual([
      '13:22 "on_none" must be one of log, skip',
    ]);
  });
});

function rendered(text: string, changes: Parameters<typeof callOf>[0] = {}, share?: string): unknown {
  return load({ text: withText(text, share) }).routes[0]?.map(callOf(changes)).with.text;
}

describe("rendering", () => {
  test("names, filters, metadata; what is absent is nothing", () => {
    expect(rendered('"{{ customer_number }} with {{ agent_name }}: {{ summary | truncate: 8 }}"', { summary: "A long summary" })).toBe(
      "+14155550100 with Sales line: A lon...",
    );
    expect(
      rendered(
        '"[{{ summary }}{{ metadata.nope.deeper }}]{{ metadata.campaign }}"',
        { metadata: { campaign: "spring" } },
        "[summary, metadata]",
      ),
    ).toBe("[]spring");
    expect(rendered('"{{ duration_seconds | duration }}"', { duration_seconds: 147 })).toBe("2 min 27 s");
  });

  describe("what another route brings", () => {
    const waiting = (text: string) =>
      file(
        `  - id: a\n    to: chat\n    with:\n      text: ${text}\n      channel: C1\n    after: { route: b, wait: 60s }\n  - { id: b, to: crm }`,
      );
    const TEXT = `"{{ person.name | default: customer_number }}{% if person %} of {{ person.owner }}{% endif %} {{ record_url }}"`;
    const person = { id: "1", kind: "contact", name: "Dana {{ Example }}", owner: "ann@example.com", url: "https://crm.example/1" };
    const message = (text: string, related?: Parameters<Route["map"]>[1]) => {
      const [route] = load({ text: waiting(text) }).routes;
      return route?.map(callOf({}), related).with.text;
    };

    test("is in its templates: the person and the record, or nothing where it brings none", () => {
      const related = { title: "CRM", url: "https://crm.example/calls/7", person };
      expect(message(TEXT, related)).toBe("Dana {{ Example }} of ann@example.com https://crm.example/calls/7");
      expect(message(TEXT)).toBe("+14155550100 ");
      expect(message(TEXT, { title: "CRM", url: undefined, person: { id: "1", kind: "contact" } })).toBe("+14155550100 of  ");
      expect(message('"[{{ person }}]"', related)).toBe("[Dana {{ Example }}]");
      expect(message('"[{{ person.url }} {{ person.kind }} {{ person.id }}]"', related)).toBe("[https://crm.example/1 contact 1]");
      expect(message('"[{{ person }}{{ person.url }}]"')).toBe("[]");
    });

    test("is known by its right names, and to templates alone", () => {
      expect(problems({ text: waiting('"{{ person.nmae }}"') })).toEqual(['14:17 "person" has no field "nmae" — did you mean "name"?']);
      expect(problems({ text: waiting('"{{ persn.name }}"') })).toEqual([
        '14:17 unknown name "persn" in a template — did you mean "person"?',
      ]);
      expect(problems({ text: waiting('"{{ record_url.id }}"') })).toEqual(['14:17 "record_url" has no field "id" — It is a text.']);
      expect(
        problems({ text: `${waiting('"x"')}\n  - { id: c, to: crm, record: c, after: { route: b, wait: 1s }, when: 'person == "x"' }` }),
      ).toEqual([expect.stringContaining('unknown name "person"')]);
    });

    test("is what the worker waits for: the route, the name of its destination, and how long", () => {
      const { routes } = load({ text: waiting('"x"') });
      expect(routes.map(({ after }) => after)).toEqual([{ route: "b", title: "CRM", waitMs: 60_000 }, undefined]);
    });
  });

  test("dates are shown in the file's time zone", () => {
    expect(rendered(`"{{ start_time | date: '%d.%m.%Y %H:%M' }}"`, { start_time: "2026-01-15T23:30:00Z" })).toBe("16.01.2026 00:30");
  });

  test("what stands in a call is text, never a template", () => {
    expect(rendered('"{{ summary }}"', { summary: "{{ customer_number }} {% if" })).toBe("{{ customer_number }} {% if");
  });

  test("objects of the prototype are not there", () => {
    expect(rendered('"[{{ metadata.constructor }}{{ metadata.__proto__ }}]"', { metadata: { a: 1 } }, "[metadata]")).toBe("[]");
  });

  test("what the connector does not take is a mapping fault that names the field only", () => {
    const text = file('  - id: a\n    to: chat\n    with: { channel: "C{{ agent_name }}" }\n  - { id: b, to: crm }').replace(
      "channel: ",
      "text: x, channel: ",
    );
    expect(problems({ text })).toEqual(['13:31 "channel" must be a channel id such as C0123456789']);
    const long = file('  - id: a\n    to: crm\n    with: { title: "{{ summary }}" }\n  - { id: b, to: chat, with: { channel: C1 } }');
    const fault = faultOf(() => load({ text: long }).routes[0]?.map(callOf({ summary: "" })));
    expect([fault.code, fault.message]).toEqual(["mapping_fault", "with.title: not what CRM takes once the template is filled in"]);
  });

  test("a template that runs for ever is cut off, and says nothing of the call", () => {
    const fault = faultOf(() =>
      rendered('"{% for i in (1..100000) %}{% for j in (1..100000) %}{{ summary }}{% endfor %}{% endfor %}"', { summary: "private" }),
    );
    expect([fault.code, fault.message]).toEqual([
      "mapping_fault",
      "with.text: the template failed on this call: it took more than 0.2 s, or more text than there may be",
    ]);
  });
});

test("spans of time as people say them", () => {
  expect([0, 5, 60, 147, 3600, 3725, "x", -1].map(durationFilter)).toEqual([
    "0 s",
    "5 s",
    "1 min",
    "2 min 27 s",
    "1 h",
    "1 h 2 min 5 s",
    "",
    "",
  ]);
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
