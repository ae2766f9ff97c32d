import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { createSandbox as createHubSpot } from "../../connectors/hubspot/sandbox/index.ts";
import { createSandbox as createSlack } from "../../connectors/slack/sandbox/index.ts";
import { readDuckDbRows } from "../../connectors/warehouse/engines/duckdb/store.ts";
import { post } from "../../src/commands/send.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { type PatchbayProcess, runPatchbay, startPatchbay } from "../support/patchbay-process.ts";
import { settingsText } from "../support/settings-text.ts";

const SECRET = "backup-secret-of-the-test";
const EXAMPLE = JSON.parse(documentedExample().toString());

/** `up` with a CRM (a native key), a chat (a look-up), and a table in a file of its own. */
async function scene() {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-backup-"));
  const sandboxes = { hubspot: createHubSpot({ limits: false }), slack: createSlack({ limits: false }) };
  const [hubspot, slack] = [await serveSandbox({ sandbox: sandboxes.hubspot }), await serveSandbox({ sandbox: sandboxes.slack })];
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
own_numbers: ["+18005551234"]
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations:
  hubspot: { connector: hubspot, ${settingsText(sandboxes.hubspot.settings({ url: hubspot.url, folder }))} }
  slack: { connector: slack, ${settingsText(sandboxes.slack.settings({ url: slack.url, folder }))} }
  table: { connector: warehouse, url: "duckdb:data/wh.duckdb" }
  lake: { connector: warehouse, url: "parquet:lake" }
routes:
  - { id: crm, to: hubspot }
  - { id: chat, to: slack, with: { channel: C0123456789 } }
  - { id: table, to: table }
  - { id: lake, to: lake, when: 'call_outcome == "failed"' }
`,
  );
  const env = { SECRET, PATCHBAY_USER: "ann", PATCHBAY_LOG: "sqlite:data/patchbay.db", PATCHBAY_LEDGER: "sqlite:data/ledger.db" };
  let up: PatchbayProcess | undefined;
  let webhook = "";
  const start = async () => {
    up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: folder });
    webhook = `${(await up.logged("up")).url}/webhooks/voiceinfra`;
    return up;
  };
  onTestFinished(async () => {
    await up?.end("SIGKILL");
    await Promise.all([hubspot.close(), slack.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  const run = (...args: string[]) => runPatchbay({ args, env, cwd: folder });
  const json = async (...args: string[]) => JSON.parse((await run(...args, "--json")).stdout || "null");
  const accepted: string[] = [];
  const send = async (callId: string, more: Record<string, unknown> = {}) => {
    const body = Buffer.from(JSON.stringify({ ...EXAMPLE, call_id: callId, ...more }));
    const answer = await post({ url: webhook, secret: SECRET, body }).catch(() => undefined);
    if (answer?.status === 200) accepted.push(callId);
  };
  /** A call each few milliseconds until it is ended. */
  function load(): { end(): Promise<void> } {
    let ended = false;
    const done = (async () => {
      for (let n = 0; !ended; n += 1) {
        await send(`load_${n}`);
        if (n % 5 === 4) await send(`load_${n - 2}`, { summary: `corrected ${n}` });
        await pause(5);
      }
    })();
    return {
      async end() {
        ended = true;
        await done;
      },
    };
  }
  const settled = async () => {
    const { routes } = await json("lag");
    return (routes as { lag: number; waiting: number; inFlight: number }[]).every(
      ({ lag, waiting, inFlight }) => lag + waiting + inFlight === 0,
    );
  };
  return { folder, start, run, json, send, accepted, load, settled, sandboxes };
}

test("a backup taken under load, kill -9, everything lost, restored: nothing that was accepted before is lost, nothing is doubled, the audit is whole", async () => {
  const { folder, start, run, json, accepted, load, settled, sandboxes } = await scene();
  const up = await start();
  const loading = load();
  await expect.poll(() => accepted.length).toBeGreaterThan(60);
  const before = [...new Set(accepted)];
  const made = await run("backup", "backups/one");
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/as of 2\S+Z, \d+ calls.*without lake: the folder lake/s) });
  // Work goes on, and more is delivered that the backup does not know of.
  const then = accepted.length;
  await expect.poll(() => accepted.length).toBeGreaterThan(then + 40);
  await up.end("SIGKILL");
  await loading.end();
  rmSync(join(folder, "data"), { recursive: true });

  const restored = await json("restore", "backups/one", "--yes");
  expect(restored).toMatchObject({ moved: [], forgottenAgain: { calls: [], stays: [] } });
  const again = await start();
  await expect.poll(settled, { interval: 500 }).toBe(true);
  const audit = await run("audit");
  expect({ code: audit.code, stdout: audit.stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("Whole") });
  const { routes } = await json("audit");
  expect(routes.map(({ gaps }: { gaps: number }) => gaps)).toEqual([0, 0, 0, 0]);

  for (const [name, sandbox] of Object.entries(sandboxes)) {
    const keys = (await sandbox.records()).map(({ key }) => key);
    expect({ name, doubled: keys.filter((key, index) => keys.indexOf(key) !== index) }).toEqual({ name, doubled: [] });
    const missing = before.filter(
      (callId) => !keys.some((key) => key.startsWith(`voiceinfra/${callId}/`) || key === `voiceinfra/${callId}`),
    );
    expect({ name, missing }).toEqual({ name, missing: [] });
  }
  expect(await again.end()).toBe(0);
  const rows = (await readDuckDbRows({ path: join(folder, "data/wh.duckdb"), table: "calls" })).map(({ call_id }) => call_id);
  expect(before.filter((callId) => !rows.includes(callId))).toEqual([]);
  expect(new Set(rows).size).toBe(rows.length);
  expect((await json("actions")).map(({ action }: { action: string }) => action)).toContain("restore");
});

test("a backup is private, whole in itself, and says what is in it; nothing is ever taken for one that is not", async () => {
  const { folder, start, run, json, send, settled } = await scene();
  const up = await start();
  for (const callId of ["a", "b", "c"]) await send(callId);
  await expect.poll(settled, { interval: 500 }).toBe(true);
  const manifest = await json("backup", "one");
  expect(manifest).toMatchObject({
    format: "patchbay-backup-1",
    log: { version: 1, calls: { low: 0, high: 3 }, identity: expect.stringMatching(/^sqlite-/) },
    ledger: { deliveries: { delivered: 9, skipped: 3, dead: 0 } },
    positions: expect.arrayContaining([{ route: "crm", offset: 3 }]),
    destinations: [{ name: "table", was: join(folder, "data/wh.duckdb") }],
  });
  expect((statSync(join(folder, "one")).mode & 0o777).toString(8)).toBe("700");
  const files = readdirSync(join(folder, "one")).sort();
  expect(files).toEqual(["destination-table.copy", "ledger.db", "log.db", "manifest.json"]);
  for (const file of files) expect(`${file} ${(statSync(join(folder, "one", file)).mode & 0o777).toString(8)}`).toBe(`${file} 600`);
  expect((await json("actions"))[0]).toMatchObject({ by: "ann", action: "backup", detail: "one" });

  // What is there stays as it is.
  expect(await run("backup", "one")).toMatchObject({ code: 2, stderr: expect.stringMatching(/one is there, and not empty/) });
  mkdirSync(join(folder, "two.partial"));
  expect(await run("backup", "two")).toMatchObject({ code: 2, stderr: expect.stringMatching(/under way, or was broken off/) });
  expect(await run("restore", "two.partial")).toMatchObject({ code: 2, stderr: expect.stringMatching(/is no backup: it has no manifest/) });
  expect(await run("restore", "one")).toMatchObject({ code: 2, stderr: expect.stringMatching(/a process works with data\/\w+\.db/) });
  expect(await up.end()).toBe(0);

  expect(await run("restore", "one")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/is there, and \d+ other files?: a restore puts nothing over data/),
  });
  for (const [file, change, says] of [
    ["log.db", (bytes: Buffer) => bytes.subarray(0, -1), /log\.db has \d+ bytes, and had \d+/],
    [
      "ledger.db",
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 5_000), Buffer.from([bytes.readUInt8(5_000) ^ 1]), bytes.subarray(5_001)]),
      /its SHA-256 is another/,
    ],
    ["destination-table.copy", () => undefined, /destination-table\.copy is missing/],
    ["manifest.json", (bytes: Buffer) => bytes.subarray(0, 40), /manifest\.json cannot be read/],
    ["manifest.json", (bytes: Buffer) => Buffer.from(bytes.toString().replace("backup-1", "backup-2")), /was made by a newer Patchbay/],
  ] as const) {
    const path = join(folder, "one", file);
    const good = readFileSync(path);
    const bad = change(good);
    if (bad === undefined) rmSync(path);
    else writeFileSync(path, bad);
    expect(await run("restore", "one", "--force", "--yes")).toMatchObject({ code: 2, stderr: expect.stringMatching(says) });
    writeFileSync(path, good);
  }
  // Nothing was touched by any of them.
  expect(readdirSync(join(folder, "data")).filter((name) => /restor/.test(name))).toEqual([]);
  const restored = await json("restore", "one", "--force", "--yes");
  expect(restored.moved.map(({ from }: { from: string }) => from).sort()).toEqual(
    ["ledger.db", "patchbay.db", "wh.duckdb"].map((name) => join(folder, "data", name)),
  );
  for (const { to } of restored.moved) expect(existsSync(to)).toBe(true);
  expect(await run("audit")).toMatchObject({ code: 0 });
  expect((await json("actions", "--verify")).faults).toEqual([]);
});

test("what was forgotten after a backup is forgotten again when it is put back, in the table that came back too", async () => {
  const { folder, start, run, json, send, settled, sandboxes } = await scene();
  const up = await start();
  for (const [callId, number] of [
    ["of-dana", "+14155550100"],
    ["of-robin", "+14155550101"],
  ])
    await send(callId as string, { from_number: number });
  await expect.poll(settled, { interval: 500 }).toBe(true);
  expect((await run("backup", "one")).code).toBe(0);
  const forgotten = await run("forget", "(415) 555-0100", "--yes");
  expect(forgotten).toMatchObject({ code: 0, stdout: expect.stringMatching(/1 backup may hold it, and stays as it is: one/) });
  expect(await up.end()).toBe(0);

  const restored = await json("restore", "one", "--force", "--yes");
  expect(restored.forgottenAgain.calls).toEqual([{ source: "voiceinfra", callId: "of-dana" }]);
  await start();
  await expect.poll(settled, { interval: 500 }).toBe(true);
  expect((await json("deliveries", "of-dana")).map(({ state, receipt }: { state: string; receipt?: unknown }) => [state, receipt])).toEqual(
    Array.from({ length: 4 }, () => ["skipped", undefined]),
  );
  expect((await readDuckDbRows({ path: join(folder, "data/wh.duckdb"), table: "calls" })).map(({ call_id }) => call_id)).toEqual([
    "of-robin",
  ]);
  expect((await sandboxes.hubspot.records()).map(({ key }) => key).filter((key) => key.includes("dana"))).toEqual([]);
  expect(await run("audit")).toMatchObject({ code: 0 });

  // The list alone is enough where the disk is gone: it was kept elsewhere.
  renameSync(join(folder, "data/ledger.db.forgotten"), join(folder, "kept-elsewhere"));
  expect(
    await run(
      "restore",
      "one",
      "--log",
      "sqlite:other/log.db",
      "--ledger",
      "sqlite:other/ledger.db",
      "--no-destinations",
      "--yes",
      "--json",
      "--forgotten",
      "kept-elsewhere",
    ),
  ).toMatchObject({
    stdout: expect.stringContaining('"callId":"of-dana"'),
  });
});
