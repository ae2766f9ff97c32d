import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-demo-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
const run = (cwd: string, ...args: string[]) => runPatchbay({ args: ["demo", ...args], env: {}, cwd });

describe("the demo", () => {
  test.each([
    ["routes", "routes.yaml"],
    ["log", "sqlite:mine.db"],
    ["ledger", "sqlite:mine.db"],
  ])("refuses --%s by its name, since it has its own, and touches nothing", async (option, value) => {
    const folder = makeFolder();
    const { code, stdout, stderr } = await run(folder, "--once", `--${option}`, value);
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(new RegExp(`demo takes no --${option}: it has a .* of its own\\n.*patchbay up --${option}`)),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("does not offer these options in its help", async () => {
    const { stdout } = await run(makeFolder(), "--help");
    expect(stdout).toMatch(/--once/);
    expect(stdout).not.toMatch(/--routes|--log|--ledger/);
  });

  test("beside one that runs in the same folder is refused, and the first one goes on with its files", async () => {
    const folder = makeFolder();
    const first = startPatchbay({ args: ["demo", "--port", "0"], env: {}, cwd: folder });
    await expect.poll(() => first.output()).toContain("It keeps running");
    const second = await run(folder, "--once", "--port", "0");
    expect(second).toMatchObject({ code: 2, stderr: expect.stringMatching(/a demo runs already in data\/demo\n.*Ctrl-C/) });
    const url = /webhook at (\S+),/.exec(first.output())?.[1] as string;
    const sent = await runPatchbay({ args: ["send", "--url", url, "--secret", "patchbay-example-secret"], env: {}, cwd: folder });
    expect(sent.code).toBe(0);
    const listed = await runPatchbay({
      args: ["deliveries", "--log", "sqlite:data/demo/log.db", "--ledger", "sqlite:data/demo/ledger.db"],
      env: {},
      cwd: folder,
    });
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining("delivered") });
    expect(await first.end("SIGKILL")).toBeNull();
    // However the first one ended, its folder is free again.
    const third = startPatchbay({ args: ["demo", "--port", "0"], env: {}, cwd: folder });
    await expect.poll(() => third.output()).toContain("It starts fresh: what an earlier demo left in data/demo is removed.");
    expect(await third.end()).toBe(0);
  });

  test("says nothing of an earlier one where there was none, and leaves files alone that are not its own", async () => {
    const folder = makeFolder();
    mkdirSync(join(folder, "data/demo"), { recursive: true });
    writeFileSync(join(folder, "data/demo/notes.txt"), "mine");
    const demo = startPatchbay({ args: ["demo", "--port", "0"], env: {}, cwd: folder });
    await expect.poll(() => demo.output()).toContain("webhook at");
    expect(await demo.end()).toBe(0);
    expect(demo.output()).not.toContain("starts fresh");
    expect(existsSync(join(folder, "data/demo/notes.txt"))).toBe(true);
  });
});
