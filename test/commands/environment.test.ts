import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { setting, unknownSettings } from "../../src/commands/environment.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const folders: string[] = [];
afterAll(() => {
  for (const one of folders) rmSync(one, { recursive: true, force: true });
});

function makeFolder(envFile?: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-env-"));
  folders.push(folder);
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { store: { connector: archive, url: "file:out" } }
routes: [{ id: keep, to: store }]
`,
  );
  if (envFile !== undefined) writeFileSync(join(folder, ".env"), envFile);
  return folder;
}

const SECRET = "webhook-secret-text";
/** What Kubernetes sets in every pod beside Services named patchbay, patchbay-ops and patchbay-log. */
const SERVICE_LINKS = Object.fromEntries(
  ["PATCHBAY", "PATCHBAY_LOG", "PATCHBAY_METRICS"].flatMap((service) => [
    [`${service}_SERVICE_HOST`, "10.96.0.12"],
    [`${service}_SERVICE_PORT`, "9090"],
    [`${service}_SERVICE_PORT_METRICS`, "9090"],
    [`${service}_PORT`, "tcp://10.96.0.12:9090"],
    [`${service}_PORT_9090_TCP`, "tcp://10.96.0.12:9090"],
    [`${service}_PORT_9090_TCP_PROTO`, "tcp"],
    [`${service}_PORT_9090_TCP_PORT`, "9090"],
    [`${service}_PORT_9090_TCP_ADDR`, "10.96.0.12"],
  ]),
);

describe("a variable of ours that cannot be meant is named, with what to do; exit code 2", () => {
  test.each<[string, string[], Record<string, string>, RegExp[]]>([
    [
      "Kubernetes' link to a Service",
      ["up"],
      { PATCHBAY_OPS_PORT: "tcp://10.96.0.12:9090" },
      [/PATCHBAY_OPS_PORT is "tcp:/, /Service named patchbay-ops/, /enableServiceLinks: false.*--ops-port/s],
    ],
    ["the same for a connector", ["connector", "archive"], { PATCHBAY_OPS_PORT: "tcp://10.96.0.12:9090" }, [/PATCHBAY_OPS_PORT/]],
    ["a port that is none", ["up"], { PORT: "abc" }, [/PORT cannot be "abc".*0 \(any free one\) to 65535/, /--port/]],
    ["a port beyond the last", ["ingress"], { PORT: "70000" }, [/PORT cannot be "70000".*at most 65535/]],
    ["a port with a sign", ["ingress"], { PORT: "-1" }, [/PORT cannot be "-1"/]],
    ["an address for a port", ["ingress"], { PORT: "0.0.0.0:8080" }, [/PORT cannot be "0\.0\.0\.0:8080"/]],
    ["a port of Kubernetes for the webhooks", ["ingress"], { PORT: "tcp://10.96.0.12:8080" }, [/PORT cannot be "tcp:/]],
    [
      "a log level that is none",
      ["lag"],
      { PATCHBAY_LOG_LEVEL: "verbose" },
      [/PATCHBAY_LOG_LEVEL cannot be "verbose".*trace, debug, info, warn, error, fatal, silent/],
    ],
    ["where `send` posts to", ["send", "--secret", "x"], { PORT: "abc" }, [/PORT cannot be "abc"/]],
  ])("%s", async (_, args, more, says) => {
    const { code, stderr } = await runPatchbay({ args, cwd: makeFolder(), env: { SECRET, ...more } });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.not.stringMatching(/at .*\.ts:\d+|node:internal/) });
    for (const pattern of says) expect(stderr).toMatch(pattern);
  });

  test("but not where a flag stands in its place, nor in a command that does not use it", async () => {
    const env = { SECRET, PATCHBAY_OPS_PORT: "tcp://10.96.0.12:9090", PORT: "abc" };
    const cwd = makeFolder();
    const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], cwd, env });
    await up.logged("up");
    expect(await runPatchbay({ args: ["lag"], cwd, env })).toMatchObject({ code: 0, stderr: "" });
    expect(await up.end()).toBe(0);
  });
});

test("an empty variable of ours is none: compose sets them for what its user left out", async () => {
  const empty = { PORT: "", PATCHBAY_OPS_PORT: " ", PATCHBAY_LOG: "", PATCHBAY_LEDGER: "", PATCHBAY_ROUTES: "", PATCHBAY_LOG_LEVEL: "" };
  expect(setting(empty, "PORT")).toBeUndefined();
  const cwd = makeFolder("PORT=0\nPATCHBAY_OPS_PORT=0\nPATCHBAY_LOG=sqlite:of-the-file.db\n");
  const up = startPatchbay({ args: ["up"], cwd, env: { SECRET, ...empty } });
  expect(await up.logged("up")).toMatchObject({ log: "sqlite:of-the-file.db", ledger: "sqlite:data/ledger.db" });
  expect(await up.end()).toBe(0);
});

describe("a variable that looks like one of ours and is none", () => {
  test("is told by a process that runs, and by a command, with what was probably meant", async () => {
    const cwd = makeFolder();
    const env = { SECRET, PATCHBAY_LEGDER: "sqlite:other.db", ...SERVICE_LINKS };
    const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], cwd, env });
    await up.logged("up");
    const warned = up
      .output()
      .split("\n")
      .filter((line) => line.includes("is not known"));
    expect(warned).toEqual([expect.stringContaining("the variable PATCHBAY_LEGDER is not known, and not used: is PATCHBAY_LEDGER meant?")]);
    expect(await runPatchbay({ args: ["lag"], cwd, env })).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^warning {2}the variable PATCHBAY_LEGDER .*\n$/),
    });
    expect(await up.end()).toBe(0);
  });

  test("is passed over where Kubernetes made it, or routes.yaml uses it", () => {
    expect(unknownSettings(SERVICE_LINKS, "")).toEqual([]);
    expect(unknownSettings({ PATCHBAY_SIGNING_SECRET: "x" }, 'secrets: ["${PATCHBAY_SIGNING_SECRET}"]')).toEqual([]);
    // A port that is one, under a name that is none, is no link.
    expect(unknownSettings({ PATCHBAY_OSP_PORT: "9090" }, "")).toEqual([
      "the variable PATCHBAY_OSP_PORT is not known, and not used: is PATCHBAY_OPS_PORT meant?",
    ]);
  });
});

test("levels are read in any letters", () => {
  expect(setting({ PATCHBAY_LOG_LEVEL: "WARN" }, "PATCHBAY_LOG_LEVEL")).toBe("warn");
  expect(setting({ PORT: " 8081 " }, "PORT")).toBe(8081);
});

describe(".env", () => {
  const check = (envFile: string | Buffer) => runPatchbay({ args: ["check"], cwd: makeFolder(envFile), env: {} });

  test("with a byte order mark is read, its first variable too", async () => {
    expect(await check(`\ufeffSECRET=${SECRET}\n`)).toMatchObject({ code: 0 });
  });

  test("in Windows' line ends is read", async () => {
    expect(await check(`OTHER=1\r\nSECRET=${SECRET}\r\n`)).toMatchObject({ code: 0 });
  });

  test.each([
    ["UTF-16", Buffer.from(`\ufeffSECRET=${SECRET}\n`, "utf16le"), /\.env is UTF-16.*Save it as UTF-8/s],
    ["UTF-16 without a mark", Buffer.from(`SECRET=${SECRET}\n`, "utf16le"), /\.env is not a text.*UTF-8/s],
    ["Latin-1", Buffer.from("SECRET=gr\u00fcn\n", "latin1"), /\.env is not UTF-8/],
  ])("in %s is refused with what to do", async (_, bytes, says) => {
    expect(await check(bytes)).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(says) });
  });

  test.each([
    ["that is never closed", `OTHER=1\nSECRET="${SECRET}\n`, 2],
    ["that the next variable's quote would close", `SECRET='${SECRET}\nOTHER='x'\n`, 1],
    ["of another kind", `SECRET="${SECRET}'\n`, 1],
  ])("with a quote %s is refused at its line, and its value is not shown", async (_, content, line) => {
    const { code, stderr } = await check(content);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(new RegExp(`\\.env:${line}: a quote .* is never closed`)) });
    expect(stderr).not.toContain(SECRET);
  });

  test("with quotes that are closed is read: on one line, over several, with a comment behind, with another kind inside", async () => {
    const content = `# it's fine\nPLAIN=it's\nEMPTY=''\nKEY="-----BEGIN\nx='\n-----END"\nexport SECRET='${SECRET}' # "\n`;
    expect(await check(content)).toMatchObject({ code: 0 });
  });

  test("is read again at each load: a refused edit is used as soon as its variable stands there, in a running process", async () => {
    const cwd = makeFolder(`SECRET=${SECRET}\n`);
    const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], cwd, env: {} });
    await up.logged("up");
    const routes = readFileSync(join(cwd, "routes.yaml"), "utf8");
    writeFileSync(join(cwd, "routes.yaml"), routes.replace('"file:out"', '"${PLACE}"'));
    expect(await up.logged("the routes file cannot be used; the earlier one stays in use")).toMatchObject({
      problem: expect.stringContaining("the variable PLACE is not set"),
      problems: [
        expect.stringMatching(/^routes\.yaml:3:\d+ error the variable PLACE is not set \(Set it in the environment or as PLACE=…/),
      ],
    });
    writeFileSync(join(cwd, ".env"), `SECRET=${SECRET}\nPLACE=file:out\n`);
    await up.logged("the routes file was edited, and is in use");
    expect(await up.end()).toBe(0);
    const lines = up
      .output()
      .split("\n")
      .filter((line) => line !== "");
    for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
    expect(lines.filter((line) => line.includes("cannot be used"))).toHaveLength(1);
  });

  test("that is a folder, or that this user may not read, is named", async () => {
    const cwd = makeFolder();
    mkdirSync(join(cwd, ".env"));
    const { code, stderr } = await runPatchbay({ args: ["check"], cwd, env: {} });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/the file of variables \.env cannot be used: it is a folder/),
    });
  });
});
