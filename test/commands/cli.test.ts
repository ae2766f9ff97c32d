import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";
import { closedPort } from "../support/ports.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-cli-"));
const empty = mkdtempSync(join(tmpdir(), "patchbay-cli-"));
afterAll(() => {
  for (const one of [folder, empty]) rmSync(one, { recursive: true, force: true });
});

writeFileSync(
  join(folder, "routes.yaml"),
  `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { slack: { connector: slack, token: "\${SLACK_TOKEN}" } }
routes: [{ id: to-slack, to: slack, with: { channel: C0123456789 } }]
`,
);
writeFileSync(
  join(folder, "bad.yaml"),
  `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { slack: { connector: slak, token: "xoxb-a-real-one" } }
routes: [{ id: to-slack, to: slakc, wehn: "true" }]
`,
);
const env = { SECRET: "webhook-secret-text", SLACK_TOKEN: "xoxb-token-text" };

const run = (args: string, options: { cwd?: string; env?: Record<string, string> } = {}) =>
  runPatchbay({ args: args.split(" "), cwd: options.cwd ?? folder, env: options.env ?? env });

async function takenPort(): Promise<number> {
  const server = createServer().listen(0);
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

describe("help", () => {
  test("lists the commands, shows how to begin, and explains exit codes", async () => {
    const { code, stdout } = await run("--help");
    expect(code).toBe(0);
    for (const command of ["demo", "up", "ingress", "connector", "check", "send", "lag", "deliveries"])
      expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, "m"));
    expect(stdout).toMatch(/Exit codes: 0 .* 1 .* 2 .* 3 /);
  });

  test("of a command names its options with their variables and defaults", async () => {
    const { code, stdout } = await run("ingress --help");
    expect(code).toBe(0);
    expect(stdout).toMatch(/--port .*PORT.*8080/);
    expect(stdout).toMatch(/--log .*kafka:/s);
  });
});

describe("wrong usage says what is wrong and what to do, with exit code 2", () => {
  test.each([
    ["an unknown command", "chekc", [/unknown command 'chekc'/, /Did you mean check/]],
    ["an unknown option", "check --colour", [/unknown option '--colour'/, /--help/]],
    ["a port that is none", "ingress --port 99999", [/--port/, /0 .*65535/]],
    ["a count that is none", "send --count -3", [/--count/, /above 0/]],
    ["no connector named", "connector", [/which connector/, /hubspot, salesforce, slack, teams, warehouse/]],
    ["an unknown connector", "connector slak", [/no connector "slak"/, /Did you mean "slack"\?/]],
    ["an unknown route", "connector --route to-slakc", [/no route "to-slakc"/, /Did you mean "to-slack"\?/]],
    ["a connector that no route leads to", "connector hubspot", [/no route in routes.yaml leads to hubspot/]],
    ["a file that is not there", "check --routes nowhere.yaml", [/there is no file nowhere.yaml/, /--routes/]],
    ["a folder in place of the file", "check --routes .", [/is a folder/]],
    ["a log of no engine", "ingress --log redis://user:hunter2@host", [/the log "redis:" is not known/, /sqlite:<file>/]],
    ["a ledger of no engine", "up --ledger mysql://user:hunter2@host", [/the ledger "mysql:" is not known/, /postgres:/]],
    ["a Kafka URL that cannot be read", "ingress --log kafka://u:hunter2@host?sals=plain", [/no option "sals"/, /sasl/]],
    ["a file to send that is not there", "send nothing.json --secret x", [/cannot read nothing.json: there is no such file/]],
    ["nothing to sign with", "send", [/no secret to sign with/, /VOICEINFRA_WEBHOOK_SECRET/]],
    ["a URL that is none", "send --secret x --url not-a-url", [/--url is not a URL/]],
    ["a URL of something else", "send --secret x --url ftp://u:hunter2@host/", [/--url is not a URL/]],
    ["a state that is none", "deliveries --state lost", [/--state/, /delivered/]],
  ])("%s", async (_, args, says) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const pattern of says) expect(stderr).toMatch(pattern);
    expect(stderr).not.toMatch(/hunter2|at file:|node:internal/);
  });

  test("an unset variable, at its place in the file", async () => {
    const { code, stderr } = await run("ingress", { env: {} });
    expect(code).toBe(2);
    expect(stderr).toMatch(/routes\.yaml:2:\d+/);
    expect(stderr).toContain("the variable SECRET is not set");
  });

  test("a port that is taken, by its number", async () => {
    const port = await takenPort();
    const { code, stderr } = await run(`ingress --port ${port} --log sqlite:taken.db`);
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(`port ${port} is taken`));
    expect(stderr).toContain("--port");
  });

  test("looking where nothing has run yet makes no empty files", async () => {
    const { code, stderr } = await run("deliveries", { cwd: empty });
    expect(code).toBe(2);
    expect(stderr).toMatch(/there is no ledger data\/ledger\.db/);
    expect(stderr).toContain("patchbay up");
  });
});

describe("a service that is not reachable says its address and what to try, with exit code 3", () => {
  test("Kafka", async () => {
    const port = await closedPort();
    const { code, stderr } = await run(`ingress --log kafka://app:hunter2@127.0.0.1:${port}?sasl=plain`);
    expect(code).toBe(3);
    expect(stderr).toContain(`Kafka at 127.0.0.1:${port} does not answer: nothing listens there`);
    expect(stderr).toMatch(/Is it running/);
    expect(stderr).not.toMatch(/hunter2|at file:/);
  });

  test("PostgreSQL", async () => {
    const port = await closedPort();
    const { code, stderr } = await run(`up --port 0 --log sqlite:pg.db --ledger postgres://app:hunter2@127.0.0.1:${port}/ledger`);
    expect(code).toBe(3);
    expect(stderr).toContain(`127.0.0.1:${port}`);
    expect(stderr).not.toMatch(/hunter2|at file:/);
  });

  test("the webhook that `send` posts to", async () => {
    const port = await closedPort();
    const { code, stderr } = await run(`send --secret x --url http://127.0.0.1:${port}/webhooks/voiceinfra`);
    expect(code).toBe(3);
    expect(stderr).toMatch(/nothing answers at http.*patchbay up/s);
  });
});

describe("check", () => {
  test("says that a good file is fine", async () => {
    expect(await run("check")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/routes\.yaml is fine: 1 source, 1 destination, 1 route.*\nkept: calls in the embedded log 14\.0 d/),
    });
    expect(await run("check --no-env", { env: {} })).toMatchObject({ code: 0 });
  });

  test("shows every mistake at once: place, line, caret, suggestion; exit code 1; no secret", async () => {
    const { code, stderr } = await run("check --routes bad.yaml");
    expect(code).toBe(1);
    expect(stderr).toMatch(/bad\.yaml:3:\d+.*slak/);
    expect(stderr).toMatch(/bad\.yaml:4:\d+.*wehn/);
    expect(stderr).toMatch(/did you mean "slack"\?/);
    expect(stderr).toMatch(/did you mean "when"\?/);
    expect(stderr).toMatch(/^\s*\|?\s*\^/m);
    expect(stderr).not.toContain("xoxb-a-real-one");
    expect(stderr).not.toContain("\u001b[");
  });

  test("--json is for programs", async () => {
    const { code, stdout } = await run("check --routes bad.yaml --json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, problems: [{ file: "bad.yaml", line: 3 }, { line: 4 }, { line: 4 }] });
  });
});

describe("an ingress as a process", () => {
  test("takes what `send` signs, reads .env, answers Ctrl-C by leaving in order, and logs no secret and no number", async () => {
    writeFileSync(join(folder, ".env"), "SECRET=from-the-file\nVOICEINFRA_WEBHOOK_SECRET=from-the-file\n");
    onTestFinished(() => rmSync(join(folder, ".env")));
    const ingress = startPatchbay({ args: ["ingress", "--port", "0"], cwd: folder, env: {} });
    const { url } = await ingress.logged("ingress listens");
    const sent = await run(`send --count 3 --json --url ${url}/webhooks/voiceinfra`, { env: {} });
    expect(sent.code).toBe(0);
    expect(
      sent.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).status),
    ).toEqual([200, 200, 200]);
    const refused = await run(`send --secret wrong --url ${url}/webhooks/voiceinfra`, { env: {} });
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain("signature_wrong");
    expect(await ingress.end("SIGINT")).toBe(0);
    expect(ingress.output()).not.toMatch(/from-the-file|\+1415|\+1800/);
  });
});
