import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { SHAREABLE, SHARED_FIELDS } from "../../src/model/call.ts";
import { callOf } from "./support/calls.ts";
import { file, load, warnings } from "./support/load.ts";

const chat = "  - { id: chat, to: chat, with: { channel: C1 } }";

function verdicts(routes: string, call = callOf({}), changes?: { sources?: string }): (string | true)[] {
  return load({ text: file(routes, changes) }).routes.map((route) => {
    const verdict = route.match(call);
    return verdict.wanted || verdict.reason;
  });
}

describe("which route takes a call", () => {
  test("the first that matches, where one record is kept; a reason for the others", () => {
    const routes =
      "  - { id: a, to: crm, when: 'call_outcome == \"failed\"' }\n  - { id: b, to: crm }\n  - { id: c, to: crm }\n  - { id: d, to: crm, record: second }";
    expect(verdicts(`${routes}\n${chat}`)).toEqual(['when is false: call_outcome == "failed"', true, 'route "b" took it', true, true]);
    expect(verdicts(`${routes}\n${chat}`, callOf({ call_outcome: "failed" }))).toEqual([
      true,
      'route "a" took it',
      'route "a" took it',
      true,
      true,
    ]);
  });

  test("routes with one record suffix rival each other as well", () => {
    expect(verdicts(`  - { id: a, to: crm, record: x }\n  - { id: b, to: crm, record: x }\n${chat}`)).toEqual([
      true,
      'route "a" took it',
      true,
    ]);
  });

  test("every one, where messages are sent", () => {
    expect(verdicts(`${chat}\n  - { id: more, to: chat, with: { channel: C2 } }\n  - { id: a, to: crm }`)).toEqual([true, true, true]);
  });

  test("a route that is switched off still has its calls: they wait for it", () => {
    expect(verdicts(`  - { id: a, to: crm, enabled: false }\n  - { id: b, to: crm }\n${chat}`)).toEqual([true, 'route "a" took it', true]);
  });

  test("a route whose when fails does not take the call from the next one", () => {
    const text = file(`  - { id: a, to: crm, when: metadata.x > 5 }\n  - { id: b, to: crm }\n${chat}`);
    const [a, b] = load({ text }).routes;
    const call = callOf({ metadata: { x: "text" } });
    expect(() => a?.match(call)).toThrow('"when" failed on this call');
    expect(b?.match(call)).toEqual({ wanted: true });
  });

  test("only calls of its sources", () => {
    const sources = '  main: { secrets: ["${WEBHOOK_SECRET}"] }\n  other: { secrets: ["${OTHER_SECRET}"] }';
    const routes =
      "  - { id: a, to: crm, sources: [other] }\n  - { id: b, to: crm, sources: all }\n  - { id: c, to: chat, sources: [main], with: { channel: C1 } }";
    expect(verdicts(routes, callOf({}), { sources })).toEqual(["it reads other, not this source", true, true]);
    expect(verdicts(routes, callOf({ source: "other" }), { sources })).toEqual([
      true,
      'route "a" took it',
      "it reads main, not this source",
    ]);
  });

  test("a reason is one short line, whatever the clause", () => {
    const [route] = load({
      text: file(`  - id: a\n    to: crm\n    when: |\n      test ||\n        test${" || test".repeat(60)}\n${chat}`),
    }).routes;
    const verdict = route?.match(callOf({}));
    expect(verdict?.wanted === false && verdict.reason).toMatch(/^when is false: test \|\| test.{180,200}…$/);
  });
});

describe("what leaves the house", () => {
  const call = callOf({ summary: "s", transcript: "t", recording_url: "https://r", metadata: { a: 1 }, unknown: { b: 2 } });
  const mapped = (share: string, of = call) => load({ text: file(`  - { id: a, to: crm${share} }\n${chat}`) }).routes[0]?.map(of);

  test("by default numbers and the summary", () => {
    const { call: shared, sentFields } = mapped("") ?? {};
    expect(shared).toEqual({ ...call, transcript: undefined, recording_url: undefined, metadata: undefined, unknown: undefined });
    expect(Object.keys(shared ?? {})).not.toContain("transcript");
    expect(sentFields).toEqual([
      "call_id",
      "from_number",
      "to_number",
      "agent_id",
      "duration_seconds",
      "start_time",
      "end_time",
      "call_outcome",
      "summary",
    ]);
  });

  test.each(SHAREABLE)("%s goes only when it is named", (word) => {
    const without = mapped(`, share: [${SHAREABLE.filter((one) => one !== word).join(", ")}]`);
    const alone = mapped(`, share: [${word}]`);
    for (const field of SHARED_FIELDS[word]) {
      expect(without?.call).not.toHaveProperty(field);
      expect(alone?.call).toHaveProperty(field, call[field]);
    }
  });

  test("nothing shared leaves what always goes", () => {
    const { call: shared, sentFields } = mapped(", share: []") ?? {};
    expect(Object.keys(shared ?? {}).toSorted()).toEqual([
      "agent",
      "agent_id",
      "agent_name",
      "agent_owner",
      "call_id",
      "call_outcome",
      "direction",
      "duration_seconds",
      "end_time",
      "source",
      "start_time",
      "test",
    ]);
    expect(sentFields).toEqual(["call_id", "agent_id", "duration_seconds", "start_time", "end_time", "call_outcome"]);
  });

  test("an absent field is not among the sent ones, and the call itself is left as it is", () => {
    const before = structuredClone(call);
    expect(mapped(", share: [summary]", callOf({ summary: "" }))?.sentFields).not.toContain("summary");
    mapped(", share: []");
    expect(call).toEqual(before);
  });
});

test("what a route is loaded as", () => {
  const text = file(
    `  - { id: a, to: crm, start: beginning, enabled: false, description: "for CRM" }\n  - { id: b, to: crm, record: x, start: 2026-01-31T09:00:00+01:00 }\n${chat}`,
  );
  const { routes, version, timezone, path } = load({ text });
  expect(
    routes.map(({ id, start, enabled, record, description, sources }) => ({ id, start, enabled, record, description, sources })),
  ).toEqual([
    { id: "a", start: { kind: "beginning" }, enabled: false, record: undefined, description: "for CRM", sources: ["main"] },
    {
      id: "b",
      start: { kind: "time", atMs: Date.UTC(2026, 0, 31, 8) },
      enabled: true,
      record: "x",
      description: undefined,
      sources: ["main"],
    },
    { id: "chat", start: { kind: "now" }, enabled: true, record: undefined, description: undefined, sources: ["main"] },
  ]);
  expect({ version, timezone, path }).toEqual({
    version: createHash("sha256").update(text).digest("hex").slice(0, 12),
    timezone: "Europe/Berlin",
    path: "routes.yaml",
  });
});

test("a destination's time-out", () => {
  const destinations =
    '  crm: { connector: crm, token: "${CRM_TOKEN}", timeout: 500ms }\n  chat: { connector: chat, token: "${CHAT_TOKEN}" }';
  expect(load({ text: file(`  - { id: a, to: crm }\n${chat}`, { destinations }) }).destinations.map(({ timeoutMs }) => timeoutMs)).toEqual([
    500, 15_000,
  ]);
});

test("a destination that no route leads to is a warning", () => {
  expect(warnings({ text: file("  - { id: a, to: crm }") })).toEqual(['9:3 warning no route leads to "chat"']);
});
