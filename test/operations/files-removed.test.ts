import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { post } from "../../src/commands/send.ts";
import { documentedCall } from "../support/documented-call.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const SECRET = "files-removed-secret";

async function setUp() {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-removed-"));
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { store: { connector: archive, url: "file:out" } }
routes: [{ id: keep, to: store }]
`,
  );
  const env = { SECRET, PATCHBAY_LOG: "sqlite:data/log/patchbay.db", PATCHBAY_LEDGER: "sqlite:data/ledger/ledger.db" };
  const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: folder });
  onTestFinished(async () => {
    await up.end("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const { url, ops } = (await up.logged("up")) as { url: string; ops: string };
  const send = async (callId: string) =>
    (
      await post({
        url: `${url}/webhooks/voiceinfra`,
        secret: SECRET,
        body: Buffer.from(JSON.stringify({ ...documentedCall(), call_id: callId })),
      })
    ).status;
  const delivered = () =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.startsWith("out") && file.endsWith(".json")).length;
  const ready = async () => (await fetch(`${ops}/readyz`)).text();
  const health = async () => (await fetch(`${ops}/healthz`)).status;
  const lag = () => runPatchbay({ args: ["lag"], env, cwd: folder });
  return { folder, up, send, delivered, ready, health, lag, path: (name: string) => join(folder, "data", name) };
}

const BENEATH = {
  "removed (rm data/*)": (path: (name: string) => string) => {
    for (const file of readdirSync(path("log"))) rmSync(path(`log/${file}`));
  },
  "removed with their folder": (path: (name: string) => string) => rmSync(path("log"), { recursive: true }),
  "replaced by another file": (path: (name: string) => string) => {
    copyFileSync(path("log/patchbay.db"), path("log/copy.db"));
    renameSync(path("log/copy.db"), path("log/patchbay.db"));
  },
  "without their write-ahead log": (path: (name: string) => string) => rmSync(path("log/patchbay.db-wal")),
  "without the write-ahead log's index": (path: (name: string) => string) => rmSync(path("log/patchbay.db-shm")),
};

describe("the log's files beneath a process that runs", () => {
  test.each(Object.entries(BENEATH))("%s: no call is answered 200 that would not be kept, and it says why", async (_, change) => {
    const { up, send, delivered, ready, health, path } = await setUp();
    expect(await send("before")).toBe(200);
    await expect.poll(delivered, { timeout: 40_000 }).toBe(1);
    change(path);
    expect([await send("after-1"), await send("after-2"), await send("after-3")]).toEqual([503, 503, 503]);
    expect(await ready()).toMatch(/"not ready".*log: .*its file .*patchbay\.db.* was (removed|replaced by another) while it was in use/);
    // A restart would begin with an empty log: nobody else is to decide that.
    expect(await health()).toBe(200);
    expect(await up.end()).toBe(0);
  });

  test("put back as they were, all goes on", async () => {
    const { send, delivered, ready, path } = await setUp();
    expect(await send("before")).toBe(200);
    mkdirSync(path("aside"));
    for (const file of readdirSync(path("log"))) renameSync(path(`log/${file}`), path(`aside/${file}`));
    expect(await send("meanwhile")).toBe(503);
    for (const file of readdirSync(path("aside"))) renameSync(path(`aside/${file}`), path(`log/${file}`));
    expect(await send("meanwhile")).toBe(200);
    expect(await ready()).toContain('"ready"');
    await expect.poll(delivered, { timeout: 40_000 }).toBe(2);
  });

  test("another process that looks says what it sees, and makes nothing", async () => {
    const { lag, path } = await setUp();
    rmSync(path("log"), { recursive: true });
    const { code, stderr } = await lag();
    expect(code).toBe(2);
    expect(stderr).toMatch(/there is no log data\/log\/patchbay\.db\n.*where it runs already, the file was removed beneath it/);
    expect(readdirSync(path("")).sort()).toEqual(["ledger"]);
  });
});

describe("the ledger's files beneath a process that runs", () => {
  test("removed: calls are accepted, routes stand and say why, and go on once they are back", async () => {
    const { up, send, delivered, ready, health, path } = await setUp();
    expect(await send("before")).toBe(200);
    await expect.poll(delivered, { timeout: 40_000 }).toBe(1);
    mkdirSync(path("aside"));
    for (const file of readdirSync(path("ledger"))) renameSync(path(`ledger/${file}`), path(`aside/${file}`));
    expect(await send("meanwhile")).toBe(200);
    expect(await up.logged("route paused")).toMatchObject({
      cause: expect.stringMatching(/^ledger away: its file .*ledger\.db was removed while it was in use$/),
    });
    expect(await ready()).toMatch(/ledger: the ledger data\/ledger\/ledger\.db cannot be kept: its file .* was removed/);
    expect(await health()).toBe(200);
    expect(delivered()).toBe(1);
    for (const file of readdirSync(path("aside"))) renameSync(path(`aside/${file}`), path(`ledger/${file}`));
    await expect.poll(delivered).toBe(2);
    await up.logged("route resumed");
    expect(await ready()).toContain('"ready"');
  });
});
