import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { checkCommand } from "../../src/commands/check.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = { SECRET: "the-webhook-secret" };
/** In this process: what it prints, and its exit code. */
async function check(name: string, options: { code?: boolean; routes?: string } = {}): Promise<{ code: number; printed: string }> {
  const printed: string[] = [];
  const spies = (["log", "error"] as const).map((method) =>
    vi.spyOn(console, method).mockImplementation((line) => void printed.push(String(line))),
  );
  const { routes, code: withCode = true } = options;
  try {
    const given = routes === undefined ? {} : { routes: join(folder, routes) };
    const code = await checkCommand(join(folder, name), { env: false, code: withCode, ...given });
    return { code, printed: printed.join("\n") };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const file = (changes: { source?: string; top?: string; destination?: string; route?: string } = {}) => `version: 1
sources: { voiceinfra: { ${changes.source ?? 'secrets: ["${SECRET}"]'} } }
${changes.top ?? ""}
destinations: { place: ${changes.destination ?? '{ connector: archive, url: "file:out" }'} }
routes: [{ id: to-place, to: place${changes.route ?? ""} }]
`;

describe("check", () => {
  test("takes the file as a plain argument, too, and not two of them", async () => {
    writeFileSync(join(folder, "other.yaml"), file());
    writeFileSync(join(folder, "wrong.yaml"), file({ route: ", when: start_time.getHours('Europe/Berln') < 18" }));
    expect(await check("other.yaml")).toMatchObject({ code: 0, printed: expect.stringContaining("other.yaml is fine") });
    expect(await check("other.yaml", { routes: "other.yaml" })).toMatchObject({ code: 0 });
    const wrong = await check("wrong.yaml");
    expect(wrong).toMatchObject({ code: 1, printed: expect.stringContaining('there is no time zone "Europe/Berln"') });
    await expect(check("other.yaml", { routes: "wrong.yaml" })).rejects.toThrow(/two files are named: .*other\.yaml and .*wrong\.yaml/);
    await expect(check("nowhere.yaml")).rejects.toThrow(/there is no file .*nowhere\.yaml/);
  });

  test("by the command line, too", async () => {
    writeFileSync(join(folder, "other.yaml"), file());
    expect(await runPatchbay({ args: ["check", "other.yaml", "--no-code"], cwd: folder, env })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("other.yaml is fine"),
    });
  });

  test("--no-code does not run what the file names, says what it could not check, and checks all else", async () => {
    writeFileSync(
      join(folder, "desk.ts"),
      `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(join(folder, "ran"))}, "");\nexport default {};\n`,
    );
    writeFileSync(
      join(folder, "outside.yaml"),
      file({
        top: "connectors: [./desk.ts]",
        destination: "{ connector: desk, queue: x }",
        route: ", when: agent == 'x', share: [numbers]",
      }),
    );
    const { code, printed } = await check("outside.yaml", { code: false });
    expect(printed).toContain('"desk" is not checked: the code of connectors that the file names is not run');
    expect(printed).toContain('agent is never "x"');
    expect([code, existsSync(join(folder, "ran"))]).toEqual([0, false]);
    expect((await check("outside.yaml")).code).toBe(1);
    expect(existsSync(join(folder, "ran"))).toBe(true);
    // Without any that it names, an unknown connector is a mistake as ever.
    writeFileSync(join(folder, "typo.yaml"), file({ destination: "{ connector: archiv }" }));
    expect(await check("typo.yaml", { code: false })).toMatchObject({
      code: 1,
      printed: expect.stringContaining('did you mean "archive"?'),
    });
  });
});

test("a process that uses a file with something to look at says so at each load: an ingress, and all in one", async () => {
  const unsigned = file({ source: "allow_unsigned: true" });
  writeFileSync(join(folder, "routes.yaml"), unsigned);
  for (const args of [
    ["ingress", "--port", "0"],
    ["up", "--port", "0", "--ops-port", "0"],
  ]) {
    const running = startPatchbay({ args, cwd: folder, env });
    onTestFinished(() => void running.child.kill("SIGKILL"));
    await running.logged(args[0] === "up" ? "up" : "ingress listens");
    const said = async () =>
      JSON.stringify(await running.logged("the routes file is used, and has something to look at: patchbay check shows it"));
    const wanted = 'routes.yaml:2:42 anybody who knows the address can send calls to \\"voiceinfra\\"';
    expect(await said()).toContain(wanted);
    writeFileSync(join(folder, "routes.yaml"), file({ source: 'secrets: ["${SECRET}"]' }));
    await running.logged(
      args[0] === "up" ? "the routes file was edited, and is in use" : "the routes file was edited, its sources are in use",
    );
    writeFileSync(join(folder, "routes.yaml"), unsigned);
    expect(await said()).toContain(wanted);
    expect(await running.end()).toBe(0);
  }
});
