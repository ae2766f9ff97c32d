import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { runPatchbay } from "../support/patchbay-process.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const BAD = "./test/support/bad-connector/index.ts";

const run = (args: string[], options: { cwd?: string; fault?: string } = {}) =>
  runPatchbay({ args: ["certify", ...args], cwd: options.cwd ?? ROOT, env: { BAD_CONNECTOR: options.fault ?? "none" } });

function moduleWith(text: string): { folder: string; name: string } {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-certify-command-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "mine.js"), text);
  return { folder, name: "./mine.js" };
}

describe("patchbay certify", () => {
  test("a connector of ours by its name: a table, what was not offered, exit code 0", async () => {
    const { code, stdout } = await run(["slack", "--only", "5xx", "twice in a batch"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^case +runs +lost +doubled +wrong class +limits broken +leaked$/m);
    expect(stdout).toMatch(/^5xx +2 +0 +0 +0 +0 +0$/m);
    expect(stdout).toMatch(/^not offered \(it sends one call at a time\): the same key twice in a batch$/m);
    expect(stdout).toContain("Slack passes");
  });

  test("a connector whose service has accounts of several kinds is tried in each", async () => {
    const { code, stdout } = await run(["hubspot", "--only", "a batch, a record each"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^a batch, a record each \(unique account\) +\d+ +0 +0 +0 +0 +0$/m);
    expect(stdout).toMatch(/^a batch, a record each \(plain account\) +\d+ +0 +0 +0 +0 +0$/m);
  });

  test("a file of somebody else's that fails: exit code 1, and what is wrong in a sentence beside its case", async () => {
    const { code, stdout } = await run([BAD, "--only", "5xx"], { fault: "gives a call up on 5xx" });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^5xx\n {2}wrong class: a new call: the outcome is rejected, though nobody knows what became of it$/m);
    expect(stdout).toContain("Notes does not pass");
  });

  test("for programs: each case with its score", async () => {
    const { code, stdout } = await run([BAD, "--only", "429 with R", "--json"], { fault: "takes 429 for delivered" });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      connector: "notes",
      passed: false,
      cases: [{ name: "429 with Retry-After", runs: 2, score: { "wrong class": 2, doubled: 0 } }],
    });
  });

  test.each([
    { args: ["slak"], says: /no connector "slak".*\n.*Did you mean "slack"\?/ },
    { args: ["./nowhere.ts"], says: /no file \.\/nowhere\.ts/ },
    { args: ["slack", "--only", "nonsense"], says: /no case with nonsense/ },
    { args: [], says: /missing required argument 'connector'/ },
  ])("wrong usage is exit code 2, and says what is wrong: $args", async ({ args, says }) => {
    const { code, stderr, stdout } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(says);
  });

  test.each([
    { text: "export const answer = 42;", says: /no connector in .\/mine.js.*\n.*default export/ },
    { text: "export default 1; import 'no-such-package-at-all';", says: /cannot be loaded: .*no-such-package-at-all/ },
  ])("a module that is no connector is exit code 2: $text", async ({ text, says }) => {
    const { folder, name } = moduleWith(text);
    const { code, stderr } = await run([name], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toMatch(says);
  });

  test("--help teaches: how to name a connector, and what is counted", async () => {
    const { code, stdout } = await run(["--help"]);
    expect(code).toBe(0);
    for (const word of ["./my-connector.ts", "lost", "doubled", "wrong class", "limits broken", "leaked", "not offered", "Exit codes"])
      expect(stdout).toContain(word);
  });
});
