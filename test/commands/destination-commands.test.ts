import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { createSandbox as createDiscord } from "../../connectors/discord/sandbox/index.ts";
import { createSandbox as createHubSpot } from "../../connectors/hubspot/sandbox/index.ts";
import { reportError } from "../../src/commands/report-error.ts";
import { setupCommand } from "../../src/commands/setup.ts";
import { LATE_WORDS } from "../../src/commands/test-call.ts";
import { testDestinationCommand } from "../../src/commands/test-destination.ts";
import { runTest, type TestStep } from "../../src/commands/test-destination-steps.ts";
import { type Connector, defineConnector, type OpenDestination, type Outcome, type Sandbox } from "../../src/connector/index.ts";
import type { Destination } from "../../src/route.ts";
import { type ServedSandbox, serveSandbox } from "../../src/sandbox/serve.ts";
import { deliveryOf, documentedCall } from "../support/documented-call.ts";
import { runPatchbay } from "../support/patchbay-process.ts";
import { closedPort } from "../support/ports.ts";
import { createBigQueryStandIn } from "../support/warehouse/bigquery.ts";
import { createSnowflakeStandIn } from "../support/warehouse/snowflake.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-destination-"));
// Without limits: on a fast machine one case would use up what the next one needs.
const [discord, hubspot] = [createDiscord({ limits: false }), createHubSpot({ limits: false })];
/** Of an account that is not set up, and refuses unique values on calls. */
const plainHubSpot = createHubSpot({ account: "plain", isSetUp: false });
const warehouses = { bigquery: await createBigQueryStandIn(), snowflake: await createSnowflakeStandIn() };
const served: ServedSandbox[] = [];
const env: Record<string, string> = { SECRET: "webhook-secret-text", DESK_TOKEN: "desk-token" };

/** A connector with something to make: what it made is a file. */
const DESK = `import { existsSync, writeFileSync } from "node:fs";
import { defineConnector, OpenError, secret, z } from "${pathToFileURL(resolve("src/connector/index.ts"))}";
const queue = "${join(folder, "queue")}";
export default defineConnector({
  name: "desk", title: "Desk", keeps: "record", duplicates: "native-key",
  settings: z.strictObject({ token: secret() }), with: z.strictObject({}), batch: { maxCalls: 1, concurrency: 1 },
  async setup({ settings }) {
    const token = settings.token.reveal();
    if (token.startsWith("http")) await fetch(token);
    if (token !== "desk-token") throw new OpenError({ kind: "needs-fix", code: "401", reason: "the desk refuses the token", fix: "Make a token" });
    const done = existsSync(queue) ? "was there" : "made";
    writeFileSync(queue, "");
    return [{ what: "the queue calls", done }];
  },
  open: () => Promise.reject(new Error("not opened")), sandbox: () => Promise.reject(new Error("none")),
});
`;

beforeAll(async () => {
  for (const [name, sandbox] of Object.entries({ discord, hubspot, plainHubSpot })) {
    const one = await serveSandbox({ sandbox });
    served.push(one);
    for (const [key, value] of Object.entries(sandbox.settings({ url: one.url, folder }))) env[`${name}_${key}`.toUpperCase()] = value;
  }
  for (const [name, standIn] of Object.entries(warehouses)) {
    const one = await serveSandbox({ sandbox: standIn as unknown as Sandbox });
    served.push(one);
    for (const [key, value] of Object.entries(standIn.settings(one.url))) env[`${name}_${key}`.toUpperCase()] = value;
  }
  writeFileSync(join(folder, "desk.ts"), DESK);
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
connectors: [./desk.ts]
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations:
  team-chat: { connector: discord, base_url: "\${DISCORD_BASE_URL}", url: "\${DISCORD_URL}" }
  crm: { connector: hubspot, base_url: "\${HUBSPOT_BASE_URL}", access_token: "\${HUBSPOT_ACCESS_TOKEN}" }
  desk: { connector: desk, token: "\${DESK_TOKEN}" }
  lonely: { connector: hubspot, base_url: "\${HUBSPOT_BASE_URL}", access_token: "\${NOT_SET}" }
  plain-crm: { connector: hubspot, base_url: "\${PLAINHUBSPOT_BASE_URL}", access_token: "\${PLAINHUBSPOT_ACCESS_TOKEN}" }
  bigquery: { connector: warehouse, base_url: "\${BIGQUERY_BASE_URL}", url: "\${BIGQUERY_URL}", credentials: "\${BIGQUERY_CREDENTIALS}", location: EU }
  snowflake: { connector: warehouse, base_url: "\${SNOWFLAKE_BASE_URL}", url: "\${SNOWFLAKE_URL}", username: patchbay, private_key: "\${SNOWFLAKE_PRIVATE_KEY}" }
routes:
  - { id: chat, to: team-chat, when: 'call_outcome == "failed"' }
  - { id: log, to: crm }
  - { id: log-plainly, to: plain-crm }
  - { id: bigquery-rows, to: bigquery }
  - { id: snowflake-rows, to: snowflake }
`,
  );
});
afterAll(async () => {
  await Promise.all(served.map((one) => one.close()));
  rmSync(folder, { recursive: true, force: true });
});

/** The command in this process, what it printed and its exit code; a mistake of usage as the program would report it. */
async function run(
  args: string,
  changes: Record<string, string | undefined> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  for (const [name, value] of Object.entries({ ...env, ...changes })) vi.stubEnv(name, value);
  const printed = { stdout: "", stderr: "" };
  const print = (stream: keyof typeof printed, text: string) => {
    printed[stream] += text;
    return true;
  };
  vi.spyOn(console, "log").mockImplementation((line) => void print("stdout", `${line}\n`));
  vi.spyOn(console, "error").mockImplementation((line) => void print("stderr", `${line}\n`));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => print("stderr", String(text)));
  const [command, name = "", ...flags] = args.split(" ");
  const at = flags.indexOf("--route");
  const options = {
    routes: join(folder, "routes.yaml"),
    json: flags.includes("--json"),
    keep: flags.includes("--keep"),
    ...(at < 0 ? {} : { route: flags[at + 1] }),
  };
  try {
    const code = await (command === "setup" ? setupCommand(name, options) : testDestinationCommand(name, options));
    return { code, ...printed };
  } catch (error) {
    const code = reportError(error);
    return { code, ...printed };
  } finally {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  }
}

describe("patchbay test", () => {
  test("sends a marked call, reads it back, changes it and deletes it, with this destination's variables alone", async () => {
    const { code, stdout } = await run("test team-chat", { HUBSPOT_ACCESS_TOKEN: undefined });
    expect({ code, steps: stdout.match(/^[✓·✗] [a-z ]+?(?= {2,})/gm) }).toEqual({
      code: 0,
      steps: ["✓ open", "✓ send", "✓ read", "✓ change", "✓ clean up"],
    });
    expect(stdout).toMatch(/by route chat: test_patchbay_/);
    expect(stdout).toContain("https://discord.com/channels/");
    expect(stdout).toContain("Test call from Patchbay, safe to delete");
    expect(await discord.records()).toEqual([]);
  });

  test.each(["bigquery", "snowflake"] as const)(
    "reads the row back from %s, sees the later summary in it, and deletes it",
    async (name) => {
      const { code, stdout } = await run(`test ${name} --json`);
      const { steps, left } = JSON.parse(stdout);
      expect({ code, left, steps: steps.map(({ step, went }: TestStep) => `${step} ${went}`) }).toEqual({
        code: 0,
        left: [],
        steps: ["open well", "send well", "read well", "change well", "clean up well"],
      });
      expect(steps[2].record).toMatchObject({ source: "voiceinfra", call_id: expect.stringMatching(/^test_patchbay_/) });
      expect(steps[3].says).toContain("it has the later summary");
      expect(await warehouses[name].rows("calls")).toEqual([]);
    },
  );

  test("says which kind of account it is, where accounts of a service differ", async () => {
    expect((await run("test crm")).stdout).toMatch(/✓ open .*HubSpot answers; HubSpot itself keeps one call for each voice_call_id/);
    expect(await run("test plain-crm")).toMatchObject({ code: 1, stdout: expect.stringMatching(/✗ open .*patchbay setup hubspot/) });
    expect((await run("setup plain-crm")).stdout).toMatch(/made .*voice_call_id \(without unique values/);
    const { code, stdout } = await run("test plain-crm");
    expect(stdout).toMatch(/✓ open .*HubSpot answers; this account has no unique values for voice_call_id: Patchbay looks a call up/);
    expect({ code, left: await plainHubSpot.records() }).toEqual({ code: 0, left: [] });
  });

  test("leaves it with --keep, says where, and takes a connector's name where one destination has it", async () => {
    const { code, stdout } = await run("test discord --keep --json");
    const told = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(told).toMatchObject({
      ok: true,
      destination: "team-chat",
      left: [{ why: "--keep", url: expect.stringContaining("https://discord.com/") }],
    });
    const [record, ...more] = await discord.records();
    expect(more).toEqual([]);
    expect(record?.key).toBe(`voiceinfra/${told.call_id}/chat`);
    expect(JSON.stringify(record?.body)).toContain("this summary came later");
  });

  test("says what is refused and how to mend it, with exit code 1", async () => {
    const wrong = String(discord.wrong?.url);
    const { code, stdout } = await run("test team-chat", { DISCORD_URL: wrong });
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ open .*needs-fix.*\(HTTP 401\).*Copy the webhook's address again/);
    expect(stdout.match(/401/g)).toHaveLength(1);
    expect(stdout).not.toContain("wrong-credential");
  });

  test("of a destination to which no route leads, or by a route to another, is wrong usage", async () => {
    const answers = [
      await run("test lonely", { NOT_SET: "x" }),
      await run("test team-chat --route log"),
      await run("test hubspot"),
      await run("test crmm"),
    ];
    expect(answers.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    const [lonely, other, which, typo] = answers.map(({ stderr }) => stderr);
    expect(lonely).toContain('routes.yaml leads to "lonely"');
    expect(other).toContain('the route "log" leads to "crm", not to "team-chat"');
    expect(which).toMatch(/3 destinations of the connector hubspot[\s\S]*crm, lonely, plain-crm/);
    expect(typo).toMatch(/no destination "crmm"[\s\S]*Did you mean "crm"\?/);
  });
});

describe("patchbay setup", () => {
  test("says what it made, and the second time that it was there, with this destination's variables alone", async () => {
    const first = await run("setup desk", { HUBSPOT_ACCESS_TOKEN: undefined });
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^made +the queue calls$/m) });
    const second = await run("setup desk --json");
    expect(JSON.parse(second.stdout)).toMatchObject({ ok: true, steps: [{ what: "the queue calls", done: "was there" }] });
  });

  test("of a connector that needs none says so, and a variable that is not set is named at its line", async () => {
    expect(await run("setup team-chat")).toMatchObject({ code: 0, stdout: expect.stringContaining("Discord needs nothing to be made") });
    expect(await run("setup lonely")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/routes\.yaml:8:\d+[\s\S]*NOT_SET is not set/),
    });
  });

  test("that is refused says why with exit code 1, and 3 where nobody answers", async () => {
    const refused = await run("setup desk", { DESK_TOKEN: "wrong-credential" });
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/error.*desk: needs-fix \(401\): the desk refuses.*Make a token/),
    });
    expect(refused.stderr).not.toContain("wrong-credential");
    const port = await closedPort();
    const away = await run("setup desk", { DESK_TOKEN: `http://127.0.0.1:${port}` });
    expect(away).toMatchObject({ code: 3, stderr: expect.stringContaining("not reachable (ECONNREFUSED)") });
    expect(away.stderr.match(/ECONNREFUSED/g)).toHaveLength(1);
  });
});

test("the program has both commands, with exit codes of theirs", async () => {
  const args = ["test", "team-chat", "--route", "chat", "--json"];
  const { code, stdout } = await runPatchbay({ args, cwd: folder, env });
  expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, ok: true, route: "chat", left: [] });
  expect(await runPatchbay({ args: ["setup", "desc"], cwd: folder, env })).toMatchObject({ code: 2, stdout: "" });
});

/** Connectors that do what they should not: the test has to see it. */
describe("a test of a connector that", () => {
  type Open = OpenDestination<Record<string, unknown>>;
  const delivered = (id: string): Outcome => ({ kind: "delivered", receipt: { id } });

  async function testOf(open: Partial<Open>, more: Partial<Connector> = {}) {
    const connector = {
      ...defineConnector({
        name: "odd",
        title: "Odd",
        keeps: "record",
        duplicates: "native-key",
        settings: z.strictObject({}),
        with: z.strictObject({}),
        batch: { maxCalls: 1, concurrency: 1 },
        open: async () => ({ send: async () => [delivered("1")], close: async () => undefined, ...open }),
        sandbox: () => Promise.reject(new Error("none")),
      }),
      ...more,
    } as unknown as Connector;
    const destination = { name: "odd", connector, settings: () => ({}), timeoutMs: 500 } as unknown as Destination;
    const steps: TestStep[] = [];
    const delivery = deliveryOf<Record<string, unknown>>({ call: documentedCall(), with: {} });
    const late = { call: { ...delivery.call, summary: LATE_WORDS }, with: {} };
    const { ok, left } = await runTest({
      destination,
      delivery,
      late,
      timezone: "UTC",
      keep: false,
      onStep: (step) => steps.push(step),
      sleep: async () => undefined,
    });
    return { ok, left, steps: steps.map(({ step, went }) => `${step} ${went}`), said: steps.map(({ says }) => says) };
  }

  test("makes a second record fails, and both are cleaned up", async () => {
    let sent = 0;
    const erased: string[] = [];
    const { ok, steps } = await testOf({
      send: async () => [delivered(String(++sent))],
      erase: async ({ receipt }) => erased.push(receipt.id) > 0,
    });
    expect({ ok, erased }).toEqual({ ok: false, erased: ["1", "2"] });
    expect(steps).toContain("change wrong");
  });

  test("takes the call and refuses a detail of it works, and names the detail", async () => {
    const receipt = { id: "1", extra: { left_out: "Campaign__c (INVALID_FIELD)" } };
    const { ok, steps, said } = await testOf({ send: async () => [{ kind: "delivered", receipt }] });
    expect([ok, steps[1], said[1]]).toEqual([true, "send note", "1: refused, and left out: Campaign__c (INVALID_FIELD)"]);
  });

  test("loses what it took fails", async () => {
    const { ok, said } = await testOf({ read: async () => undefined, erase: async () => true });
    expect(ok).toBe(false);
    expect(said).toContain("it was taken, and is not there");
  });

  test("cannot change a message, nor delete or show it, works, and says so", async () => {
    let sent = 0;
    const { ok, left, steps } = await testOf({ send: async () => [delivered(String(++sent))] }, { keeps: "message" });
    expect({ ok, steps }).toEqual({
      ok: true,
      steps: ["open well", "send well", "read note", "change note", "clean up note", "clean up note"],
    });
    expect(left.map(({ id }) => id)).toEqual(["1", "2"]);
  });

  test("never answers is told as unclear, and what it may have left is named", async () => {
    const { ok, left, said } = await testOf({ send: () => new Promise(() => undefined) });
    expect(ok).toBe(false);
    expect(said.at(-1)).toMatch(/^ambiguous/);
    expect(left).toEqual([{ id: "voiceinfra/call_01HXYZ123456", why: "it may have arrived" }]);
  });

  test("takes a later version and keeps the first is told", async () => {
    const { said } = await testOf({ read: async () => ({ note: "the first" }) });
    expect(said).toContain("it took the later version and does not show its summary");
  });

  test("asks to be slower for a moment is waited for", async () => {
    let asked = 0;
    const wait: Outcome = { kind: "retry", because: "rate-limit", code: "429", reason: "slower", retryAfterMs: 5 };
    expect((await testOf({ send: async () => [asked++ === 0 ? wait : delivered("1")] })).ok).toBe(true);
  });
});
