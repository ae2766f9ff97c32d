import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { openLedger, openLog, startConnectors } from "../../src/app.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import type { Log, Subscription } from "../../src/log/log.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { testDestination } from "../delivery/destination.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";
import { closedPort } from "../support/ports.ts";

const folders: string[] = [];
afterAll(() => {
  for (const one of folders) rmSync(one, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-start-"));
  folders.push(folder);
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { store: { connector: archive, url: "file:out" } }
routes: [{ id: keep, to: store }]
`,
  );
  return folder;
}

const env = { SECRET: "webhook-secret-text", PATCHBAY_OPS_PORT: "0", PORT: "0" };
const ROLES = { up: ["up"], ingress: ["ingress"], connector: ["connector", "archive"] };

async function takenPort(): Promise<string> {
  const server = createServer().listen(0);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return String((server.address() as { port: number }).port);
}

/** Ends by itself, with one sentence and a step. */
async function run(folder: string, args: string[], more: Record<string, string> = {}) {
  const { code, stderr } = await runPatchbay({ args, cwd: folder, env: { ...env, ...more } });
  expect(stderr).not.toMatch(/at .*\.ts:\d+|node:internal/);
  return { code, stderr };
}

/** What a process that has not stopped in order leaves in the files. */
function leftBehind(folder: string): { owners: number; workers: number } {
  const count = (file: string, sql: string) => {
    const db = new DatabaseSync(join(folder, file), { readOnly: true });
    const n = Number(db.prepare(sql).get()?.n);
    db.close();
    return n;
  };
  return {
    owners: count("data/patchbay.db", "SELECT count(*) AS n FROM consumer_groups WHERE owner IS NOT NULL"),
    workers: count("data/ledger.db", "SELECT count(*) AS n FROM workers"),
  };
}

describe.each(Object.entries(ROLES))("%s ends when a part cannot be started", (role, command) => {
  const hasWebhooks = role !== "connector";
  const hasRoutes = role !== "ingress";

  test.runIf(hasWebhooks)("its port is taken", async () => {
    const folder = makeFolder();
    const port = await takenPort();
    const { code, stderr } = await run(folder, [...command, "--port", port]);
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(`port ${port} is taken by another program.*--port \\(PORT\\)`, "s"));
    if (hasRoutes) expect(leftBehind(folder)).toEqual({ owners: 0, workers: 0 });
  });

  test.runIf(hasRoutes)("its ops port is taken", async () => {
    const folder = makeFolder();
    const port = await takenPort();
    const { code, stderr } = await run(folder, [...command, "--ops-port", port]);
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(`port ${port} is taken.*--ops-port`, "s"));
    expect(leftBehind(folder)).toEqual({ owners: 0, workers: 0 });
  });

  test("its log is away", async () => {
    const folder = makeFolder();
    expect(await run(folder, command, { PATCHBAY_LOG: `kafka://127.0.0.1:${await closedPort()}` })).toMatchObject({ code: 3 });
  });

  test.runIf(hasRoutes)("its ledger is away, or another log's, or a log", async () => {
    const folder = makeFolder();
    const away = await run(folder, command, { PATCHBAY_LEDGER: `postgres://u:hunter2@127.0.0.1:${await closedPort()}/x` });
    expect(away).toEqual({ code: 3, stderr: expect.stringMatching(/the ledger postgres:\/\/127\.0\.0\.1:\d+\/x does not answer/) });
    const up = startPatchbay({ args: command, cwd: folder, env });
    await up.logged(role === "up" ? "up" : "connector runs");
    expect(await up.end()).toBe(0);
    const swapped = await run(folder, command, { PATCHBAY_LOG: "sqlite:data/ledger.db", PATCHBAY_LEDGER: "sqlite:data/patchbay.db" });
    expect(swapped).toEqual({
      code: 2,
      stderr: expect.stringMatching(/is a patchbay-(log|ledger), but no patchbay-(log|ledger).*changed about/s),
    });
    const foreign = await run(folder, command, { PATCHBAY_LOG: "sqlite:other.db" });
    expect(foreign).toMatchObject({ code: 2, stderr: expect.stringContaining("belongs to another log") });
  });

  test("its routes file is away, or wrong", async () => {
    const folder = makeFolder();
    expect(await run(folder, [...command, "--routes", "nowhere.yaml"])).toMatchObject({ code: 2 });
    writeFileSync(join(folder, "routes.yaml"), "version: 1\nsources: {}\n");
    expect(await run(folder, command)).toMatchObject({ code: 2 });
  });
});

test.each([
  ["below a file", "sqlite:a-file/log.db", /log: a-file\/log\.db cannot be opened: what should be its folder is a file/],
  ["a folder", "sqlite:a-folder", /log: a-folder cannot be opened: it is a folder, not a file/],
  ["something else", "sqlite:routes.yaml", /log: routes\.yaml cannot be opened: it is damaged, or no SQLite database/],
])("a log that cannot be one is refused: %s", async (_, log, says) => {
  const folder = makeFolder();
  writeFileSync(join(folder, "a-file"), "");
  mkdirSync(join(folder, "a-folder"));
  expect(await run(folder, ["ingress"], { PATCHBAY_LOG: log })).toEqual({ code: 2, stderr: expect.stringMatching(says) });
});

test("where one route cannot be started, those that have started are stopped", async () => {
  const folder = makeFolder();
  const connectors = { test: testDestination().connector };
  const text = `version: 1
sources: { voiceinfra: { allow_unsigned: true } }
destinations: { there: { connector: test } }
routes: [{ id: one, to: there }, { id: two, to: there }]`;
  const routes = loadRoutes({ path: "routes.yaml", text, env: {}, connectors, role: { kind: "all" } });
  const logger = createLogger({ level: "silent" });
  const log = await openLog({ url: `sqlite:${folder}/log.db`, logger });
  const ledger = await openLedger({ url: `sqlite:${folder}/ledger.db` });
  const held: Subscription[] = [];
  const half: Log = {
    ...log,
    async subscribe(options) {
      if (options.group.endsWith(".two")) throw new Error("the second one is refused");
      const subscription = await log.subscribe(options);
      held.push(subscription);
      return subscription;
    },
  };
  await expect(startConnectors({ routes, selected: routes.routes, log: half, ledger, logger })).rejects.toThrow(
    "the second one is refused",
  );
  expect(held.map((one) => one.status().partitions)).toEqual([[]]);
  await Promise.all([log.close(), ledger.close()]);
});

test("a signal that comes while it starts ends it, in a container too (Node as PID 1 obeys none that it does not listen for)", async () => {
  const folder = makeFolder();
  // Accepts and never answers, so that the start does not end.
  const silent = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(silent, "listening");
  onTestFinished(() => void silent.close());
  const { port } = silent.address() as { port: number };
  const up = startPatchbay({ args: ["up"], cwd: folder, env: { ...env, PATCHBAY_LEDGER: `postgres://u@127.0.0.1:${port}/x` } });
  await once(silent, "connection");
  up.child.kill("SIGTERM");
  await up.logged("stopping before everything has started");
  if (up.child.exitCode === null) await once(up.child, "close");
  expect(up.child.exitCode).toBe(0);
});

test("demo ends too when its port is taken", async () => {
  const port = await takenPort();
  expect(await run(makeFolder(), ["demo", "--once", "--port", port])).toMatchObject({ code: 2 });
});
