import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Secret } from "../../src/lib/secret.ts";
import { loadIngressSources } from "../../src/routes/index.ts";
import { callOf } from "./support/calls.ts";
import { env, file, load, problems, warnings } from "./support/load.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-nested-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "token"), "from-the-file\n");

const routes = "  - { id: a, to: crm }\n  - { id: b, to: chat, with: { channel: C1 } }";
const SECRET = "the-old-secret-of-a-source";

/** The secret of a source, as the ingress gets it. */
function secretOf(text: string, variables: Record<string, string> = {}): string | undefined {
  const sources = `  main: { secrets: [${JSON.stringify(text)}] }`;
  const [source] = loadIngressSources({ path: "routes.yaml", text: file(routes, { sources }), env: variables });
  return source?.secrets[0]?.reveal();
}

const withSecret = (text: string) => file(routes, { sources: `  main: { secrets: [${JSON.stringify(text)}] }` });
const withToken = (text: string) =>
  file(routes, {
    destinations: `  crm: { connector: crm, token: ${JSON.stringify(text)} }\n  chat: { connector: chat, token: "\${CHAT_TOKEN}" }`,
  });

function tokenOf(text: string, more: Record<string, string> = {}): string {
  const { token } = load({ text: withToken(text), env: { ...env, ...more } }).destinations[0]?.settings() ?? {};
  return token instanceof Secret ? token.reveal() : "";
}

describe("a variable's default may be a variable", () => {
  test("of a source's secret: never the text of a variable", () => {
    expect(secretOf("${NEW_SECRET:-${OLD_SECRET}}", { OLD_SECRET: SECRET })).toBe(SECRET);
    expect(secretOf("${NEW_SECRET:-${OLD_SECRET}}", { NEW_SECRET: "the-new-secret-of-a-source", OLD_SECRET: SECRET })).toBe(
      "the-new-secret-of-a-source",
    );
    expect(problems({ text: withSecret("${NEW_SECRET:-${OLD_SECRET}}") })).toEqual([
      "3:36 the variable OLD_SECRET is not set — Set it in the environment or as OLD_SECRET=… in .env.",
    ]);
  });

  test.each([
    ["three deep", "${A:-${B:-${C:-spare}}}", {}, "spare"],
    ["three deep, the middle set", "${A:-${B:-${C:-spare}}}", { B: "b" }, "b"],
    ["the outer one set: the inner ones are not asked for", "${A:-${NOT_SET}}", { A: "a" }, "a"],
    ["text around the inner one", "${A:-x-${B}-y}z", { B: "b" }, "x-b-yz"],
    ["a file", `\${A:-\${file:${folder}/token}}`, {}, "from-the-file"],
    ["a file in a folder that a variable names", `\${file:\${SECRETS_FOLDER:-${folder}}/token}`, {}, "from-the-file"],
    ["braces that are closed again", '${A:-{"x": {}}}', {}, '{"x": {}}'],
    ["and what follows when it is set", '${A:-{"x": {}}}', { A: "a" }, "a"],
    ["nothing", "x${A:-}y", {}, "xy"],
    ["a colon, a dash and a dollar sign", "${A:-b:-$$c}", {}, "b:-$c"],
    ["two beside each other", "${A:-1}${B:-2}", {}, "12"],
  ] as const)("of a setting: %s", (_, text, variables, expected) => {
    expect(tokenOf(text, variables)).toBe(expected);
  });

  test("in own numbers, agents and `with` as in settings", () => {
    const top = 'own_numbers: ["${OUR_NEW_NUMBER:-${OUR_NUMBER}}"]';
    const text = file(
      '  - id: a\n    to: chat\n    with: { channel: "${A:-${CHANNEL}}", text: "${GREETING:-{{ agent_name }} says} {{ summary }}" }\n  - { id: b, to: crm }',
      { top },
    );
    const loaded = load({ text, env: { ...env, CHANNEL: "C9", OUR_NUMBER: "+18005551234" } });
    expect(loaded.routes[0]?.map(callOf({ summary: "hello" })).with).toEqual({ channel: "C9", text: "Sales line says hello" });
    expect(loaded.describe(callOf({}), "main").direction).toBe("inbound");
  });
});

describe("what is not closed is refused at its place", () => {
  test.each([
    ["the outer brace", "${A:-${B}", '8:34 a "${" is never closed'],
    ["the inner brace", "${A:-x${B", '8:34 a "${" is never closed'],
    ["a brace in a default", "${A:-{x}", '8:34 a "${" is never closed'],
    ["a file's", "${file:/run/x", '8:34 a "${" is never closed'],
    ["one too many", "${A:-b}}", '8:41 this "}" closes nothing'],
    ["one too many behind a plain one", "${CRM_TOKEN}}", '8:46 this "}" closes nothing'],
    ["an inner one that is none", "${A:-${1}}", "8:39 this is not a variable"],
    ["a name that is made", "${${CRM_TOKEN}}", "8:34 this is not a variable"],
    ["no file", "${A:-${file:}}", '8:39 "${file:}" names no file'],
    ["more levels than anybody writes", "${A:-".repeat(30) + "}".repeat(30), "8:134 variables stand in one another more than 20 deep"],
  ])("%s", (_, text, expected) => {
    for (const kind of ["check", "check-no-env"] as const) {
      expect(problems({ text: withToken(text), role: { kind } })[0]).toContain(expected);
    }
  });

  test.each([
    ["a shell's other default", "${A-spare}", 'A default is written with ":-": ${A:-default}.'],
    ["a shell's demand", "${CRM_TOKEN:?is missing}", "One that is not set is an error anyway: write ${CRM_TOKEN}."],
    ["blanks", "${ CRM_TOKEN }", "No blanks inside the braces: ${NAME}."],
    ["GitHub's", "${{ secrets.CRM_TOKEN }}", "A variable has one pair of braces: ${NAME}."],
  ])("how it is written here is said for %s", (_, text, hint) => {
    expect(problems({ text: withToken(text) })).toEqual([`8:34 this is not a variable — ${hint}`]);
  });

  test("a name made of a variable is not shown when the file is not there: it may be the secret", () => {
    const text = withToken("${file:${CRM_TOKEN}}");
    expect(problems({ text })).toEqual([
      "8:34 the file that is named here cannot be read: it does not exist — Create or mount it; it holds the value alone.",
    ]);
  });
});

describe("an empty secret says why it is empty", () => {
  test.each([
    ["set to nothing", "${A}", { A: "" }, "${A} is set, but empty"],
    ["not set, with an empty default", "${A:-}", {}, "${A} is not set, and its default is empty"],
    ["not set, and the inner one is set to nothing", "${A:-${B}}", { B: "" }, "${A} is not set, and its default is empty"],
  ] as const)("%s", (_, text, variables, why) => {
    expect(problems({ text: withToken(text), env: { ...env, ...variables } })).toEqual([
      `8:34 "token" is empty: ${why} — A secret cannot be empty.`,
    ]);
  });
});

describe("a secret that is itself a variable which nobody has filled in is refused", () => {
  const UNFILLED = "the value is itself a variable that nobody has filled in";

  test.each([
    "${OLD_SECRET}",
    "x-${OLD_SECRET}",
    "${OLD_SECRET",
    "$OLD_SECRET",
    "$(OLD_SECRET)",
    "%OLD_SECRET%",
    "{{ env.OLD }}",
    "<%= old %>",
  ])("from the environment: %s", (value) => {
    const variables = { ...env, WEBHOOK_SECRET: value, CRM_TOKEN: value };
    const found = problems({ text: file(routes), env: variables });
    expect(found).toEqual([expect.stringContaining(`3:22 ${UNFILLED}`), expect.stringContaining(`8:34 ${UNFILLED}`)]);
    expect(found.join("\n")).not.toContain("OLD");
  });

  test("from a file, and by an escape, too", () => {
    writeFileSync(join(folder, "unfilled"), "${OLD_SECRET}\n");
    expect(problems({ text: withSecret(`\${file:${folder}/unfilled}`) })).toEqual([expect.stringContaining(UNFILLED)]);
    expect(problems({ text: withSecret("$${OLD_SECRET}") })).toEqual([
      expect.stringContaining("3:21 warning"),
      expect.stringContaining(`3:22 ${UNFILLED}`),
    ]);
  });

  test("when it is read again later, too", () => {
    const path = join(folder, "later");
    writeFileSync(path, "a-good-token");
    const [crm] = load({ text: withToken(`\${file:${path}}`) }).destinations;
    expect(crm?.settings().token).toBeInstanceOf(Secret);
    writeFileSync(path, "${TOKEN}");
    expect(() => crm?.settings()).toThrow("1 problem in routes.yaml");
  });

  test("of any other setting it is a warning", () => {
    const text = file(routes, {
      destinations:
        '  crm: { connector: crm, token: "${CRM_TOKEN}", region: "${REGION}" }\n  chat: { connector: chat, token: "${CHAT_TOKEN}" }',
    }).replace('region: "${REGION}"', 'base_url: "https://crm.example/${REGION}"');
    expect(warnings({ text, env: { ...env, REGION: "${WHERE}" } })).toEqual([expect.stringContaining(`8:60 warning ${UNFILLED}`)]);
    expect(warnings({ text, env: { ...env, REGION: "eu" } })).toEqual([]);
  });
});

test("a variable where none is filled in is a warning, not a text that passes in silence", () => {
  const text = file(
    '  - id: a\n    to: crm\n    when: summary.contains("${WORD}")\n  - { id: b, to: chat, with: { channel: C1, "text": "${CHAT_TOKEN}" } }',
  );
  expect(warnings({ text })).toEqual([
    "13:11 warning a variable is not filled in here — They work in the values of secrets, destinations, own_numbers, agents and with.",
  ]);
  expect(problems({ text: file('  - { id: a, to: "${CRM}" }') })).toEqual([
    "11:18 warning a variable is not filled in here — They work in the values of secrets, destinations, own_numbers, agents and with.",
    '11:18 there is no destination "${CRM}" — Destinations are crm, chat.',
  ]);
});

test("the address of an agent's owner may be a variable", () => {
  const top = 'timezone: UTC\nagents: { sales: { id: agent_1, direction: inbound, owner: "${OWNER}" } }';
  const text = file(routes, { top });
  expect(load({ text, env: { ...env, OWNER: "ann@example.com" } }).describe(callOf({}), "main").agent_owner).toBe("ann@example.com");
  expect(problems({ text, env: { ...env, OWNER: "Ann" } })).toEqual(["5:60 what the variable holds must be an email address"]);
  expect(problems({ text: text.replace("${OWNER}", "Ann") })).toEqual([expect.stringContaining('5:60 "owner" must be an email address')]);
});

describe("a variable inside of a template", () => {
  const withText = (text: string) =>
    file(`  - id: a\n    to: chat\n    with:\n      text: ${JSON.stringify(text)}\n      channel: C1\n  - { id: b, to: crm }`);
  const call = callOf({ summary: "A long summary", start_time: "2026-01-15T23:30:00Z" });
  const rendered = (text: string, variables: Record<string, string>) => {
    const { routes: loaded, warnings: said } = load({ text: withText(text), env: { ...env, ...variables } });
    expect(said).toEqual([]);
    return loaded[0]?.map(call).with.text;
  };

  test("stands for an argument of a filter, too", () => {
    expect(rendered("{{ summary | truncate: ${LENGTH} }}", { LENGTH: "9" })).toBe("A long...");
    expect(rendered("{{ summary | truncate: ${LENGTH:-9} }}", {})).toBe("A long...");
    expect(rendered("{{ start_time | date: '%H', '${ZONE}' }}", { ZONE: "America/New_York" })).toBe("18");
    expect(rendered("{% if agent == '${AGENT}' %}yes{% endif %}", { AGENT: "sales" })).toBe("yes");
    expect(rendered("${GREETING:-{{ agent_name }}}!", { GREETING: "{{ agent }}" })).toBe("sales!");
  });

  test("is checked once it is filled in, and its value is not shown", () => {
    for (const [text, variables] of [
      ["{{ start_time | date: '%H', '${ZONE}' }}", { ZONE: "Europe/Berln" }],
      ["{{ summary | truncate: ${LENGTH} }}", { LENGTH: "'abc'" }],
    ] as const) {
      const found = problems({ text: withText(text), env: { ...env, ...variables } });
      expect(found).toEqual(["14:13 a filter gets what it cannot work with once the variables are filled in"]);
    }
    expect(problems({ text: withText("{{ summary | truncate: ${LENGTH} }}"), env: { ...env, LENGTH: "}" } })).toEqual([
      "14:13 the template cannot be read once its variables are filled in",
    ]);
  });

  test("hides no mistake beside it, or in its default", () => {
    expect(problems({ text: withText("{{ sumary | truncate: ${LENGTH:-9} }}${GREETING:-{{ transcrpt }}}") })).toEqual([
      '14:17 unknown name "sumary" in a template — did you mean "summary"?',
      '14:66 unknown name "transcrpt" in a template — did you mean "transcript"?',
    ]);
  });
});

describe("a default that is written out for a secret", () => {
  const text = withToken("${TOKEN:-in-the-open-4711}").replace(
    'secrets: ["${WEBHOOK_SECRET}"]',
    'secrets: ["${A:-${B:-also-in-the-open-4712}}"]',
  );

  test("is masked wherever its line is shown, and the file is not kept", () => {
    const loaded = load({ text });
    expect(loaded.text).not.toMatch(/471[12]/);
    expect(loaded.text).toContain("${TOKEN:-•");
    expect(loaded.text).toContain("${A:-${B:-•");
    expect(loaded.copy.isWhole).toBe(false);
  });

  test("is no secret where it is an address without a password, or another variable", () => {
    for (const token of ["${TOKEN:-${CRM_TOKEN}}", "${CRM_TOKEN}"])
      expect(load({ text: withToken(token) })).toMatchObject({ copy: { isWhole: true } });
  });
});
