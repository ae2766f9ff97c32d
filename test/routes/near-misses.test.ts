import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Connector } from "../../src/connector/index.ts";
import { createWhenCompiler } from "../../src/routes/cel/when.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { chat, connectors, env, file, warnings } from "./support/load.ts";

const compiler = createWhenCompiler({
  timezone: "Europe/Berlin",
  known: {
    agents: [
      { key: "sales", id: "agent_abc123", name: "Sales line" },
      { key: "support", id: "agent_def456" },
    ],
    sources: ["main"],
  },
});

function said(when: string): string[] {
  return compiler.compile(when).findings.map(({ offset, message, hint, severity }) => {
    expect(severity).toBe("warning");
    return `${offset} ${message}${hint === undefined ? "" : ` — ${hint}`}`;
  });
}

describe("a word that never comes", () => {
  test("is a warning at its place, and the file is used", () => {
    const text = file('  - id: a\n    to: crm\n    when: call_outcome == "voice_mail"\n  - { id: b, to: chat, with: { channel: C1 } }');
    expect(warnings({ text })).toEqual([
      '13:27 warning VoiceInfra knows no call_outcome "voice_mail" — did you mean "voicemail"? They are answered, voicemail, failed.',
    ]);
  });

  test.each([
    ["Voicemail", "voicemail"],
    ["VOICEMAIL", "voicemail"],
    ["voice mail", "voicemail"],
    ["voice-mail", "voicemail"],
    ["voice", "voicemail"],
    ["answering_machine", "voicemail"],
    ["answer", "answered"],
    ["Answered", "answered"],
    ["completed", "answered"],
    ["fail", "failed"],
    ["failure", "failed"],
    ["no_answer", "failed"],
    ["busy", "failed"],
  ])("call_outcome %s is %s", (word, meant) => {
    for (const when of [`call_outcome == "${word}"`, `"${word}" != call_outcome`, `call_outcome in ["failed", "${word}"]`]) {
      expect(said(when), when).toEqual([expect.stringContaining(`did you mean "${meant}"?`)]);
    }
  });

  test.each(["answered", "voicemail", "failed", "transferred", "escalated", ""])("call_outcome %j may be meant", (word) => {
    expect(said(`call_outcome == "${word}"`)).toEqual([]);
  });

  test.each([
    ['agent == "slaes"', 'agent is never "slaes" — did you mean "sales"?'],
    ['agent == "agent_abc123"', 'agent is never "agent_abc123" — agent is the key under "agents:": "sales".'],
    ['agent == "Sales line"', 'agent is never "Sales line" — agent is the key under "agents:": "sales".'],
    [
      'agent_id == "sales"',
      'no agent of this file has the id "sales" — agent_id is VoiceInfra\'s; "sales" is the agent "sales": agent == "sales".',
    ],
    ['agent_id == "agent_abc124"', 'no agent of this file has the id "agent_abc124" — did you mean "agent_abc123"?'],
    ['agent_id in ["x1"]', 'no agent of this file has the id "x1" — If it is one of yours, name it under "agents:".'],
    ['agent_name == "Sales Line"', 'no agent of this file has the name "Sales Line" — did you mean "Sales line"?'],
    ['direction == "Inbound"', 'direction is never "Inbound" — did you mean "inbound"?'],
    ['source == "mian"', 'source is never "mian" — did you mean "main"?'],
  ])("%s", (when, expected) => {
    expect(said(when)).toEqual([expect.stringContaining(expected)]);
  });

  test("an agent's mistyped id is shown where a condition names the right one", () => {
    const top = "timezone: UTC\nagents: { sales: { id: agent_abc12, direction: inbound } }";
    const routes = "  - { id: a, to: crm, when: 'agent_id == \"agent_abc123\"' }\n  - { id: b, to: chat, with: { channel: C1 } }";
    expect(warnings({ text: file(routes, { top }) })).toEqual([expect.stringContaining('did you mean "agent_abc12"?')]);
    expect(warnings({ text: file(routes, { top: top.replace("agent_abc12", '"agent_abc123 "') }) })).toEqual([
      expect.stringContaining("5:24 warning the id begins or ends with white space"),
      expect.stringContaining("no agent of this file has the id"),
    ]);
  });

  test("in a template's comparison, too", () => {
    const text = file(
      "  - id: a\n    to: chat\n    with:\n      channel: C1\n      text: \"{% if call_outcome == 'voice_mail' or agent != 'slaes' %}x{% endif %}{% case direction %}{% when 'Inbound' %}y{% endcase %}\"\n  - { id: b, to: crm }",
    );
    expect(warnings({ text })).toEqual([
      expect.stringContaining('15:36 warning VoiceInfra knows no call_outcome "voice_mail"'),
      expect.stringContaining('15:61 warning agent is never "slaes"'),
      expect.stringContaining('15:111 warning direction is never "Inbound"'),
    ]);
  });
});

describe("capital and small letters", () => {
  test.each([
    ['summary.matches("Angry")', "16 this finds words with a capital letter only: summary is compared letter by letter"],
    ['transcript.contains("Refund please")', "20 this finds words with a capital letter only: transcript is compared letter by letter"],
    ['summary.lowerAscii().matches("Angry")', "29 behind lowerAscii() no capital letter is left"],
    ['summary.lowerAscii().matches("angry|Furious")', "29 behind lowerAscii() no capital letter is left"],
    ['summary.lowerAscii().contains("VAT")', "30 behind lowerAscii() no capital letter is left"],
    ['summary.lowerAscii().trim().startsWith("Left")', "39 behind lowerAscii() no capital letter is left"],
    ['summary.lowerAscii().endsWith("Bye")', "30 behind lowerAscii() no capital letter is left"],
    ['agent_name.lowerAscii() == "Sales line"', "27 behind lowerAscii() no capital letter is left"],
    ['metadata.campaign.lowerAscii() in ["spring", "Autumn"]', "45 behind lowerAscii() no capital letter is left"],
    ['summary.upperAscii().contains("angry")', "30 behind upperAscii() no small letter is left"],
  ])("%s", (when, expected) => {
    expect(said(when)).toEqual([expect.stringContaining(expected)]);
  });

  test.each([
    'summary.lowerAscii().matches("angry|furious")',
    'summary.lowerAscii().matches("\\\\Bangry\\\\W[^A-Z]\\\\p{Ll}")',
    'summary.matches("[Aa]ngry")',
    'summary.contains("VAT") || summary.contains("HubSpot") || summary.contains("refund")',
    'summary.startsWith("Left a message")',
    'agent_name == "Sales line"',
    'metadata.campaign == "Spring"',
  ])("no word of it for %s", (when) => {
    expect(said(when)).toEqual([]);
  });
});

describe("a number that never comes", () => {
  test.each([
    ["duration_seconds < 0", "0 this is never true: duration_seconds is 0 or more"],
    ["0 > duration_seconds", "0 this is never true: duration_seconds is 0 or more"],
    ["duration_seconds >= 0", "0 this is always true: duration_seconds is 0 or more"],
    ["duration_seconds == -1", "20 duration_seconds is never -1"],
    ["duration_seconds <= -0.5", "0 this is never true"],
    ["size(metadata.tags) < 0", "0 this is never true: size() is 0 or more"],
    ["start_time.getDayOfWeek() == 7", "29 getDayOfWeek() is never 7 — 0 is Sunday, 6 is Saturday."],
    ["start_time.getDayOfWeek() in [6, 7]", "33 getDayOfWeek() is never 7"],
    ["start_time.getMonth() == 12", "25 getMonth() is never 12 — 0 is January, 11 is December."],
    ['end_time.getHours("UTC") == 24', "28 getHours() is never 24"],
    ["start_time.getHours() > 23", "0 this is never true: getHours() is 0 to 23"],
    ["start_time.getDate() == 0", "24 getDate() is never 0"],
    ['(start_time + duration("1h")).getMinutes() == 60', "46 getMinutes() is never 60"],
    ['customer_number == "4155550100"', "19 customer_number is never written like this"],
    ['customer_number.startsWith("1800")', "27 customer_number is never written like this"],
    ['customer_number == "anonymous"', "19 customer_number is never written like this"],
    ['to_number in ["+18005551234", "(800) 555-1234"]', "30 to_number is never written like this"],
  ])("%s", (when, expected) => {
    expect(said(when)).toEqual([expect.stringContaining(expected)]);
  });

  test.each([
    "duration_seconds > 0 && duration_seconds != 0 && duration_seconds < 30",
    "(end_time - start_time).getMinutes() == 90",
    "start_time.getDayOfWeek() in [0, 6] && start_time.getHours() >= 9 && start_time.getHours() < 18",
    'customer_number.startsWith("+49") && from_number == "anonymous" && customer_number != ""',
    "size(metadata.tags) > 0",
  ])("no word of it for %s", (when) => {
    expect(said(when)).toEqual([]);
  });
});

test("a condition that is switched off is a warning: its calls would be gone", () => {
  for (const when of ["false", 'false && agent == "sales"', 'agent == "sales" && false']) {
    expect(said(when)).toEqual([
      expect.stringMatching(/^\d+ this condition is never true — To stop a route and keep its calls: enabled: false\.$/),
    ]);
  }
  expect(said("true")).toEqual([]);
});

describe("a person who never comes", () => {
  const rows = { ...chat, name: "rows", title: "Warehouse", settings: z.strictObject({}), with: z.strictObject({}) };
  const found = (to: string, template: string) => {
    const text = file(
      `  - id: a\n    to: chat\n    after: { route: b, wait: 60s }\n    with:\n      channel: C1\n      text: "${template}"\n  - { id: b, to: ${to} }\n  - { id: c, to: crm, record: c }\n  - { id: d, to: rows, record: d }`,
      {
        destinations:
          '  crm: { connector: crm, token: "${CRM_TOKEN}" }\n  chat: { connector: chat, token: "${CHAT_TOKEN}" }\n  rows: { connector: rows }',
      },
    );
    const all = { ...connectors, rows } as unknown as Record<string, Connector>;
    const { warnings } = loadRoutes({ path: "routes.yaml", text, env, connectors: all, role: { kind: "check" } });
    return warnings.map(({ line, column, message }) => `${line}:${column} ${message}`);
  };

  test("because the route that is waited for goes where nobody knows people", () => {
    expect(found("rows", "{{ person.name | default: customer_number }}")).toEqual([
      '17:17 there is never a person here: "b" goes to Warehouse, which knows none',
    ]);
    expect(found("rows", "{{ record_url }}")).toEqual([]);
    expect(found("crm", "{{ person.name }}")).toEqual([]);
  });
});
