import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { connectors } from "../../connectors/index.ts";
import type { Connector } from "../../src/connector/index.ts";
import { describeConnector } from "../contracts/connector.contract.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const copy = mkdtempSync(join(tmpdir(), "patchbay-new-"));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

// As much of the repository as the script touches; the rest is the repository itself.
mkdirSync(join(copy, "docs/connectors"), { recursive: true });
mkdirSync(join(copy, "connectors/slack"), { recursive: true });
cpSync(join(ROOT, "connectors/index.ts"), join(copy, "connectors/index.ts"));
for (const name of ["src", "test", "node_modules", "tsconfig.json", "package.json"]) symlinkSync(join(ROOT, name), join(copy, name));

function run(name: string) {
  return spawnSync(process.execPath, [join(ROOT, "scripts/new-connector.ts"), "connector", name, "--root", copy], { encoding: "utf8" });
}

const { status, stdout } = run("zendesk");

describe("npm run new connector", () => {
  test("writes a folder, a page and one line, and says what comes next", () => {
    expect(status).toBe(0);
    expect(stdout).toMatch(/^connectors\/zendesk\/index\.ts$/m);
    expect(stdout).toContain("certify zendesk");
    const index = readFileSync(join(copy, "connectors/index.ts"), "utf8");
    const before = readFileSync(join(ROOT, "connectors/index.ts"), "utf8");
    const names = [...Object.keys(connectors), "zendesk"].toSorted();
    expect(
      /connectors = \{([^}]*)\}/
        .exec(index)?.[1]
        ?.split(",")
        .map((one) => one.trim()),
    ).toEqual(names);
    expect(index.split("\n").filter((line) => !before.includes(line) && !line.startsWith("export"))).toEqual([
      'import { zendesk } from "./zendesk/index.ts";',
    ]);
    expect(readFileSync(join(copy, "docs/connectors/zendesk.md"), "utf8")).toContain("# Zendesk\n");
    for (const file of [
      "index.ts",
      "settings.ts",
      "mapping.ts",
      "open.ts",
      "client.ts",
      "errors.ts",
      "record.ts",
      "sandbox/index.ts",
      "zendesk.test.ts",
    ]) {
      expect(readFileSync(join(copy, "connectors/zendesk", file), "utf8").replaceAll("example.com", "")).not.toMatch(
        /Example|\bexample\b(?!: \{\})/,
      );
    }
  });

  test("what it wrote compiles as it is", () => {
    const tsconfig = { extends: "./tsconfig.json", compilerOptions: { rootDir: "/" }, include: ["connectors/zendesk"] };
    writeFileSync(join(copy, "tsconfig.new.json"), JSON.stringify(tsconfig));
    expect(execFileSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", join(copy, "tsconfig.new.json")], { encoding: "utf8" })).toBe("");
  });

  test.each([
    ["zendesk", "connectors/zendesk is there already"],
    ["slack", "connectors/slack is there already"],
    ["Zendesk", "cannot be a connector's name"],
    ["../up", "cannot be a connector's name"],
    ["class", "no word of JavaScript"],
  ])("refuses the name %s, and writes nothing", (name, says) => {
    const before = readFileSync(join(copy, "connectors/index.ts"), "utf8");
    expect(run(name)).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining(says) });
    expect(readFileSync(join(copy, "connectors/index.ts"), "utf8")).toBe(before);
  });
});

// What it wrote keeps the contract, and its own tests pass.
const { zendesk } = (await import(join(copy, "connectors/zendesk/index.ts"))) as { zendesk: Connector };
await describeConnector(zendesk);
await import(join(copy, "connectors/zendesk/zendesk.test.ts"));
