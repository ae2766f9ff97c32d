import { describe, expect, test } from "vitest";
import { connectors as all } from "../../connectors/index.ts";
import { Secret } from "../../src/lib/secret.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { env, file, load, problems, warnings } from "./support/load.ts";

const routes = "  - { id: a, to: crm }\n  - { id: b, to: chat, with: { channel: C1 } }";
const withToken = (text: string) =>
  file(routes, {
    destinations: `  crm: { connector: crm, token: ${JSON.stringify(text)} }\n  chat: { connector: chat, token: "\${CHAT_TOKEN}" }`,
  });
const withSecrets = (...texts: string[]) => file(routes, { sources: `  main: { secrets: ${JSON.stringify(texts)} }` });
const LITERAL = expect.stringMatching(/written out in the file/) as unknown as string;
const NO_VARIABLE = "this is taken as it stands: it is no variable";

describe("how other tools write a variable is no secret", () => {
  test.each([
    "$SLACK_BOT_TOKEN",
    "$slack_bot_token",
    "Bearer $SLACK_BOT_TOKEN",
    "$(SLACK_BOT_TOKEN)",
    "$(cat /run/secrets/token)",
    "$ {SLACK_BOT_TOKEN}",
    "%SLACK_BOT_TOKEN%",
    "{{ env.SLACK_BOT_TOKEN }}",
    "{% token %}",
    "<%= ENV['SLACK_BOT_TOKEN'] %>",
    "#{SLACK_BOT_TOKEN}",
    "$env:SLACK_BOT_TOKEN",
    "env:SLACK_BOT_TOKEN",
    "process.env.SLACK_BOT_TOKEN",
    "SLACK_BOT_TOKEN",
    "op://vault/slack/token",
    "vault:secret/data/slack#token",
    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:slack",
    "projects/acme/secrets/slack/versions/latest",
    "ENC[AES256_GCM,data:abc]",
    "file:/run/secrets/slack",
    "/run/secrets/slack_token",
  ])("%s is refused at its place", (text) => {
    for (const kind of ["check", "check-no-env"] as const) {
      expect(problems({ text: withToken(text), role: { kind } })).toEqual([LITERAL, expect.stringContaining(`${NO_VARIABLE} — `)]);
      expect(problems({ text: withSecrets(text), role: { kind } })).toContainEqual(expect.stringContaining(`${NO_VARIABLE} — `));
    }
  });

  test("the hint says how it is written here, and the text is not quoted", () => {
    const [, found = ""] = problems({ text: withToken("$SLACK_BOT_TOKEN") });
    expect(found).toBe(`8:34 ${NO_VARIABLE} — Write \${NAME}; a value that begins with a dollar sign is written with "$$".`);
    const [, path = ""] = problems({ text: withToken("/run/secrets/slack_token") });
    expect(path).toContain("write ${file:/path}");
  });

  test("also as a default", () => {
    expect(problems({ text: withToken("${A:-$SLACK_BOT_TOKEN}") })).toEqual([expect.stringContaining(`8:39 ${NO_VARIABLE}`)]);
    expect(problems({ text: withToken("${A:-/run/secrets/slack}") })).toEqual([expect.stringContaining(`8:39 ${NO_VARIABLE}`)]);
  });

  test("a token that only has such signs in it is one", () => {
    const settings = {
      "xoxb-1$2b-%20-a": "xoxb-1$2b-%20-a",
      "$$begins-so-and-is-long": "$begins-so-and-is-long",
      "ab#cd/ef:gh": "ab#cd/ef:gh",
    };
    for (const [text, token] of Object.entries(settings)) {
      const loaded = load({ text: withToken(text) });
      expect(loaded.warnings.map(({ message }) => message)).toEqual(['"token" is written out in the file']);
      const { token: used } = loaded.destinations[0]?.settings() ?? {};
      expect(used instanceof Secret && used.reveal()).toBe(token);
    }
  });

  test("of another setting, and of a whole text in `with`, it is a warning", () => {
    const text = file(
      '  - { id: a, to: crm, with: { title: "$TITLE" } }\n  - { id: b, to: chat, with: { channel: C1, text: "5 $US, {{ summary }}" } }',
      {
        destinations:
          '  crm: { connector: crm, token: "${CRM_TOKEN}", base_url: "https://$HOST_NAME/x" }\n  chat: { connector: chat, token: "${CHAT_TOKEN}" }',
      },
    );
    expect(warnings({ text })).toEqual([
      expect.stringContaining(`8:68 warning ${NO_VARIABLE}`),
      expect.stringContaining(`11:39 warning ${NO_VARIABLE}`),
    ]);
  });
});

describe("a weak secret is a warning", () => {
  const secretIs = (value: string) => warnings({ text: file(routes), env: { ...env, WEBHOOK_SECRET: value } });
  const tokenIs = (value: string) => warnings({ text: file(routes), env: { ...env, CRM_TOKEN: value } });

  test("of one letter, or below 16: it can be found by trying", () => {
    const short =
      "3:21 warning the secret is shorter than 16 characters — It can be found by trying. Make a long one: openssl rand -hex 32.";
    expect(secretIs("q")).toEqual([short]);
    expect(secretIs("0a1b2c3d4e5f6a7")).toEqual([short]);
    expect(secretIs("0a1b2c3d4e5f6a7b")).toEqual([]);
    expect(tokenIs("q")).toEqual([]);
  });

  test.each(["0a1b2c3d4e5f6a7b\n", "0a1b2c3d4e5f6a7b\r\n", " 0a1b2c3d4e5f6a7b", "0a1b2c3d4e5f6a7b\t"])(
    "with white space at an end: %j",
    (value) => {
      expect(secretIs(value)).toEqual([expect.stringContaining("3:22 warning the secret begins or ends with white space")]);
      expect(tokenIs(value)).toEqual([expect.stringContaining("8:34 warning the secret begins or ends with white space")]);
    },
  );

  test.each([" ", "   \n", "\t"])("of blanks alone it is refused, as an empty one: %j", (value) => {
    const problem = "the secret is blank — A secret cannot be empty.";
    expect(problems({ text: file(routes), env: { ...env, WEBHOOK_SECRET: value } })).toContain(`3:22 ${problem}`);
    expect(problems({ text: file(routes), env: { ...env, CRM_TOKEN: value } })).toEqual([`8:34 ${problem}`]);
  });

  test("of bytes that are no text", () => {
    expect(secretIs("0a1b2c3d4e5f6a7b\uFFFD\uFFFD")).toEqual([expect.stringContaining("characters that cannot be typed")]);
  });

  test.each([
    "changeme",
    "CHANGE_ME",
    "change-this-secret-please",
    "your-token-here",
    "xoxb-your-token",
    "xxx",
    "pat-na1-xxxxxxxx-xxxx-xxxx",
    "<your secret>",
    "TODO",
    "secret",
    "password",
    "********",
    "null",
    "undefined",
    "[secret]",
    "placeholder",
    "12345678",
  ])("that stands for another: %s", (value) => {
    expect(secretIs(value)).toContain("3:22 warning the secret looks like a placeholder — Put the real one in its place.");
    expect(tokenIs(value)).toEqual(["8:34 warning the secret looks like a placeholder — Put the real one in its place."]);
  });

  test.each(["patchbay-example-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])("that documentation publishes: %s", (value) => {
    expect(secretIs(value)).toContainEqual(expect.stringContaining("3:22 warning the secret is the one of a published example"));
  });

  test("with a default that is written out; one that is a variable is fine", () => {
    const said = expect.stringContaining("3:22 warning a secret has a default that is written out in the file");
    expect(warnings({ text: withSecrets("${A:-0a1b2c3d4e5f6a7b}") })).toEqual([said]);
    expect(warnings({ text: withSecrets("${WEBHOOK_SECRET:-0a1b2c3d4e5f6a7b}") })).toEqual([said]);
    expect(warnings({ text: withSecrets("${A:-${B:-0a1b2c3d4e5f6a7b}}") })).toEqual([
      expect.stringContaining("3:27 warning a secret has a default"),
    ]);
    expect(warnings({ text: withSecrets("${A:-${WEBHOOK_SECRET}}") })).toEqual([]);
    expect(warnings({ text: withToken("${A:-0a1b2c3d}") })).toEqual([expect.stringContaining("8:34 warning a secret has a default")]);
  });

  test("that two sources have, or one has twice: what one has signed is taken at the other", () => {
    const twice = (second: string) =>
      file("  - { id: a, to: crm, sources: all }\n  - { id: b, to: chat, sources: all, with: { channel: C1 } }", {
        sources: `  main: { secrets: ["\${WEBHOOK_SECRET}"] }\n  other: { secrets: [${JSON.stringify(second)}] }`,
      });
    const said =
      "4:22 warning this secret is here twice — The first is on line 3. Give each source one of its own: else a call of one can be sent to the other.";
    expect(warnings({ text: twice("${WEBHOOK_SECRET}") })).toEqual([said]);
    expect(warnings({ text: twice("${OTHER_SECRET}") })).toEqual([]);
    // By its value, whatever the name.
    expect(warnings({ text: twice("${OTHER_SECRET}"), env: { ...env, OTHER_SECRET: env.WEBHOOK_SECRET } })).toEqual([said]);
    expect(load({ text: twice("${WEBHOOK_SECRET}"), env: {}, role: { kind: "check-no-env" } }).warnings).toHaveLength(1);
    expect(warnings({ text: withSecrets("${WEBHOOK_SECRET}", "${WEBHOOK_SECRET}") })).toEqual([
      expect.stringContaining("this secret is here twice"),
    ]);
  });

  test("not one value of many, such as a header, nor a word in an address", () => {
    const text = `version: 1
sources: { main: { secrets: ["\${WEBHOOK_SECRET}"] } }
destinations:
  hook: { connector: webhook, url: "\${URL}", secret: "\${SIGNING}", headers: { X-Stage: "\${STAGE:-test}", X-Kind: example } }
routes: [{ id: a, to: hook }]
`;
    const variables = { ...env, SIGNING: `whsec_${Buffer.alloc(24, 7).toString("base64")}` };
    const said = (URL: string) =>
      loadRoutes({ path: "routes.yaml", text, env: { ...variables, URL }, connectors: all, role: { kind: "check" } }).warnings.map(
        ({ message }) => message,
      );
    expect(said("https://acme.example/hooks/of_my_team-example")).toEqual([]);
    expect(said("https://acme.example/hooks/xxxx/yyyy")).toEqual(["the secret looks like a placeholder"]);
    expect(said("https://acme.example/hooks/<your-id>")).toEqual(["the secret looks like a placeholder"]);
  });

  test("never quoted, whatever is said of it", () => {
    const value = "changeme-4711 \n";
    const loaded = load({ text: file(routes), env: { ...env, WEBHOOK_SECRET: value, CRM_TOKEN: value } });
    expect(loaded.warnings.length).toBeGreaterThan(2);
    expect(JSON.stringify(loaded.warnings)).not.toContain("4711");
  });
});

describe("the copy of a file for the ledger", () => {
  const withAll = file("  - { id: a, to: crm }\n  - { id: b, to: chat, with: { channel: C1, text: hello } }", {
    sources: `  main: { secrets: ["first-4711", 'second 4712'] }`,
    destinations: `  crm:\n    connector: crm\n    token: |\n      third-4713\n      fourth-4714\n    base_url: https://me:fifth-4715@crm.example.com\n  chat: { connector: chat, token: "\${A:-sixth-4716}" } # token: seventh-4717\n# old_token: eighth-4718, of "May"`,
  });

  test("holds no secret of it: in lists, blocks, addresses, defaults and comments", () => {
    const { copy, version } = load({ text: withAll });
    expect(copy).toMatchObject({ isWhole: false, text: expect.not.stringMatching(/471\d/) });
    expect(copy.text).toContain("# old_token: ⟦withheld⟧");
    const again = load({ text: copy.text, version, role: { kind: "check-no-env" } });
    expect(again).toMatchObject({ version, routes: [{ id: "a" }, { id: "b" }], copy: { text: copy.text } });
  });

  test("does not run: each place where a secret was written out is named", () => {
    const { copy } = load({ text: withAll });
    const found = problems({ text: copy.text });
    expect(found.map((one) => one.replace(/:\d+ .*/, ""))).toEqual(["3", "3", "10", "13", "14"]);
    for (const one of found) expect(one).toContain("a secret was written out here, and the copy of the file is without it");
  });

  test("is the file itself where secrets are variables, and can run where only a comment holds one", () => {
    expect(load({ text: file(routes) })).toMatchObject({ copy: { text: file(routes), isWhole: true } });
    const commented = `${file(routes)}\n# token: ninth-4719`;
    const { copy } = load({ text: commented });
    expect(copy).toMatchObject({ isWhole: true, text: expect.not.stringContaining("4719") });
    expect(load({ text: copy.text }).routes).toHaveLength(load({ text: commented }).routes.length);
  });
});
