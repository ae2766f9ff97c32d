import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { RoutesFileError } from "../../src/errors.ts";
import { Secret } from "../../src/lib/secret.ts";
import { formatProblems, loadIngressSources, type Role } from "../../src/routes/index.ts";
import { callOf } from "./support/calls.ts";
import { env, file, load, problems, refusal, warnings } from "./support/load.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-routes-"));
afterAll(() => rmSync(folder, { recursive: true }));

const routes = "  - { id: a, to: crm }\n  - { id: b, to: chat, with: { channel: C1 } }";
const crmWith = (token: string) =>
  file(routes, { destinations: `  crm: { connector: crm, token: ${token} }\n  chat: { connector: chat, token: "\${CHAT_TOKEN}" }` });

function settingsOf(text: string, more: Record<string, string> = {}): Record<string, unknown> {
  return load({ text, env: { ...env, ...more } }).destinations[0]?.settings() ?? {};
}

function tokenOf(text: string, more: Record<string, string> = {}): string {
  return revealed(settingsOf(text, more));
}

function revealed(settings: Record<string, unknown> = {}): string {
  return settings.token instanceof Secret ? settings.token.reveal() : "";
}

describe("variables", () => {
  test("${VAR}, a default, $$ and text around them", () => {
    expect(tokenOf(crmWith('"${CRM_TOKEN}"'))).toBe("the-crm-token");
    expect(tokenOf(crmWith('"${NOPE:-spare}"'))).toBe("spare");
    expect(tokenOf(crmWith('"${EMPTY:-spare}"'), { EMPTY: "" })).toBe("spare");
    expect(tokenOf(crmWith('"a-${CRM_TOKEN}-$$B-$"'))).toBe("a-the-crm-token-$B-$");
  });

  test("an unset one is an error at its place", () => {
    expect(problems({ text: crmWith('"x-${NOPE}"') })).toEqual([
      "8:36 the variable NOPE is not set — Set it in the environment or as NOPE=… in .env.",
    ]);
  });

  test("an empty secret is refused", () => {
    expect(problems({ text: crmWith('"${EMPTY}"'), env: { ...env, EMPTY: "" } })).toEqual([
      '8:34 "token" is empty: ${EMPTY} is set, but empty — A secret cannot be empty.',
    ]);
    expect(problems({ text: crmWith('""') })).toEqual(['8:33 "token" is empty']);
    const text = file(routes, { sources: '  main: { secrets: ["${EMPTY}", ""] }' });
    expect(problems({ text, env: { ...env, EMPTY: "" } })).toEqual([
      '3:22 "secrets" is empty: ${EMPTY} is set, but empty — A secret cannot be empty.',
      '3:33 an empty secret protects nothing — Give the webhook\'s secret: secrets: ["${VOICEINFRA_WEBHOOK_SECRET}"].',
    ]);
  });

  test("one that is misspelt is an error in every role", () => {
    const role: Role = { kind: "check-no-env" };
    expect(problems({ text: crmWith('"${CRM TOKEN}"'), role })).toEqual([
      '8:34 this is not a variable — Variables are ${NAME}, ${NAME:-default} or ${file:/path}; "$$" is a dollar sign.',
    ]);
    expect(problems({ text: crmWith('"${CRM_TOKEN"'), role })).toEqual([
      '8:34 a "${" is never closed — Each "${" needs a "}" of its own; write "$$" for a dollar sign.',
    ]);
  });

  test("a secret file is read again at each settings(), without its last line break", () => {
    const path = join(folder, "token");
    writeFileSync(path, "first\n");
    const [crm] = load({ text: crmWith(`"\${file:${path}}"`) }).destinations;
    expect(revealed(crm?.settings())).toBe("first");
    writeFileSync(path, "second\n");
    expect(revealed(crm?.settings())).toBe("second");
    rmSync(path);
    expect(() => crm?.settings()).toThrow(RoutesFileError);
  });

  test("a secret file that is not there, is a folder or is empty", () => {
    const empty = join(folder, "empty");
    writeFileSync(empty, "\n");
    expect(problems({ text: crmWith(`"\${file:${folder}/nope}"`) })).toEqual([
      `8:34 the file ${folder}/nope cannot be read: it does not exist — Create or mount it; it holds the value alone.`,
    ]);
    expect(problems({ text: crmWith(`"\${file:${folder}}"`) })).toEqual([
      `8:34 the file ${folder} cannot be read: it is a folder — Create or mount it; it holds the value alone.`,
    ]);
    expect(problems({ text: crmWith(`"\${file:${empty}}"`) })).toEqual([
      '8:34 "token" is empty: the file is empty — A secret cannot be empty.',
    ]);
  });

  test("a value that does not fit is reported without being shown", () => {
    const text = file(routes, {
      destinations:
        '  crm: { connector: crm, token: "${CRM_TOKEN}", region: "${REGION}" }\n  chat: { connector: chat, token: "${CHAT_TOKEN}" }',
    });
    const error = refusal({ text, env: { ...env, REGION: "mars-7" } });
    expect(error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
      '8:57 "region" must be one of eu, us',
    ]);
    expect(JSON.stringify(error.problems) + formatProblems(error)).not.toContain("mars-7");
  });

  test("own numbers, agents and with take them; a call's text never does", () => {
    const text = file(
      '  - id: a\n    to: chat\n    with: { channel: "${CHANNEL}", text: "${GREETING} {{ summary }}" }\n  - { id: b, to: crm }',
      {
        top: 'own_numbers: ["${OUR_NUMBER}"]',
      },
    );
    const loaded = load({ text, env: { ...env, CHANNEL: "C9", GREETING: "Hi", OUR_NUMBER: "+18005551234" } });
    const mapped = loaded.routes[0]?.map(callOf({ summary: "${CRM_TOKEN} {{ call_id }}" }));
    expect(mapped?.with).toEqual({ channel: "C9", text: "Hi ${CRM_TOKEN} {{ call_id }}" });
    expect(loaded.describe(callOf({}), "main").direction).toBe("inbound");
    expect(problems({ text, env: { ...env, CHANNEL: "C9", GREETING: "Hi", OUR_NUMBER: "0800" } })).toEqual([
      "4:15 what the variable holds must be a phone number in international form, such as +18005551234: this has no country; +1 is the code of the USA, +49 of Germany",
    ]);
  });
});

function ingressProblems(text: string, variables: Record<string, string>): string[] {
  try {
    loadIngressSources({ path: "routes.yaml", text, env: variables });
    return [];
  } catch (error) {
    if (!(error instanceof RoutesFileError)) throw error;
    return error.problems.map(({ line, column, message, hint }) => `${line}:${column} ${message}${hint ? ` — ${hint}` : ""}`);
  }
}

describe("a process asks only for the variables that its role needs", () => {
  const text = file(routes);
  const only = (...names: (keyof typeof env)[]) => Object.fromEntries(names.map((name) => [name, env[name]]));

  test("the ingress: those of sources", () => {
    const sources = loadIngressSources({ path: "routes.yaml", text, env: only("WEBHOOK_SECRET") });
    expect(
      sources.map(({ name, path, allowUnsigned, secrets }) => [name, path, allowUnsigned, secrets.map((one) => one.reveal())]),
    ).toEqual([["main", "/webhooks/main", false, ["the-webhook-secret"]]]);
    expect(ingressProblems(text, only("CRM_TOKEN"))).toEqual([
      "3:22 the variable WEBHOOK_SECRET is not set — Set it in the environment or as WEBHOOK_SECRET=… in .env.",
    ]);
  });

  test("the ingress starts whatever is wrong with routes and destinations, and refuses what is wrong with its sources", () => {
    const broken = file("  - { id: a, to: nowhere, when: 'call_outcome ==' }\n  - { id: a, to: crm, colour: red }");
    expect(() => load({ text: broken })).toThrow(RoutesFileError);
    expect(loadIngressSources({ path: "routes.yaml", text: broken, env })).toHaveLength(1);
    expect(ingressProblems("version: 1\nsources: { Main: {} }", env)).toEqual([expect.stringMatching(/^2:12 the name "Main"/)]);
    expect(ingressProblems("version: 1\nsources: { main: { secret: x } }", env)).toEqual([
      expect.stringMatching(/^2:20 unknown field "secret" — did you mean "secrets"/i),
    ]);
    expect(ingressProblems("version: 2\nsources: {}", env).length).toBeGreaterThan(0);
    expect(ingressProblems("version: 1", env)).toEqual([expect.stringContaining('"sources" is missing')]);
    expect(ingressProblems("sources: [", env).length).toBeGreaterThan(0);
  });

  test("a connector: those of its destinations, by connector or by route", () => {
    const byConnector: Role = { kind: "connector", connectors: ["crm"], routes: [] };
    const byRoute: Role = { kind: "connector", connectors: [], routes: ["b"] };
    expect(load({ text, env: only("CRM_TOKEN"), role: byConnector }).sources[0]?.secrets).toEqual([]);
    expect(load({ text, env: only("CHAT_TOKEN"), role: byRoute }).routes).toHaveLength(2);
    expect(problems({ text, env: only("CHAT_TOKEN"), role: byConnector }).map((line) => line.split(" — ")[0])).toEqual([
      "8:34 the variable CRM_TOKEN is not set",
    ]);
  });

  test("check: all of them; check --no-env: none", () => {
    expect(problems({ text, env: {}, role: { kind: "check" } }).map((line) => line.split(" — ")[0])).toEqual([
      "3:22 the variable WEBHOOK_SECRET is not set",
      "8:34 the variable CRM_TOKEN is not set",
      "9:36 the variable CHAT_TOKEN is not set",
    ]);
    expect(load({ text, env: {}, role: { kind: "check-no-env" } }).warnings).toEqual([]);
  });
});

describe("secrets in the file", () => {
  test("a literal one is a warning", () => {
    const text = file(routes, { sources: "  main: { secrets: [in-the-open-for-all] }" });
    expect(warnings({ text })).toEqual([
      "3:21 warning a secret is written out in the file — Files are copied and committed. Use a variable, ${NAME}, or ${file:/path}.",
    ]);
    expect(warnings({ text: crmWith("in-the-open") })).toEqual([
      '8:33 warning "token" is written out in the file — Files are copied and committed. Use a variable, ${NAME}, or ${file:/path}.',
    ]);
  });

  test("its line is shown without it, the caret in its place", () => {
    const text = file(routes, {
      destinations: "  crm: { connector: crm, token: in-the-open, regin: eu }\n  chat: { connector: chat, token: another-one }",
    });
    const shown = formatProblems(refusal({ text }));
    expect(shown).toContain(
      "     8 |   crm: { connector: crm, token: •••••••••••, regin: eu }\n       |                                              ^\n",
    );
    expect(shown).not.toMatch(/in-the-open|another-one/);
  });

  test("also when the file is not YAML, or the secret is part of a URL", () => {
    const broken = 'destinations:\n  crm: { connector: crm, token: "in-the-open" ]\n  db: { url: "postgres://me:hunter2@host/db"';
    const error = refusal({ text: broken });
    expect(error.text).not.toMatch(/in-the-open|hunter2/);
    expect(error.text.length).toBe(broken.length);
  });

  test("also when nobody knows the connector, or the destination is there twice", () => {
    const unknown = "  crm: { connector: crmm, token: in-the-open }\n  chat: { connector: chat, token: x }";
    expect(refusal({ text: file(routes, { destinations: unknown }) }).text).not.toContain("in-the-open");
    const twice =
      '  chat: { connector: chat, token: "${CHAT_TOKEN}" }\n  crm: { connector: crm, token: "${CRM_TOKEN}" }\n  crm: { connector: crm, token: in-the-open }';
    expect(refusal({ text: file(routes, { destinations: twice }) }).text).not.toContain("in-the-open");
  });

  test("a literal secret is masked over several lines", () => {
    const text = file(routes, {
      destinations:
        '  crm:\n    connector: crm\n    token: |\n      first-line\n      second-line\n    regin: x\n  chat: { connector: chat, token: "${CHAT_TOKEN}" }',
    });
    expect(refusal({ text }).text).not.toMatch(/first-line|second-line/);
    expect(refusal({ text: text.replace("regin: x", "regin: [") }).text).not.toMatch(/first-line|second-line/);
  });
});

test("a source without a secret must say so", () => {
  const sources = "  main: { allow_unsigned: true }";
  const [source] = load({ text: file(routes, { sources }) }).sources;
  expect(source).toEqual({ name: "main", path: "/webhooks/main", secrets: [], allowUnsigned: true });
  expect(problems({ text: file(routes, { sources: "  main: { secrets: [] }" }) })[0]).toMatch(/^3:20 "secrets" is an empty list/);
});
