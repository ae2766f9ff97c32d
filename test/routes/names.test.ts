import { describe, expect, test } from "vitest";
import { idempotencyKey } from "../../src/delivery/pipeline/idempotency-key.ts";
import { callOf } from "./support/calls.ts";
import { env, file, load, problems, warnings } from "./support/load.ts";

/** Signs that separate the parts of keys, paths, groups and metrics, and what looks like another letter. */
const SIGNS = ["/", "#", "%", "%23", ":", "@", "?", "\\", " ", "\t", "|", ",", "*", "'", "A", "ä", "а", "\u200b", "{", "$"];

const withNames = (names: { source?: string; destination?: string; agent?: string; id?: string; record?: string }) => {
  const { source = "main", destination = "crm", agent = "sales", id = "a", record = "x" } = names;
  const q = JSON.stringify;
  return [
    "version: 1",
    `sources: { ${q(source)}: { secrets: ["\${WEBHOOK_SECRET}"] } }`,
    'own_numbers: ["+18005551234"]',
    `agents: { ${q(agent)}: { id: agent_1, direction: inbound } }`,
    `destinations: { ${q(destination)}: { connector: crm, token: "\${CRM_TOKEN}" } }`,
    `routes: [{ id: ${q(id)}, to: ${q(destination)}, record: ${q(record)} }]`,
  ].join("\n");
};

describe("names and ids keep to letters that separate nothing", () => {
  test.each(["source", "destination", "agent", "id", "record"] as const)("%s", (kind) => {
    for (const sign of SIGNS) {
      for (const name of [`a${sign}b`, `a${sign}`]) expect(problems({ text: withNames({ [kind]: name }) }), name).not.toEqual([]);
    }
    for (const name of ["", ".", "..", ".a", "-a", "_a", "a".repeat(64)])
      expect(problems({ text: withNames({ [kind]: name }) }), name).not.toEqual([]);
    for (const name of ["a", "0", "a.b-c_d", "constructor", "a".repeat(63), "tostring", "0.1"]) {
      expect(warnings({ text: withNames({ [kind]: name }) }), name).toEqual([]);
    }
  });

  test("a name that objects have anyway is a name like others", () => {
    const text = withNames({
      source: "constructor",
      destination: "constructor",
      agent: "constructor",
      id: "constructor",
      record: "constructor",
    });
    const { routes, sources, describe: describeCall } = load({ text });
    expect([routes[0]?.id, routes[0]?.to.name, sources[0]?.path]).toEqual(["constructor", "constructor", "/webhooks/constructor"]);
    expect(describeCall(callOf({}), "constructor").agent).toBe("constructor");
    expect(problems({ text: withNames({}).replace("connector: crm", "connector: constructor") })).toEqual([
      expect.stringContaining('unknown connector "constructor"'),
    ]);
  });
});

test("no two deliveries have one key, whatever a call's id holds", () => {
  const sources = '  main: { secrets: ["${WEBHOOK_SECRET}"] }\n  main.b: { secrets: ["${OTHER_SECRET}"] }';
  const routes = ["second", "b", "23b", "a.b"].map((id) => `  - { id: record-${id}, to: crm, sources: all, record: ${id} }`);
  const messages = ["second", "b"].map((id) => `  - { id: ${id}, to: chat, sources: all, with: { channel: C1 } }`);
  const loaded = load({ text: file(["  - { id: plain, to: crm, sources: all }", ...routes, ...messages].join("\n"), { sources }), env });
  const ids = [
    "call_X",
    "call_X#second",
    "call_X%23second",
    "call_X%2523second",
    "call_X/second",
    "call_X#",
    "call_X#b",
    "#",
    "##",
    "%",
    "b/call_X",
    "call_X#second#b",
    "call_X/b",
  ];
  for (const to of ["crm", "chat"]) {
    const keys = loaded.routes
      .filter((route) => route.to.name === to)
      .flatMap((route) => ids.flatMap((call_id) => ["main", "main.b"].map((source) => idempotencyKey(route, { source, call_id }))));
    expect(new Set(keys).size, to).toBe(keys.length);
  }
});
