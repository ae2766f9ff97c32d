import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { post } from "../../src/commands/send.ts";
import { documentedCall } from "../support/documented-call.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const SECRET = "looks-secret-text";
const env = { SECRET };
const LOOKS = [
  ["lag"],
  ["lag", "--json"],
  ["deliveries"],
  ["audit"],
  ["dead", "list"],
  ["dead", "show", "call_01HXYZ123456"],
  ["actions"],
  ["quarantine", "list"],
  ["check"],
];
const folder = mkdtempSync(join(tmpdir(), "patchbay-looks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = () => startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: folder });
const send = (url: unknown) =>
  post({ url: `${url}/webhooks/voiceinfra`, secret: SECRET, body: Buffer.from(JSON.stringify(documentedCall())) });
const outputs = () =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.startsWith("out") && file.endsWith(".json"));
/** Every file and every byte. */
const state = () =>
  Object.fromEntries(
    readdirSync(join(folder, "data")).map((file) => [
      file,
      createHash("sha256")
        .update(readFileSync(join(folder, "data", file)))
        .digest("hex"),
    ]),
  );

beforeAll(async () => {
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { store: { connector: archive, url: "file:out" } }
routes: [{ id: keep, to: store }]
`,
  );
  const up = start();
  const { url } = await up.logged("up");
  expect((await send(url)).status).toBe(200);
  await vi.waitFor(() => expect(outputs()).toHaveLength(1), { timeout: 120_000 });
  expect(await up.end()).toBe(0);
});

describe("a command that looks", () => {
  test("leaves every file as it is, and makes none, where nobody runs", async () => {
    const before = state();
    expect(Object.keys(before).sort()).toEqual(["ledger.db", "patchbay.db"]);
    for (const args of LOOKS) {
      const { code, stderr } = await runPatchbay({ args, env, cwd: folder });
      expect({ args, code, stderr }).toEqual({
        args,
        code: args[1] === "show" ? 1 : 0,
        stderr: expect.not.stringMatching(/error|at .*\.ts/),
      });
      expect(state(), args.join(" ")).toEqual(before);
    }
    const { stdout } = await runPatchbay({ args: ["deliveries", "--json"], env, cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject([{ route: "keep", state: "delivered" }]);
  });

  test("works beside a process that writes, and sees what it has just written", async () => {
    const up = start();
    onTestFinished(async () => void (await up.end()));
    const { url } = await up.logged("up");
    await post({
      url: `${url}/webhooks/voiceinfra`,
      secret: SECRET,
      body: Buffer.from(JSON.stringify({ ...documentedCall(), call_id: "second" })),
    });
    await expect
      .poll(async () => (await runPatchbay({ args: ["deliveries", "second", "--json"], env, cwd: folder })).stdout)
      .toContain('"delivered"');
    for (const args of LOOKS.filter((one) => one[1] !== "show"))
      expect(await runPatchbay({ args, env, cwd: folder })).toMatchObject({ code: 0 });
    const { stdout } = await runPatchbay({ args: ["lag", "--json"], env, cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ routes: [{ route: "keep", replicas: 1 }] });
  });

  test("works after a crash, before anybody has cleaned up, and leaves that to who writes", async () => {
    const up = start();
    const { url } = await up.logged("up");
    await post({
      url: `${url}/webhooks/voiceinfra`,
      secret: SECRET,
      body: Buffer.from(JSON.stringify({ ...documentedCall(), call_id: "third" })),
    });
    await up.end("SIGKILL");
    const { stdout } = await runPatchbay({ args: ["lag", "--json"], env, cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ routes: [{ route: "keep" }] });
    expect(readdirSync(join(folder, "data"))).toContain("patchbay.db-wal");
    const again = start();
    await again.logged("up");
    expect(await again.end()).toBe(0);
  });

  test("`lag --watch` sees a process that starts meanwhile", async () => {
    const watching = startPatchbay({ args: ["lag", "--watch", "--json"], env, cwd: folder });
    await expect.poll(() => watching.output()).toContain("connector not running");
    const up = start();
    await up.logged("up");
    await expect.poll(() => watching.output().split("\n").at(-1)).toContain('"replicas":1');
    expect(await watching.end("SIGINT")).toBe(0);
    expect(await up.end()).toBe(0);
  });

  test.each([
    ["lag", "patchbay.db"],
    ["deliveries", "ledger.db"],
    ["pause keep", "ledger.db"],
  ])("does not bring a file of an older version up to date (%s), and says who does", async (command, name) => {
    const file = join(folder, "data", name);
    copyFileSync(file, `${file}.kept`);
    onTestFinished(() => copyFileSync(`${file}.kept`, file));
    const db = new DatabaseSync(file);
    const { user_version: version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
    db.exec(`PRAGMA user_version = ${Math.max(0, version - 1)}`);
    db.close();
    const before = state();
    const { code, stderr } = await runPatchbay({ args: command.split(" "), env, cwd: folder });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/made by an older program: its version is \d+, this program's is \d+\n.*Start `patchbay up`/),
    });
    expect(state()).toEqual(before);
  });

  test("says of a file of something else what it is", async () => {
    const { code, stderr } = await runPatchbay({ args: ["deliveries", "--ledger", "sqlite:data/patchbay.db"], env, cwd: folder });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/is a patchbay-log, but no patchbay-ledger\n.*changed about/),
    });
    writeFileSync(join(folder, "empty.db"), "");
    const empty = await runPatchbay({ args: ["deliveries", "--ledger", "sqlite:empty.db"], env, cwd: folder });
    expect(empty).toMatchObject({ code: 2, stderr: expect.stringMatching(/empty\.db is no patchbay-ledger yet: it is empty/) });
    expect(readFileSync(join(folder, "empty.db"))).toHaveLength(0);
  });
});
