import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { adoptLogCommand } from "../../src/commands/adopt-log.ts";
import { backupCommand } from "../../src/commands/backup.ts";
import { deadDiscardCommand, deadReplayCommand } from "../../src/commands/dead.ts";
import { forgetCommand } from "../../src/commands/forget.ts";
import { retireCommand } from "../../src/commands/pause.ts";
import { declined } from "../../src/commands/prompt.ts";
import { quarantineReplayCommand } from "../../src/commands/quarantine.ts";
import { rematchCommand } from "../../src/commands/rematch.ts";
import { restoreCommand } from "../../src/commands/restore.ts";
import type { Settlement } from "../../src/ledger/ledger.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/index.ts";
import { CALLS_TOPIC, QUARANTINE_TOPIC } from "../../src/log/log.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { recordKey, toHeaders } from "../../src/model/envelope.ts";
import { documentedCall } from "../support/documented-call.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-declined-"));
const at = (name: string) => join(folder, name);
const options = { routes: at("routes.yaml"), log: `sqlite:${at("log.db")}`, ledger: `sqlite:${at("ledger.db")}` };

beforeAll(async () => {
  writeFileSync(
    at("routes.yaml"),
    `version: 1
sources: { main: { allow_unsigned: true } }
own_numbers: ["+18005551234"]
destinations: { crm: { connector: hubspot, access_token: a-token } }
routes: [{ id: log, to: crm }]
`,
  );
  const [log, ledger] = [await openSqliteLog({ path: at("log.db") }), await openSqliteLedger({ path: at("ledger.db") })];
  const headers = toHeaders({ source: "main", acceptedAt: Date.now(), requestId: "r" });
  const value = Buffer.from(JSON.stringify({ ...documentedCall(), call_id: "posted" }));
  await log.append({ topic: CALLS_TOPIC, key: recordKey("main", "posted"), value, headers });
  await log.append({ topic: QUARANTINE_TOPIC, key: "q1", value, headers });
  const settle = async (route: string, callId: string, settlement: Settlement) => {
    const item = { route, source: "main", callId, partition: 0, offset: 0, hash: "h", acceptedAt: Date.now() };
    const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [item] });
    const claimId = answer?.kind === "claimed" ? answer.claim.claimId : "";
    await ledger.settle([{ ...item, claimId, routesVersion: "v", settlement }]);
  };
  const receipt = { id: "7", person: { id: "101", kind: "contact" } };
  await settle("log", "posted", { kind: "delivered", receipt, sentFields: [] });
  await settle("log", "given-up", { kind: "dead", errorCode: "400", reason: "refused", body: value });
  for (const route of ["log", "gone"]) await ledger.routeStart({ route, resolve: async () => [{ partition: 0, offset: 0 }] });
  await Promise.all([log.close(), ledger.close()]);
  // Of a log that was lost.
  const other = await openSqliteLedger({ path: at("other.db") });
  await other.bindLog({ identity: "another log" });
  await other.close();
  await run((more) => backupCommand(at("backup"), { ...options, ...more, destinations: false }), {});
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type More = { json?: boolean };

/** Runs a command here, where nobody can be asked. */
async function run(command: (more: More) => Promise<number>, more: More) {
  const printed: { stdout: string[]; stderr: string[] } = { stdout: [], stderr: [] };
  vi.spyOn(console, "log").mockImplementation((line) => void printed.stdout.push(line));
  vi.spyOn(console, "error").mockImplementation((line) => void printed.stderr.push(line));
  try {
    const code = await command(more);
    return { code, stdout: printed.stdout.join("\n"), stderr: printed.stderr.join("\n") };
  } finally {
    vi.restoreAllMocks();
  }
}

const COMMANDS: [string, (more: More) => Promise<number>][] = [
  ["forget", (more) => forgetCommand("posted", { ...options, ...more })],
  ["restore", (more) => restoreCommand(at("backup"), { ...options, ...more, force: true, destinations: false })],
  ["adopt-log", (more) => adoptLogCommand({ ...options, ...more, ledger: `sqlite:${at("other.db")}` })],
  ["rematch", (more) => rematchCommand("posted", { ...options, ...more, to: "202" })],
  ["quarantine replay", (more) => quarantineReplayCommand(undefined, { ...options, ...more, all: true })],
  ["dead replay", (more) => deadReplayCommand(undefined, { ...options, ...more, all: true })],
  ["dead discard", (more) => deadDiscardCommand(undefined, { ...options, ...more, all: true, reason: "a test" })],
  ["retire", (more) => retireCommand("gone", { ...options, ...more })],
];

describe("a command that wants --yes and does not get it", () => {
  test.each(COMMANDS)("%s ends with 2, and says on stderr that nothing was changed", async (_name, command) => {
    expect(await run(command, {})).toMatchObject({ code: 2, stderr: expect.stringContaining("Nothing was changed. Add --yes to do it.") });
  });

  test.each(COMMANDS)("%s --json ends with 2, and prints one object that says so", async (_name, command) => {
    const { code, stdout } = await run(command, { json: true });
    expect({ code, ...JSON.parse(stdout) }).toEqual({ code: 2, done: false, reason: expect.stringContaining("--yes") });
  });

  test("has changed nothing", async () => {
    const ledger = await openSqliteLedger({ path: at("ledger.db") });
    const actions = await ledger.actions({ limit: 10 });
    await ledger.close();
    expect(actions.map(({ action }) => action)).toEqual(["backup"]);
  });

  test("a command that shows a preview without it ends with 0, and its preview is the only object", async () => {
    expect(await run(async (more) => (await declined("Replay?", { ...more, preview: true })) ?? -1, { json: true })).toMatchObject({
      code: 0,
      stdout: "",
    });
  });
});
