import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { createSandbox } from "../../connectors/slack/sandbox/index.ts";
import { post } from "../../src/commands/send.ts";
import { sampleCall } from "../../src/sandbox/calls.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const SECRET = "disk-secret";

/** A small file system of its own, or why there is none. */
function mountSmall(): { folder: string; unmount(): void } | { missing: string } {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], { stdio: "pipe" });
  } catch {
    return { missing: "this user may not mount a tmpfs" };
  }
  return {
    folder,
    unmount() {
      execFileSync("umount", ["-l", folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function setUp(options: { log: string; ledger: string }) {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-disk-"));
  const sandbox = createSandbox({ limits: false });
  const slack = await serveSandbox({ sandbox });
  const { base_url: baseUrl, token } = sandbox.settings({ url: slack.url, folder });
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { slack: { connector: slack, base_url: "${baseUrl}", token: "\${TOKEN:-${token}}", rate: none } }
routes: [{ id: to-slack, to: slack, with: { channel: C0123456789 } }]
`,
  );
  const env = { SECRET, PATCHBAY_LOG: `sqlite:${options.log}`, PATCHBAY_LEDGER: `sqlite:${options.ledger}` };
  const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: folder });
  onTestFinished(async () => {
    await up.end("SIGKILL");
    await slack.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const url = `${(await up.logged("up")).url}/webhooks/voiceinfra`;
  const accepted = new Set<string>();
  let sent = 0;
  /** With a body of some size, so that a disk is full soon. */
  async function send(): Promise<number> {
    const callId = `disk-${sent}`;
    sent += 1;
    const body = Buffer.from(JSON.stringify({ ...sampleCall(sent), call_id: callId, transcript: "x".repeat(20_000) }));
    const { status } = await post({ url, secret: SECRET, body });
    if (status === 200) accepted.add(callId);
    return status;
  }
  async function sendUntil(wanted: number): Promise<void> {
    const untilMs = performance.now() + 180_000;
    while ((await send()) !== wanted) {
      if (performance.now() > untilMs) throw new Error(`no ${wanted} within 180 s:\n${up.output().slice(-2_000)}`);
      await delay(10);
    }
  }
  const missing = async () => {
    const there = new Set((await sandbox.records()).map(({ key }) => key));
    return [...accepted].filter((callId) => !there.has(`voiceinfra/${callId}/to-slack`));
  };
  const doubled = async () => {
    const keys = (await sandbox.records()).map(({ key }) => key);
    return keys.length - new Set(keys).size;
  };
  return { folder, env, up, send, sendUntil, accepted, missing, doubled };
}

/** Takes all the room there is. */
function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, Buffer.alloc(4_096));
  } catch {
    // Full.
  } finally {
    closeSync(file);
  }
}

const probe = mountSmall();
const reason = "missing" in probe ? ` (SKIPPED: ${probe.missing})` : "";
if (!("missing" in probe)) probe.unmount();

describe("a full disk", () => {
  test.skipIf("missing" in probe).each([
    ["under log and ledger: 503, then accepted again by itself, and nothing is lost, doubled or damaged", true, true],
    ["under the log alone", true, false],
    ["under the ledger alone: calls are accepted, the route stands, and goes on when there is room", false, true],
  ])(`%s${reason}`, async (_, logThere, ledgerThere) => {
    const small = mountSmall();
    if ("missing" in small) return;
    onTestFinished(small.unmount);
    const roomy = mkdtempSync(join(tmpdir(), "patchbay-room-"));
    onTestFinished(() => rmSync(roomy, { recursive: true, force: true }));
    const log = join(logThere ? small.folder : roomy, "log.db");
    const ledger = join(ledgerThere ? small.folder : roomy, "ledger.db");
    const { up, send, sendUntil, accepted, missing, doubled } = await setUp({ log, ledger });

    for (let n = 0; n < 20; n += 1) expect(await send()).toBe(200);
    await expect.poll(missing).toEqual([]);
    fill(join(small.folder, "filler"));
    if (logThere) await sendUntil(503);
    else for (let n = 0; n < 30; n += 1) expect(await send()).toBe(200);
    if (!logThere) await expect.poll(async () => (await missing()).length).toBeGreaterThan(0);
    rmSync(join(small.folder, "filler"));
    await sendUntil(200);
    for (let n = 0; n < 20; n += 1) expect(await send()).toBe(200);
    await expect.poll(missing).toEqual([]);
    expect(await doubled()).toBe(0);
    expect(accepted.size).toBeGreaterThan(40);
    expect(await up.end()).toBe(0);
    for (const path of [log, ledger]) {
      const db = new DatabaseSync(path);
      expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
      db.close();
    }
  });
});

describe("a file that cannot be used says so and what to do, and nothing is lost", () => {
  test("a damaged log or ledger is refused with its name", async () => {
    const folder = mkdtempSync(join(tmpdir(), "patchbay-damaged-"));
    const { env, up, send, folder: cwd } = await setUp({ log: join(folder, "log.db"), ledger: join(folder, "ledger.db") });
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    for (let n = 0; n < 20; n += 1) await send();
    await up.end();
    for (const name of ["log.db", "ledger.db"]) {
      const path = join(folder, name);
      const copy = join(folder, `copy-${name}`);
      execFileSync("cp", [path, copy]);
      const file = openSync(path, "r+");
      writeSync(file, Buffer.alloc(4_096, 0x5a), 0, 4_096, 0);
      closeSync(file);
      const { code, stderr } = await runPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd });
      expect({ code, stderr }).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(new RegExp(`${name} cannot be opened: it is damaged.*Restore it`, "s")),
      });
      expect(stderr).not.toMatch(/at .*\.ts:\d+/);
      expect(statSync(path).size).toBeGreaterThan(0);
      execFileSync("cp", [copy, path]);
    }
  });

  test("a locked one is waited for while running: 503 until it is free, then all goes on", async () => {
    const folder = mkdtempSync(join(tmpdir(), "patchbay-locked-"));
    mkdirSync(folder, { recursive: true });
    const log = join(folder, "log.db");
    const { send, sendUntil, missing } = await setUp({ log, ledger: join(folder, "ledger.db") });
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    expect(await send()).toBe(200);
    const other = new DatabaseSync(log);
    other.exec("BEGIN EXCLUSIVE");
    await sendUntil(503);
    other.exec("ROLLBACK");
    other.close();
    await sendUntil(200);
    await expect.poll(missing).toEqual([]);
  });
});
