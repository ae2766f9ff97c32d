import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { post } from "../../src/commands/send.ts";
import { documentedCall } from "../support/documented-call.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const SECRET = "bad-edit-secret-text";
const env = { SECRET };
const GOOD = `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { store: { connector: archive, url: "file:out" } }
routes:
  - { id: keep, to: store }
  - { id: other, to: store, record: other }
`;
const TYPO = GOOD.replace("{ id: keep, to: store }", "{ id: keep, to: store, wehn: call_duration > 3 }");
const folder = mkdtempSync(join(tmpdir(), "patchbay-bad-edit-"));
const file = join(folder, "routes.yaml");
const run = (...args: string[]) => runPatchbay({ args, env, cwd: folder });
const LOOKS = [
  ["audit"],
  ["replay", "--route", "keep", "--since", "1d", "--again"],
  ["pause", "keep", "--reason", "weekend"],
  ["resume", "keep"],
];

/** How the file can be bad, and what is said of it. */
const BAD: [string, () => void, RegExp][] = [
  ["has a typo", () => writeFileSync(file, TYPO), /routes\.yaml:5:\d+ unknown field "wehn"/],
  ["is no YAML", () => writeFileSync(file, "routes: [unclosed\n  - {{"), /routes\.yaml:\d+:\d+ /],
  ["is empty", () => writeFileSync(file, ""), /routes\.yaml is empty/],
  ["is not UTF-8", () => writeFileSync(file, Buffer.from([0xff, 0xfe, 0x00])), /routes\.yaml:1:1 the file is UTF-16/],
  ["is away", () => rmSync(file), /there is no file routes\.yaml/],
];

beforeAll(async () => {
  writeFileSync(file, GOOD);
  const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: folder });
  const { url } = await up.logged("up");
  const body = Buffer.from(JSON.stringify(documentedCall()));
  expect((await post({ url: `${url}/webhooks/voiceinfra`, secret: SECRET, body })).status).toBe(200);
  const outputs = () => readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /^out.*\.json$/.test(name));
  await vi.waitFor(() => expect(outputs()).toHaveLength(2), { timeout: 120_000 });
  expect(await up.end()).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a command that looks, after a bad edit of routes.yaml", () => {
  test.each(BAD)("shows the last good file and says so, where the file %s", async (_how, spoil, said) => {
    spoil();
    onTestFinished(() => writeFileSync(file, GOOD));
    await saysSo(["lag"], said);
  });

  test.each(LOOKS.map((args) => [args.join(" "), args] as const))("ends as if the file were fine: %s", async (_line, args) => {
    const good = await run(...args);
    expect(good).toMatchObject({ code: 0, stdout: expect.not.stringContaining("cannot be used") });
    writeFileSync(file, TYPO);
    onTestFinished(() => writeFileSync(file, GOOD));
    await saysSo([...args], /unknown field "wehn"/);
  });

  async function saysSo(args: string[], said: RegExp): Promise<void> {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringMatching(/^error/m) });
    const [first, ...rest] = stdout.split("\n");
    expect(first).toMatch(said);
    expect(first).toMatch(/^The routes file cannot be used: .* What follows is by the last good one, in use since \d{4}-/);
    expect(rest.join("\n")).toContain("keep");
    expect(JSON.parse((await run(...args, "--json")).stdout).routesProblem).toMatch(said);
  }

  test("`replay --yes` sends nothing by the earlier file: it shows the mistakes and ends with 2", async () => {
    writeFileSync(file, TYPO);
    onTestFinished(() => writeFileSync(file, GOOD));
    const { code, stderr } = await run("replay", "--route", "keep", "--since", "1d", "--again", "--yes");
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('unknown field "wehn"') });
    expect(JSON.parse((await run("lag", "--json")).stdout).routes[0]).toMatchObject({ waiting: 0 });
  });

  test("`retire` keeps a route that the last good file has: workers go on with it", async () => {
    writeFileSync(file, TYPO.replace(/.*other.*\n/, ""));
    onTestFinished(() => writeFileSync(file, GOOD));
    const { code, stderr } = await run("retire", "other", "--yes");
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/"other" is still in the last good routes\.yaml/) });
  });

  test("`backup` copies what the last good file names", async () => {
    writeFileSync(file, TYPO);
    onTestFinished(() => writeFileSync(file, GOOD));
    const { code, stdout, stderr } = await run("backup", "copy");
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^copy: log and ledger/),
      stderr: expect.stringContaining('unknown field "wehn"'),
    });
  });

  test("`lag --watch` goes on through bad edits, a file that is away for a moment, and shows the good file again", async () => {
    const watching = startPatchbay({ args: ["lag", "--watch", "--json"], env, cwd: folder });
    onTestFinished(() => writeFileSync(file, GOOD));
    const last = () => JSON.parse(watching.output().split("\n").at(-1) || "{}");
    await expect.poll(last).toMatchObject({ routes: [{ route: "keep" }, { route: "other" }] });
    for (const [, spoil, said] of BAD) {
      spoil();
      await expect.poll(() => last().routesProblem).toMatch(said);
      expect(last()).toMatchObject({ routes: [{ route: "keep" }, { route: "other" }] });
      writeFileSync(`${file}.new`, GOOD);
      renameSync(`${file}.new`, file);
      await expect.poll(() => last().routesProblem).toBeUndefined();
    }
    expect(await watching.end("SIGINT")).toBe(0);
  });

  test("is refused with the mistakes where the ledger keeps no good file", async () => {
    const empty = mkdtempSync(join(tmpdir(), "patchbay-bad-edit-none-"));
    onTestFinished(() => rmSync(empty, { recursive: true, force: true }));
    writeFileSync(join(empty, "routes.yaml"), TYPO);
    for (const args of [["lag"], ["audit"], ["pause", "keep"]]) {
      const { code, stdout, stderr } = await runPatchbay({ args, env, cwd: empty });
      expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: "", stderr: expect.stringContaining('unknown field "wehn"') });
    }
    expect(readdirSync(empty)).toEqual(["routes.yaml"]);
  });

  test("`lag --watch` goes on where the file holds a written-out secret", async () => {
    const own = mkdtempSync(join(tmpdir(), "patchbay-bad-edit-own-"));
    onTestFinished(() => rmSync(own, { recursive: true, force: true }));
    const text = GOOD.replace('"${SECRET}"', '"written-out-secret-of-a-test"');
    writeFileSync(join(own, "routes.yaml"), text);
    const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: own });
    await up.logged("up");
    expect(await up.end()).toBe(0);
    const watching = startPatchbay({ args: ["lag", "--watch"], env, cwd: own });
    await expect.poll(() => watching.output()).toContain("keep");
    writeFileSync(join(own, "routes.yaml"), text.replace("to: store }", "too: store }"));
    await expect.poll(() => watching.output()).toMatch(/cannot be used: routes\.yaml:5:\d+ .*last good one, in use since \S+Z\.\n\nROUTE/);
    expect(await watching.end("SIGINT")).toBe(0);
    expect(watching.output()).not.toContain("written-out-secret");
  });

  test("goes on where the last good file holds a written-out secret; the ledger has no secret, and no older file runs in its place", async () => {
    const own = mkdtempSync(join(tmpdir(), "patchbay-bad-edit-secret-"));
    onTestFinished(() => rmSync(own, { recursive: true, force: true }));
    const secret = "written-out-secret-of-a-test";
    const start = () => startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: own });
    const inOwn = (...args: string[]) => runPatchbay({ args, env, cwd: own });
    // An older file, which has no secret in it and another route.
    writeFileSync(join(own, "routes.yaml"), GOOD.replace("id: other", "id: older"));
    const first = start();
    await first.logged("up");
    const written = GOOD.replace('"${SECRET}"', `"${secret}"`);
    writeFileSync(join(own, "routes.yaml"), `${written}# secret: "${secret}-of-last-year"\n`);
    await first.logged("the routes file was edited, and is in use");
    expect(await first.end()).toBe(0);
    writeFileSync(join(own, "routes.yaml"), TYPO);

    for (const args of [["lag"], ["audit"], ["pause", "other"], ["resume", "other"]]) {
      const { code, stdout, stderr } = await inOwn(...args);
      expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
      expect(stdout).toMatch(/^The routes file cannot be used: .*unknown field "wehn"/);
      expect(stdout).toContain("other");
    }
    const refused = await inOwn("up", "--port", "0", "--ops-port", "0");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /unknown field "wehn"[\s\S]*The last good file \(version \w{12}, in use since \S+Z\) cannot run in its place: routes\.yaml:2:\d+ a secret was written out here/,
    );
    const kept = readdirSync(join(own, "data")).map((name) => readFileSync(join(own, "data", name), "latin1"));
    expect(kept.join("")).not.toContain(secret);
  });
});
