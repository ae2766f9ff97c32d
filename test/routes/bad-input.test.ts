import { describe, expect, test } from "vitest";
import { file, problems, refusal, warnings } from "./support/load.ts";

/** A route that goes to the chat, with more lines. It begins on line 11; its third line is 13. */
const chatRoute = (...lines: string[]) => file(["  - id: a", "    to: chat", ...lines.map((line) => `    ${line}`)].join("\n"));

describe("YAML that cannot be read", () => {
  const cases: [string, string, string[]][] = [
    ["a tab as indentation", file("  - id: a\n\tto: crm"), ["12:1 a tab cannot indent a line in YAML — Use spaces: two for each level."]],
    ["a tab behind spaces", file("  - id: a\n  \tto: crm"), ["12:3 a tab cannot indent a line in YAML — Use spaces: two for each level."]],
    [
      "a tab where lines behind it no longer fit",
      file("  - id: a\n    to: crm\n    with:\n\t  title: x\n      fields: { y: z }\n  - id: b\n    to: crm"),
      ["14:1 a tab cannot indent a line in YAML — Use spaces: two for each level."],
    ],
    ["a quote never closed", file('  - id: a\n    to: "crm'), ["12:9 a quote that was opened here is never closed"]],
    [
      "an unquoted template",
      chatRoute("with: { text: {{ summary }} }"),
      ['13:20 a template needs quotes around it — Write it as "{{ … }}": unquoted braces are YAML\'s own.'],
    ],
    [
      "a colon in an unquoted text",
      chatRoute("when: agent == 'x' && a: b"),
      ['13:11 an unquoted text cannot hold ": " — Put the whole text in quotes.'],
    ],
    [
      "a text that goes on behind its quote",
      chatRoute('when: "sales" == agent'),
      [
        "13:19 nothing may follow the closing quote of a text — If the quotes belong to the text, put all of it in quotes of the other kind.",
      ],
    ],
    [
      "a line too far in",
      chatRoute(" when: test"),
      ["13:6 this line is indented too far — Fields of one thing begin in the same column: here column 5."],
    ],
    [
      "a text that begins with @",
      chatRoute("description: @here"),
      ['13:18 an unquoted text cannot begin with "@" — Put the whole text in quotes.'],
    ],
    [
      "an expression that begins with !",
      chatRoute("when: !test"),
      ['13:11 YAML reads "!test" as a tag, and tags are not supported — If the text shall begin with "!", put all of it in quotes.'],
    ],
    ["a bracket never closed", file("  - id: a\n    sources: [main\n    to: crm"), ['13:5 a "]" is missing before this line']],
    [
      "two documents",
      `${file("  - { id: a, to: crm }")}\n---\nversion: 1\n`,
      ['12:1 the file holds more than one YAML document — Remove the "---" and what follows it.'],
    ],
  ];
  test.each(cases)("%s", (_, text, expected) => {
    expect(problems({ text })).toEqual(expected);
  });

  test("nesting beyond the parser's stack is one problem, not hundreds", () => {
    const found = problems({ text: `a: ${"[".repeat(3000)}` });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^1:\d+ this is nested too deeply$/);
  });

  test("an anchor bomb is refused at the alias that goes too far", () => {
    const nine = (alias: string) => `[${Array.from({ length: 9 }, () => `*${alias}`).join(", ")}]`;
    const text = `a: &a [x, x, x, x, x, x, x, x, x]\nb: &b ${nine("a")}\nc: &c ${nine("b")}\nd: &d ${nine("c")}\ne: ${nine("d")}\n`;
    expect(problems({ text })).toEqual([
      "5:9 this alias repeats so much that the file becomes too large — At most 20000 values, 60 levels deep.",
    ]);
  });

  test("an alias without its anchor is named", () => {
    expect(problems({ text: chatRoute("with: *nowhere") })).toContain(
      '13:11 there is no anchor "&nowhere" above this alias — If a text shall begin with "*", put it in quotes.',
    );
  });

  test("an alias inside its own anchor is refused", () => {
    expect(problems({ text: file("  - &a { id: a, to: crm, with: *a }") })).toContain('11:32 the alias "*a" is inside its own anchor');
  });

  test("merge keys and __proto__ are refused", () => {
    expect(problems({ text: chatRoute("with: { channel: C1, <<: { text: x } }") })).toEqual([
      "13:26 merge keys (<<) are not supported — Write the fields out.",
    ]);
    expect(problems({ text: chatRoute("with: { channel: C1, __proto__: { text: x } }") })).toEqual(['13:26 "__proto__" cannot be a field']);
  });
});

describe("fields", () => {
  test("an unknown one is named, with the one that was meant", () => {
    expect(problems({ text: file("  - id: a\n    to: crm\n    wehn: test") })).toEqual([
      '13:5 unknown field "wehn" — did you mean "when"?',
    ]);
  });

  test("a far-off one shows what is known", () => {
    expect(problems({ text: file("  - id: a\n    to: crm\n    with: { colour: red }") })).toEqual([
      '13:13 unknown field "colour" — Known here: title, on_none, fields, tags, match.',
    ]);
  });

  test("a field of a later version is said to be one", () => {
    expect(problems({ text: file("  - id: a\n    to: crm\n    cases: []") })).toEqual([
      '13:5 "cases" is not supported yet — It comes with a later version. Remove it for now.',
    ]);
  });

  const WAITS: [string, string, string[]][] = [
    ["a route that is not there", "{ route: log-calls, wait: 60s }", ['13:21 there is no route "log-calls" — did you mean "log-call"?']],
    ["a far-off one", "{ route: zebra, wait: 60s }", ['13:21 there is no route "zebra" — Other routes are log-call.']],
    ["itself", "{ route: a, wait: 60s }", ['13:21 the route "a" cannot wait for itself']],
    ["no wait", "{ route: log-call }", [expect.stringMatching(/^13:12 "wait" is missing — At most so long/) as unknown as string]],
    [
      "a wait that is none",
      "{ route: log-call, wait: soon }",
      [expect.stringMatching(/^13:\d+ "wait" must be a time such as 90s/) as unknown as string],
    ],
    [
      "a longer wait than a reader has",
      "{ route: log-call, wait: 2h }",
      [expect.stringMatching(/^13:\d+ "wait" must be at most 1h/) as unknown as string],
    ],
    ["a name alone", "log-call", [expect.stringMatching(/^13:12 "after" must be a group of fields, not text/) as unknown as string]],
    [
      "a word of it misspelt",
      "{ rout: log-call, wait: 60s }",
      [
        expect.stringContaining('"route" is missing') as unknown as string,
        expect.stringContaining('unknown field "rout"') as unknown as string,
      ],
    ],
  ];
  test.each(WAITS)("to wait for %s is found at its place", (_, after, expected) => {
    const text = file(
      `  - id: a\n    to: chat\n    after: ${after}\n    with: { channel: C1, text: "{{ person.name }}" }\n  - { id: log-call, to: crm }`,
    );
    expect(problems({ text }).toSorted()).toEqual(expected);
  });

  test("routes that wait for each other are found once, however many there are", () => {
    const route = (id: string, other: string) => `  - { id: ${id}, to: crm, record: ${id}, after: { route: ${other}, wait: 5s } }`;
    expect(problems({ text: file([route("a", "b"), route("b", "c"), route("c", "a"), route("d", "a")].join("\n")) })).toEqual([
      expect.stringMatching(/^11:\d+ "a" waits for "b", which waits for "c", which waits for "a" — One of them has to go first/),
    ]);
  });

  test("to wait for a route that is off is worth a word, and no mistake", () => {
    const routes = "  - { id: a, to: crm, enabled: false }\n  - { id: b, to: chat, after: { route: a, wait: 5s }, with: { channel: C1 } }";
    expect(warnings({ text: file(routes) })).toEqual([expect.stringContaining('warning the route "a" is off')]);
  });

  test("a wrong test_when, a wrong time and a `was` that is still there are found at their places", () => {
    const sources = '  main: { secrets: ["${WEBHOOK_SECRET}"], test_when: \'call_idd == "x"\' }';
    expect(problems({ text: file("  - { id: a, to: crm }", { sources }) })).toEqual([expect.stringMatching(/^3:\d+ .*call_idd/)]);
    expect(problems({ text: file("  - { id: a, to: crm, max_age: soon }\n  - { id: b, to: crm, record: x, was: a }") })).toEqual([
      expect.stringMatching(/^11:32 .*must be a time such as 90s/),
      expect.stringMatching(/^12:\d+ there is a route "a" in this file/),
    ]);
  });

  test("a field twice is refused at the second, with the line of the first", () => {
    expect(problems({ text: file("  - id: a\n    to: crm\n    to: chat") })).toEqual([
      '13:5 "to" is here twice — The first is on line 12. Remove one, or give it another name.',
    ]);
  });

  test("a missing one is reported where it should be", () => {
    expect(problems({ text: file("  - id: a\n  - to: crm") })).toEqual([
      '11:5 "to" is missing — Name of a destination.',
      '12:5 "id" is missing — Stable name of the route; also its consumer group (patchbay.<id>). A new id is a new route with nothing behind it.',
    ]);
  });

  test("yes, no and numbers where others are meant", () => {
    expect(problems({ text: file("  - id: a\n    to: crm\n    enabled: no\n    with: { fields: { x: 1 } }") })).toEqual([
      '13:14 "enabled" must be true or false, not text — Write false: yes and no are plain text in YAML 1.2.',
      '14:26 "x" must be text, not a number — Put it in quotes.',
    ]);
  });

  test("a list where text is given, an unknown word, too many items", () => {
    expect(
      problems({ text: file("  - id: a\n    to: crm\n    share: summary\n    with: { on_none: lgo, tags: [a, b, c, d], title: '' }") }),
    ).toEqual([
      '13:12 "share" must be a list ("- item" lines or [a, b]), not text — Put it in brackets: [ … ].',
      '14:22 "on_none" must be one of log, skip — did you mean "log"?',
      '14:33 "tags" must have at most 3 items',
      '14:54 "title" is empty',
    ]);
    expect(problems({ text: file("  - id: a\n    to: crm\n    share: [numbers, sumary]") })).toEqual([
      '13:22 item 2 of "share" must be one of numbers, summary, recording, transcript, metadata — did you mean "summary"?',
    ]);
  });

  test("a misspelt word of share counts as the one that was meant: a template that uses it is right", () => {
    const route = (share: string) =>
      file(`  - id: a\n    to: chat\n    share: [${share}]\n    with: { channel: C1, text: "{{ summary }} {{ customer_number }}" }`);
    expect(problems({ text: route("number, sumary") }).map((one) => one.split(" — ")[1])).toEqual([
      'did you mean "numbers"?',
      'did you mean "summary"?',
    ]);
    expect(problems({ text: route("everything") })).toHaveLength(1);
    expect(problems({ text: route("numbers, recordings") })).toEqual([
      expect.stringContaining('did you mean "recording"?'),
      expect.stringContaining('the template uses "summary", which this route does not share'),
    ]);
  });

  test("the version, the time zone, a start without zone and numbers that are none", () => {
    expect(problems({ text: file("  - { id: a, to: crm }").replace("version: 1", "version: 2") })).toEqual(['1:10 "version" must be 1']);
    const top = 'timezone: Europe/Berln\nown_numbers: [+18005551234, "0800 12", "+18005551234"]';
    expect(problems({ text: file("  - id: a\n    to: crm\n    start: 2026-01-31T09:00:00", { top }) })).toEqual([
      '4:11 "timezone" must be a time zone such as Europe/Berlin or UTC — did you mean "Europe/Berlin"?',
      '5:15 item 1 of "own_numbers" must be text, not a number — Put it in quotes.',
      '5:29 item 2 of "own_numbers" must be a phone number in international form, such as +18005551234: this has no country; +1 is the code of the USA, +49 of Germany',
      '14:12 "start" must be a time with its zone, such as 2026-01-31T09:00:00Z — Where a new route begins: now (default), beginning, or a time with its zone.',
    ]);
  });

  test("a file that is a list or a word is refused as a whole", () => {
    expect(problems({ text: "- a\n- b\n" })).toEqual(["1:1 the file must be a group of fields, not a list"]);
    expect(problems({ text: "hello" })).toEqual(["1:1 the file must be a group of fields, not text"]);
  });
});

describe("names that lead nowhere", () => {
  test("an unknown connector", () => {
    expect(problems({ text: file("  - { id: a, to: x }", { destinations: "  x: { connector: crmm }" }) })).toEqual([
      '8:19 unknown connector "crmm" — did you mean "crm"?',
    ]);
  });

  test("a route to nowhere", () => {
    expect(problems({ text: file("  - id: a\n    to: crmm\n  - id: b\n    to: fax") })).toEqual([
      '12:9 there is no destination "crmm" — did you mean "crm"?',
      '14:9 there is no destination "fax" — Destinations are crm, chat.',
    ]);
  });

  test("two destinations with one name", () => {
    const destinations = '  crm: { connector: crm, token: "${CRM_TOKEN}" }\n  crm: { connector: chat, token: "${CHAT_TOKEN}" }';
    expect(problems({ text: file("  - { id: a, to: crm }", { destinations }) })).toEqual([
      '9:3 "crm" is here twice — The first is on line 8. Remove one, or give it another name.',
    ]);
  });

  test("two routes with one id, two agents with one id", () => {
    expect(problems({ text: file("  - { id: a, to: crm }\n  - { id: a, to: chat, with: { channel: C1 } }") })).toEqual([
      '12:11 the id "a" is here twice — The first is on line 11. Each route needs its own: it is its consumer group.',
    ]);
    const text = file("  - { id: a, to: crm }").replace("inbound } }", "inbound }, other: { id: agent_1 } }");
    expect(problems({ text })).toEqual([
      '6:86 the agent "sales" has this id already — A call names its agent by id: one of "sales" and "other" would never be seen.',
    ]);
  });

  test("names that could not be a consumer group or a path", () => {
    expect(problems({ text: file('  - id: "Log it"\n    to: crm') })[0]).toMatch(/^11:9 "id" must begin with a small letter or a digit/);
    const sources = '  Main: { secrets: ["${WEBHOOK_SECRET}"] }';
    expect(problems({ text: file("  - { id: a, to: crm }", { sources }) })).toEqual([
      '3:3 the name "Main" must begin with a small letter or a digit, then a-z, 0-9, dot, dash or underscore, at most 63',
    ]);
  });

  test("with two sources a route must say whose calls it takes", () => {
    const sources = '  a: { secrets: ["${WEBHOOK_SECRET}"] }\n  b: { secrets: ["${OTHER_SECRET}"] }';
    expect(
      problems({
        text: file("  - id: x\n    to: crm\n  - { id: y, to: crm, sources: all }\n  - { id: z, to: crm, sources: [bb] }", { sources }),
      }),
    ).toEqual([
      '12:5 "sources" is missing: this file has 2 — Say whose calls the route "x" takes: sources: [a], or sources: all.',
      '15:33 there is no source "bb" — did you mean "b"?',
    ]);
  });
});

test("every mistake is shown at once, in the order of the file, and one does not hide another", () => {
  const text = [
    "version: 1",
    "sources:",
    "  main: {}",
    "agnts: {}",
    "destinations:",
    '  crm: { connector: crm, token: "${NOPE}", regin: eu, timeout: 20s }',
    "  chat: { connector: chatt }",
    "routes:",
    "  - id: a",
    "    to: crm",
    "    when: durasion > 5",
    "    wehn: true",
    "  - id: b",
    "    to: crm",
    "    share: [sumary]",
    '    with: { title: "{{ transcript | upcas }}" }',
  ].join("\n");
  expect(problems({ text })).toEqual([
    '3:3 the source "main" has no secrets — Give it the webhook\'s secret: secrets: ["${VOICEINFRA_WEBHOOK_SECRET}"]. Without one anybody could send calls; if you want that, write allow_unsigned: true.',
    '4:1 unknown field "agnts" — did you mean "agents"?',
    "6:34 the variable NOPE is not set — Set it in the environment or as NOPE=… in .env.",
    '6:44 unknown field "regin" — did you mean "region"?',
    '6:64 "timeout" must be at least 1ms and at most 15s — A longer attempt could not end before a stopping process is killed.',
    '7:22 unknown connector "chatt" — did you mean "chat"?',
    '11:11 unknown name "durasion" — did you mean "duration_seconds"?',
    '12:5 unknown field "wehn" — did you mean "when"?',
    '15:13 item 1 of "share" must be one of numbers, summary, recording, transcript, metadata — did you mean "summary"?',
    '16:24 the template uses "transcript", which this route does not share — Add transcript to share: [summary, transcript].',
    '16:37 unknown filter "upcas" — did you mean "upcase"?',
  ]);
});

test("what a file may be: CRLF line ends, a byte order mark, anchors", () => {
  const text = `\uFEFF${file("  - id: a\n    to: crm\n    with: &w { title: x }\n  - id: b\n    to: crm\n    record: second\n    with: *w\n  - { id: c, to: chat, with: { channel: C1 } }")}`;
  expect(warnings({ text: text.replaceAll("\n", "\r\n") })).toEqual([]);
  expect(problems({ text: file("  - id: a\r\n    to: crm\r\n    wehn: test\r\n") })).toEqual([
    '13:5 unknown field "wehn" — did you mean "when"?',
  ]);
});

test("the error counts its problems and names the file", () => {
  expect(refusal({ text: file("  - id: a\n    to: crmm") }).message).toBe("1 problem in routes.yaml");
});
