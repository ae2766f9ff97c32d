import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { openLedger } from "../../src/app.ts";
import { MIGRATIONS } from "../../src/ledger/sqlite/schema.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { copySqlite, keepBeforeMigration, keptBeforeMigrations } from "../../src/lib/sqlite/copy.ts";
import { openSqlite } from "../../src/lib/sqlite/open.ts";

function folderOfTest(): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-copy-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const rowsOf = (path: string, sql: string) => {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
};

/** Writes without a pause, several commits in each millisecond, until it is killed. */
const WRITER = `
  const { DatabaseSync } = require("node:sqlite");
  const db = new DatabaseSync(process.argv[1], { timeout: 5000 });
  const insert = db.prepare("INSERT INTO rows (body) VALUES (?)");
  console.log("writes");
  setInterval(() => { for (let n = 0; n < 50; n += 1) insert.run("x".repeat(500)); }, 1);
`;

test("a copy of a file that another process writes all the while is as the file was at one moment, whole, alone, and private", async () => {
  const folder = folderOfTest();
  const [path, to] = [join(folder, "file.db"), join(folder, "copy.db")];
  const db = openSqlite({ path, application: "patchbay-test", migrations: ["CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT)"] });
  onTestFinished(() => db.close());
  // More than one step of the copy, and not yet folded into the file.
  db.exec(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO rows (body) SELECT printf('%0500d', i) FROM n`,
  );
  const writer = spawn(process.execPath, ["-e", WRITER, path], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void writer.kill("SIGKILL"));
  await once(writer.stdout, "data");
  const shown: number[] = [];
  await copySqlite({ from: path, to, change: "DELETE FROM rows WHERE id = 1", onProgress: (done, of) => shown.push(done / of) });
  const [{ first, last, n }] = rowsOf(to, "SELECT min(id) AS first, max(id) AS last, count(*) AS n FROM rows") as [Record<string, number>];
  expect(first).toBe(2);
  expect(n).toBe(Number(last) - 1);
  expect(Number(n)).toBeGreaterThan(19_998);
  expect(shown.length).toBeGreaterThan(2);
  expect(readdirSync(folder).filter((name) => name.startsWith("copy"))).toEqual(["copy.db"]);
  expect((statSync(to).mode & 0o777).toString(8)).toBe("600");
  expect(rowsOf(to, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
  // Never over what is there.
  await expect(copySqlite({ from: path, to })).rejects.toThrow("EEXIST");
});

test("a copy of what is no database, or is damaged, leaves nothing that could be taken for one", async () => {
  const folder = folderOfTest();
  writeFileSync(join(folder, "odd.db"), "not a database, but long enough to be read as one ".repeat(100));
  await expect(copySqlite({ from: join(folder, "odd.db"), to: join(folder, "copy.db") })).rejects.toThrow("not a database");
  expect(readdirSync(folder)).toEqual(["odd.db"]);
});

/** A ledger as an earlier program left it. */
function olderLedger(folder: string): string {
  const path = join(folder, "ledger.db");
  const old = openSqlite({ path, application: "patchbay-ledger", migrations: MIGRATIONS.slice(0, 3) });
  old.exec("INSERT INTO actions VALUES (1, 'ann', 'crm', 'pause', 'why')");
  old.close();
  return path;
}

test("a ledger of an earlier version is copied before it is changed, and the log line names the copy; a new one is not", async () => {
  const folder = folderOfTest();
  const path = olderLedger(folder);
  const said: string[] = [];
  const logger = createLogger({ level: "info" });
  Object.assign(logger, { info: (fields: object, msg: string) => said.push(`${JSON.stringify(fields)} ${msg}`) });
  for (let opened = 0; opened < 2; opened += 1) await (await openLedger({ url: `sqlite:${path}`, logger })).close();
  const [copy = "", ...others] = keptBeforeMigrations(path);
  expect(others).toEqual([]);
  expect(copy).toMatch(/\/ledger\.db\.v3-\d{8}T\d{6}Z$/);
  expect(said).toEqual([expect.stringContaining(`"copy":"${copy}"`)]);
  expect((statSync(copy).mode & 0o777).toString(8)).toBe("600");
  expect(rowsOf(copy, "PRAGMA user_version")).toEqual([{ user_version: 3 }]);
  expect(rowsOf(copy, "SELECT by_whom FROM actions")).toEqual([{ by_whom: "ann" }]);
  // The older program takes it.
  openSqlite({ path: copy, application: "patchbay-ledger", migrations: MIGRATIONS.slice(0, 3) }).close();

  await (await openLedger({ url: `sqlite:${folder}/new.db`, logger })).close();
  expect(keptBeforeMigrations(join(folder, "new.db"))).toEqual([]);
});

test("where the copy cannot be made nothing is changed", () => {
  const folder = folderOfTest();
  const path = olderLedger(folder);
  const open = () =>
    openSqlite({
      path,
      application: "patchbay-ledger",
      migrations: MIGRATIONS,
      beforeMigration() {
        throw Object.assign(new Error("no room"), { code: "ENOSPC" });
      },
    });
  expect(open).toThrow(/the disk is full/);
  expect(rowsOf(path, "PRAGMA user_version")).toEqual([{ user_version: 3 }]);
  expect(rowsOf(path, "SELECT name FROM sqlite_schema WHERE name = 'log_ends'")).toEqual([]);
});

test("a copy goes when the calls in it have to: after as long as dead letters are kept; until then forget names it", async () => {
  const folder = folderOfTest();
  const path = olderLedger(folder);
  const ledger = await openLedger({ url: `sqlite:${path}` });
  const [copy = ""] = keptBeforeMigrations(path);
  expect(await ledger.scrub?.({ pack: false, keepCopiesMs: 86_400_000 })).toEqual([
    expect.stringContaining(`${copy} is a copy from before an upgrade`),
  ]);
  const yesterday = new Date(Date.now() - 2 * 86_400_000);
  utimesSync(copy, yesterday, yesterday);
  expect(await ledger.scrub?.({ pack: false, keepCopiesMs: 86_400_000 })).toEqual([]);
  expect(keptBeforeMigrations(path)).toEqual([]);
  await ledger.close();
});

test("two copies in one second do not meet", () => {
  const folder = folderOfTest();
  const path = olderLedger(folder);
  const made = [keepBeforeMigration({ path, from: 3 })];
  expect(() => made.push(keepBeforeMigration({ path, from: 3 }), keepBeforeMigration({ path, from: 3 }))).not.toThrow();
  for (const one of made) expect(rowsOf(one, "PRAGMA user_version")).toEqual([{ user_version: 3 }]);
});
