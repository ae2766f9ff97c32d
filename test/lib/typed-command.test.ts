import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { formatLag } from "../../src/commands/lag.ts";
import { asTyped, launcher, typeCommands, typed } from "../../src/lib/text/typed-command.ts";
import { runPatchbay } from "../support/patchbay-process.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-typed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const BY_NPM = { npm_lifecycle_event: "patchbay", npm_execpath: "/somewhere/npm-cli.js" };
const run = (args: string, env: Record<string, string> = {}) => runPatchbay({ args: args.split(" "), env, cwd: folder });

test.each([
  [{}, true, undefined],
  [{}, false, undefined],
  [{ npm_lifecycle_event: "patchbay" }, true, "npm run -s patchbay --"],
  [{ npm_execpath: "/somewhere/npm-cli.js" }, true, "npm run -s patchbay --"],
  [{ npm_lifecycle_event: "npx" }, true, "npx patchbay"],
  [{ npm_lifecycle_event: "start" }, false, "npx patchbay"],
])("with %o, from sources: %o, a command is typed after %o", (env, fromSources, expected) => {
  expect(launcher({ env, fromSources })).toBe(expected);
});

test("hints of errors, of the help and of usage name a command that can be typed where npm has started the process", async () => {
  writeFileSync(join(folder, "routes.yaml"), "");
  const missing = "deliveries --ledger sqlite:none.db";
  expect((await run(missing)).stderr).toMatch(/`patchbay up` makes it/);
  expect((await run(missing, BY_NPM)).stderr).toMatch(/`npm run -s patchbay -- up` makes it/);

  const help = (await run("--help", BY_NPM)).stdout;
  expect(help).toMatch(/Usage: npm run -s patchbay -- \[options\]/);
  expect(help).toMatch(/^ {2}npm run -s patchbay -- demo {2}/m);
  expect(help).not.toMatch(/(?<!-s )patchbay (?:demo|check|up)/);
  expect((await run("--help")).stdout).toMatch(/Usage: patchbay \[options\][\s\S]*^ {2}patchbay demo {2}/m);

  const wrong = await run("lagg", BY_NPM);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("(npm run -s patchbay -- --help shows the commands") });
  expect((await run("lag --nothing", BY_NPM)).stderr).toContain("npm run -s patchbay -- ");
});

test("what programs read has the command as it is written, with npm and without", async () => {
  const [bare, byNpm] = [await run("check --json"), await run("check --json", BY_NPM)];
  expect(byNpm.stdout).toBe(bare.stdout);
});

test("only our own sentences are rewritten: what an agent, a caller or a person wrote keeps its words", () => {
  onTestFinished(() => typeCommands({ env: BY_NPM, fromSources: true, names: [] }));
  typeCommands({ env: BY_NPM, fromSources: true, names: ["lag", "test", "resume"] });
  expect(asTyped("then: patchbay resume crm")).toBe("then: npm run -s patchbay -- resume crm");
  expect(typed`${"patchbay test"} has read nothing: patchbay lag`).toBe("patchbay test has read nothing: npm run -s patchbay -- lag");
  const unknown = { agents: { "patchbay test": 1 }, sides: 0 };
  const report = { routes: [], notInFile: ["old"], fileProblems: [], unknown, mismatch: undefined, ledgerAway: undefined };
  expect(formatLag(report)).toContain("Agents that are not under agents: patchbay test (1 call)");
});
