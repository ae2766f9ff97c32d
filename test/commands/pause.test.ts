import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { post } from "../../src/commands/send.ts";
import { documentedCall } from "../support/documented-call.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

// Each test starts processes, and a machine may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const env = { SECRET: "pause-secret-text-1", PATCHBAY_USER: "ann" };
const folder = mkdtempSync(join(tmpdir(), "patchbay-pause-"));
const run = (...args: string[]) => runPatchbay({ args, env, cwd: folder });
const nextCall = (id: string) => Buffer.from(JSON.stringify({ ...documentedCall(), call_id: id }));

/** One call is delivered by `keep`; two more wait in the log, as `keep` is paused. */
beforeAll(async () => {
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { store: { connector: archive, url: "file:out" } }
routes: [{ id: keep, to: store }]
`,
  );
  const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: folder });
  const { url } = await up.logged("up");
  const send = async (id: string) =>
    expect((await post({ url: `${url}/webhooks/voiceinfra`, secret: env.SECRET, body: nextCall(id) })).status).toBe(200);
  await send("first");
  await vi.waitFor(async () => expect((await run("deliveries")).stdout).toContain("delivered"), { timeout: 60_000 });
  expect((await run("pause", "keep", "--reason", "holiday", "--yes")).code).toBe(0);
  expect(await up.end()).toBe(0);
  const ingress = startPatchbay({ args: ["ingress", "--port", "0", "--ops-port", "0"], env, cwd: folder });
  const { url: webhooks } = await ingress.logged("ingress listens");
  for (const id of ["second", "third"])
    expect((await post({ url: `${webhooks}/webhooks/voiceinfra`, secret: env.SECRET, body: nextCall(id) })).status).toBe(200);
  expect(await ingress.end()).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a mistyped --route is named, with the one that was probably meant", () => {
  test.each([
    ["deliveries", ["deliveries"]],
    ["deliveries of one call", ["deliveries", "first"]],
    ["dead list", ["dead", "list"]],
    ["dead replay", ["dead", "replay", "--yes"]],
    ["actions", ["actions"]],
    ["audit", ["audit"]],
  ])("%s", async (_, args) => {
    const { code, stderr } = await run(...args, "--route", "kepe");
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/there is no route "kepe"\s+Did you mean "keep"\?/) });
  });

  test("a route that is right and has nothing to show is no mistake", async () => {
    expect(await run("dead", "list", "--route", "keep")).toMatchObject({ code: 0, stderr: "No dead letters.\n" });
  });
});

test("what is missing is asked for at once", async () => {
  const { code, stderr } = await run("dead", "discard");
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/--reason.*And name a call_id, choose with --route/s) });
  expect((await run("replay")).stderr).toMatch(/which route, and since when\?\s+Give --route <id> and --since/);
});

test("the preview of a replay to a connector without a mapping says what is sent", async () => {
  const { stdout } = await run("replay", "--route", "keep", "--since", "1d", "--again");
  expect(stdout).toMatch(/now {5}the call itself: call_id, from_number, to_number/);
  expect(stdout).not.toContain("{}");
});

test("a second reason for a pause is kept with the actions", async () => {
  const { stdout } = await run("pause", "keep", "--reason", "audit of the CRM");
  expect(stdout).toMatch(/keep is paused already: .*holiday[\s\S]*Your reason is kept with the actions \(patchbay actions --route keep\)/);
  expect((await run("actions", "--route", "keep")).stdout).toContain("paused already; audit of the CRM");
});

test("resume --skip counts what it leaves out, and without --yes leaves out nothing", async () => {
  const asked = await run("resume", "keep", "--skip", "--reason", "old news");
  expect(asked).toMatchObject({ code: 2, stdout: "keep has not read 2 records of the log.\n" });
  expect(asked.stderr).toBe("Nothing was changed. Add --yes to do it.\n");
  expect((await run("lag")).stdout).toMatch(/keep .*paused/);
  expect((await run("resume", "keep", "--from", "2026-01-31", "--reason", "old news")).stdout).toContain(
    "keep has not read 0 records of the log accepted before 2026-01-31.",
  );
  const done = await run("resume", "keep", "--skip", "--reason", "old news", "--yes");
  expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/has not read 2 records[\s\S]*before now are skipped/) });
});
