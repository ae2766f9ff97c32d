import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/index.ts";
import { MIGRATIONS } from "../../src/ledger/sqlite/schema.ts";
import { systemUser } from "../../src/lib/process/system-user.ts";
import { openSqlite } from "../../src/lib/sqlite/open.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { verifyActions } from "../../src/operations/verify-actions.ts";
import { runPatchbay } from "../support/patchbay-process.ts";

async function ledgerWith(actions: number) {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-actions-"));
  const path = join(folder, "ledger.db");
  const ledger = await openSqliteLedger({ path });
  onTestFinished(async () => {
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  });
  for (let n = 1; n <= actions; n += 1) await ledger.note({ by: "ann", route: "crm", action: "read", detail: `dead letter of call_${n}` });
  const sql = (text: string) => {
    const db = new DatabaseSync(path);
    db.exec(text);
    db.close();
  };
  const faults = async (against?: string) => (await verifyActions({ ledger, against })).faults;
  return { folder, path, ledger, sql, faults };
}

test.each([
  ["a row in the middle is deleted", "DELETE FROM actions WHERE seq = 3", [/^action 3 is missing$/]],
  ["two rows are deleted", "DELETE FROM actions WHERE seq IN (2, 3)", [/^actions 2 to 3 are missing$/]],
  ["the newest is deleted", "DELETE FROM actions WHERE seq = 5", [/^action 5 is missing$/]],
  ["all are deleted", "DELETE FROM actions", [/^actions 1 to 5 are missing$/]],
  ["who it was is changed", "UPDATE actions SET by_whom = 'bob' WHERE seq = 2", [/^action 2 \(read, 2\S+Z\) is not as it was noted$/]],
  ["when it was is changed", "UPDATE actions SET at = at - 86400000 WHERE seq = 2", [/^action 2 /]],
  ["the system's user is changed", "UPDATE actions SET by_system = 'root@x' WHERE seq = 2", [/^action 2 /]],
  ["two texts are moved into one another", "UPDATE actions SET by_whom = by_whom || route, route = '' WHERE seq = 2", [/^action 2 /]],
  [
    "one is put in",
    "INSERT INTO actions (at, by_whom, route, action, detail) VALUES (1, 'x', '', 'y', '')",
    [/^1 row was not noted by this program$/],
  ],
  [
    "a row is deleted and the others numbered once more",
    "DELETE FROM actions WHERE seq = 3; UPDATE actions SET seq = 3 WHERE seq = 4; UPDATE actions SET seq = 4 WHERE seq = 5",
    [/^action 3 /, /^action 4 /, /^action 5 is missing$/],
  ],
  ["what is remembered of the newest is taken away", "DELETE FROM meta WHERE key = 'actions_head'", [/newest action is missing$/]],
])("it is noticed when %s", async (_what, text, expected) => {
  const { sql, faults } = await ledgerWith(5);
  expect(await faults()).toEqual([]);
  sql(text);
  expect(await faults()).toEqual(expected.map((one) => expect.stringMatching(one)));
});

test("who seals everything once more is found out by a seal that was written down before", async () => {
  const { path, ledger, sql } = await ledgerWith(5);
  const { head } = await verifyActions({ ledger });
  await ledger.close();
  sql("DELETE FROM actions WHERE seq >= 4; DELETE FROM meta WHERE key = 'actions_head'");
  sql("INSERT INTO meta SELECT 'actions_head', seq || '-' || seal FROM actions WHERE seq = 3");
  const again = await openSqliteLedger({ path });
  expect((await verifyActions({ ledger: again })).faults).toEqual([]);
  expect((await verifyActions({ ledger: again, against: head })).faults).toEqual([
    expect.stringMatching(/no action has the seal 5-[0-9a-f]{16}/),
  ]);
  await again.close();
});

test("actions of an earlier version of the ledger are sealed when it is brought up to date, and count on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-actions-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "ledger.db");
  const before = openSqlite({ path, application: "patchbay-ledger", migrations: MIGRATIONS.slice(0, 4) });
  for (const [at, by] of [
    [20, "bob"],
    [10, "ann"],
  ])
    before.prepare("INSERT INTO actions VALUES (?, ?, 'crm', 'pause', 'why')").run(at as number, by as string);
  before.close();
  const ledger = await openSqliteLedger({ path });
  await ledger.note({ by: "cleo", route: "crm", action: "resume", detail: "" });
  const rows = await ledger.sealedActions({ after: 0, limit: 10 });
  expect(rows.map(({ seq, by, system }) => `${seq} ${by} ${system}`)).toEqual(["1 ann ", "2 bob ", `3 cleo ${systemUser()}`]);
  expect((await verifyActions({ ledger })).faults).toEqual([]);
  await ledger.close();
  const db = new DatabaseSync(path);
  db.exec("UPDATE actions SET by_whom = 'nobody' WHERE seq = 1");
  db.close();
  const again = await openSqliteLedger({ path });
  expect((await verifyActions({ ledger: again })).faults).toHaveLength(1);
  await again.close();
});

test("the command shows the seal and says what does not fit, and so does audit; the name that somebody gives stands beside the system's user", async () => {
  const { folder, sql, ledger } = await ledgerWith(2);
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { archive: { connector: archive, url: "file:archive" } }
routes: [{ id: crm, to: archive }]
`,
  );
  const log = await openSqliteLog({ path: join(folder, "log.db") });
  await ledger.bindLog({ identity: await log.identity() });
  await log.close();
  const env = {
    PATCHBAY_LOG: "sqlite:log.db",
    PATCHBAY_LEDGER: "sqlite:ledger.db",
    PATCHBAY_USER: "the-ceo",
    SECRET: "a-secret-of-this-test",
  };
  const run = (...args: string[]) => runPatchbay({ args, env, cwd: folder });
  await run("pause", "crm", "--reason", "the CRM moves");
  const [newest] = JSON.parse((await run("actions", "--json")).stdout);
  expect(newest).toMatchObject({ by: "the-ceo", system: systemUser(), action: "pause" });
  expect((await run("actions")).stdout).toMatch(new RegExp(`SYSTEM USER.*the-ceo +${systemUser()} +pause`, "s"));

  const good = await run("actions", "--verify");
  expect(good).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^3 actions are as they were noted\. The newest has the seal 3-[0-9a-f]{16}:/),
  });
  const seal = /seal (\S+):/.exec(good.stdout)?.[1] ?? "";
  expect((await run("actions", "--against", seal)).code).toBe(0);
  sql("DELETE FROM actions WHERE seq = 1");
  expect(await run("actions", "--verify")).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/NOT as they were noted:\n {2}action 1 is missing/),
  });
  expect(await run("audit")).toMatchObject({ code: 1, stdout: expect.stringMatching(/NOT whole\..*action 1 is missing/s) });
});
