import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { openSqlite } from "../../src/lib/sqlite/open.ts";
import { isAlone, scrubSqlite } from "../../src/lib/sqlite/scrub.ts";
import { rawFinds } from "../support/raw-files.ts";

const TABLE = "CREATE TABLE rows (id TEXT PRIMARY KEY, state TEXT, body BLOB) STRICT, WITHOUT ROWID";

function open(): { db: DatabaseSync; folder: string; path: string } {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-scrub-"));
  const path = join(folder, "file.db");
  const db = openSqlite({ path, application: "patchbay-test", migrations: [TABLE] });
  onTestFinished(() => {
    if (db.isOpen) db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { db, folder, path };
}

/** The same numbers each time (Park and Miller). */
function numbers(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

test("SQLite leaves copies of rows in pages that it divides, secure_delete or not; a packed file has none", async () => {
  const { db, folder, path } = open();
  const random = numbers();
  const insert = db.prepare("INSERT INTO rows VALUES (?, 'dead', ?)");
  const marks = Array.from({ length: 3_000 }, (_, n) => ({ id: random().toString(36), mark: `MARK-${n}-OF-A-CALL` }));
  db.exec("BEGIN");
  for (const { id, mark } of marks) insert.run(id, Buffer.from(mark.padEnd(30 + Math.floor(random() * 300), ".")));
  db.exec("COMMIT");
  const gone = marks.filter(() => random() < 0.3);
  const remove = db.prepare("UPDATE rows SET body = NULL WHERE id = ?");
  db.exec("BEGIN");
  for (const { id } of gone) remove.run(id);
  db.exec("COMMIT");

  expect(await scrubSqlite({ db, path, pack: false })).toEqual([]);
  const texts = gone.map(({ mark }) => mark);
  // Where SQLite has learned to overwrite these too, nothing needs to be packed any more.
  expect(rawFinds(folder, texts)).not.toEqual([]);
  expect(await scrubSqlite({ db, path, pack: true })).toEqual([]);
  expect(rawFinds(folder, texts)).toEqual([]);
  expect(db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  expect(db.prepare("SELECT count(*) AS n FROM rows WHERE body IS NULL").get()).toEqual({ n: gone.length });
});

/** Another process that has the file open; `reading`: in the middle of a read. */
async function other(path: string, reading: boolean): Promise<{ end(): Promise<void> }> {
  const child = spawn(
    process.execPath,
    [
      "-e",
      `const { DatabaseSync } = require("node:sqlite"); const db = new DatabaseSync(process.argv[1]); ${reading ? 'db.exec("BEGIN");' : ""}
       db.prepare("SELECT count(*) FROM rows").get(); console.log("open"); setInterval(() => {}, 1000);`,
      path,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  await once(child.stdout, "data");
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "close");
  };
  onTestFinished(end);
  return { end };
}

test("a small file is packed while others have it open; a large one only when nobody has, and says so", async () => {
  const { db, folder, path } = open();
  db.prepare("INSERT INTO rows VALUES ('a', 'dead', ?)").run(Buffer.from("the blue lamp"));
  db.exec("UPDATE rows SET body = NULL");
  const another = await other(path, false);
  expect(isAlone(db)).toBe(false);
  expect(await scrubSqlite({ db, path, pack: true })).toEqual([]);
  expect(rawFinds(folder, ["the blue lamp"])).toEqual([]);

  // Sparse: it only looks large.
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  const { size } = statSync(path);
  truncateSync(path, 300_000_000);
  expect(await scrubSqlite({ db, path, pack: true })).toEqual([
    expect.stringMatching(/too large to be packed while a process works with it: stop it/),
  ]);
  truncateSync(path, size);
  await another.end();
  expect(isAlone(db)).toBe(true);
});

test("while another program reads the file its write-ahead log stays, and that is said", async () => {
  const { db, folder, path } = open();
  db.prepare("INSERT INTO rows VALUES ('a', 'dead', ?)").run(Buffer.from("the blue lamp"));
  const reader = await other(path, true);
  db.exec("UPDATE rows SET body = NULL");
  expect(await scrubSqlite({ db, path, pack: true })).toContainEqual(
    expect.stringMatching(/file\.db-wal holds it for as long as another program reads/),
  );
  await reader.end();
  expect(await scrubSqlite({ db, path, pack: true })).toEqual([]);
  expect(rawFinds(folder, ["the blue lamp"])).toEqual([]);
});
