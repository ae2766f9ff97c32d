import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { Secret } from "../../src/connector/index.ts";
import { deliveryOf, documentedCall } from "../../test/support/documented-call.ts";
import { rawFinds } from "../../test/support/raw-files.ts";
import { TABLE_COLUMNS } from "./columns.ts";
import { copyDuckDbFile } from "./engines/duckdb/copy.ts";
import { withDuckDbFile } from "./engines/duckdb/file.ts";
import { openDuckDbStore } from "./engines/duckdb/store.ts";
import { openParquetStore } from "./engines/parquet/store.ts";
import { rowOf } from "./record.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "patchbay-rewrite-"));
  path = join(folder, "wh.duckdb");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const signal = AbortSignal.timeout(600_000);
const store = () => openDuckDbStore({ url: new Secret(`duckdb:${path}`), table: "calls" });
const rowFor = (callId: string, transcript: string) =>
  rowOf(deliveryOf({ key: `voiceinfra/${callId}`, call: documentedCall({ call_id: callId, transcript }), with: {} }));
const linesOf = (name: string) => Array.from({ length: 300 }, (_, n) => `${name} ${((n + 7) * 2_654_435_761) % 2 ** 32}`);

test("a deleted row is in no byte of the file, which keeps everything else: rows, views, other tables, indexes, its mode", async () => {
  const calls = store();
  await calls.prepare(TABLE_COLUMNS);
  for (const name of ["dana", "robin"]) await calls.upsert([rowFor(name, linesOf(name).join("\n"))], TABLE_COLUMNS, { signal });
  await withDuckDbFile({ path }, async (connection) => {
    for (const sql of [
      "CREATE VIEW talks AS SELECT call_id, transcript FROM calls",
      "CREATE SCHEMA mine",
      "CREATE TABLE mine.notes (id INTEGER, note VARCHAR CHECK (note <> 'no'))",
      "CREATE INDEX by_id ON mine.notes (id)",
      "INSERT INTO mine.notes VALUES (1, 'mine')",
      "CHECKPOINT",
    ])
      await connection.run(sql);
  });
  const { mode } = statSync(path);
  expect(await calls.erase("voiceinfra/dana", { signal })).toBe(true);
  // DuckDB's own way to reclaim space leaves them.
  expect(rawFinds(folder, linesOf("dana"))).not.toEqual([]);
  mkdirSync(`${path}.tmp`);
  writeFileSync(join(`${path}.tmp`, "duckdb_temp_block-1.block"), linesOf("dana").join("\n"));

  expect(await calls.afterErase?.({ signal })).toBeUndefined();
  expect(rawFinds(folder, linesOf("dana"))).toEqual([]);
  expect(readdirSync(folder)).toEqual(["wh.duckdb"]);
  expect(statSync(path).mode).toBe(mode);
  await withDuckDbFile({ path }, async (connection) => {
    const rows = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson();
    expect(await rows("SELECT transcript FROM talks")).toEqual([[linesOf("robin").join("\n")]]);
    expect(await rows("SELECT * FROM mine.notes")).toEqual([[1, "mine"]]);
    expect(await rows("SELECT index_name FROM duckdb_indexes()")).toEqual([["by_id"]]);
    await expect(connection.run("INSERT INTO mine.notes VALUES (2, 'no')")).rejects.toThrow(/CHECK/);
  });
  await calls.upsert([rowFor("robin", "once more")], TABLE_COLUMNS, { signal });
  expect((await calls.read("voiceinfra/robin", { signal }))?.transcript).toBe("once more");
  await calls.close();
});

/** Writes one row after the other until its input ends; says each that it has written. */
const WRITER = `
  import { openDuckDbStore } from "${join(import.meta.dirname, "engines/duckdb/store.ts")}";
  import { rowOf } from "${join(import.meta.dirname, "record.ts")}";
  import { TABLE_COLUMNS } from "${join(import.meta.dirname, "columns.ts")}";
  import { Secret } from "${join(import.meta.dirname, "../../src/connector/index.ts")}";
  import { deliveryOf, documentedCall } from "${join(import.meta.dirname, "../../test/support/documented-call.ts")}";
  const store = openDuckDbStore({ url: new Secret("duckdb:" + process.argv[1]), table: "calls" });
  let ended = false;
  process.stdin.on("end", () => (ended = true)).resume();
  for (let n = 0; !ended; n += 1) {
    const delivery = deliveryOf({ call: documentedCall({ call_id: "written_" + n }), with: {} });
    try {
      await store.upsert([rowOf(delivery)], TABLE_COLUMNS, { signal: AbortSignal.timeout(60_000) });
      console.log("written_" + n);
    } catch {}
  }
`;

test("another process that writes all the while loses no row to a file that is replaced beneath it", async () => {
  const calls = store();
  await calls.prepare(TABLE_COLUMNS);
  const writer = spawn(process.execPath, ["--input-type=module", "-e", WRITER, path], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void writer.kill("SIGKILL"));
  const written: string[] = [];
  const lines = createInterface({ input: writer.stdout });
  lines.on("line", (line) => written.push(line));
  await once(lines, "line");
  for (let round = 0; round < 8; round += 1) {
    const before = written.length;
    expect(await calls.afterErase?.({ signal })).toBeUndefined();
    await expect.poll(() => written.length, { timeout: 30_000 }).toBeGreaterThan(before + 2);
  }
  writer.stdin.end();
  await once(writer, "close");
  const kept = await withDuckDbFile({ path, patienceMs: 30_000 }, async (connection) =>
    (await connection.runAndReadAll("SELECT call_id FROM calls")).getRows().map(([id]) => String(id)),
  );
  expect(written.filter((one) => !kept.includes(one))).toEqual([]);
});

test("a link to the file stays one, and what a restore has moved aside is named", async () => {
  mkdirSync(join(folder, "elsewhere"));
  symlinkSync(join(folder, "elsewhere/real.duckdb"), path);
  const calls = store();
  await calls.prepare(TABLE_COLUMNS);
  await calls.upsert([rowFor("dana", linesOf("dana").join("\n"))], TABLE_COLUMNS, { signal });
  writeFileSync(join(folder, "elsewhere/real.duckdb.before-restore-20260131T090000Z"), "");
  await calls.erase("voiceinfra/dana", { signal });
  expect(await calls.afterErase?.({ signal })).toMatch(/real\.duckdb\.before-restore-\S+ in .*elsewhere may hold it/);
  expect(lstatSync(path).isSymbolicLink()).toBe(true);
  expect(rawFinds(folder, linesOf("dana"))).toEqual([]);
});

test("a file that cannot be written from new says so, and stays as it is", async () => {
  const calls = store();
  await calls.prepare(TABLE_COLUMNS);
  await calls.upsert([rowFor("robin", "a talk")], TABLE_COLUMNS, { signal });
  expect(await calls.afterErase?.({ signal: AbortSignal.abort() })).toMatch(
    /wh\.duckdb may still have the bytes of what was deleted.*run this once more/,
  );
  expect((await calls.read("voiceinfra/robin", { signal }))?.transcript).toBe("a talk");
});

test("a copy for a backup is whole beside a process that writes all the while; where another program holds the file it says which, and leaves nothing", async () => {
  const calls = store();
  await calls.prepare(TABLE_COLUMNS);
  const writer = spawn(process.execPath, ["--input-type=module", "-e", WRITER, path], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void writer.kill("SIGKILL"));
  const written: string[] = [];
  const lines = createInterface({ input: writer.stdout });
  lines.on("line", (line) => written.push(line));
  await once(lines, "line");
  for (let round = 0; round < 5; round += 1) {
    const before = [...written];
    const to = join(folder, `copy-${round}.duckdb`);
    await copyDuckDbFile({ path, to, signal });
    const kept = await withDuckDbFile({ path: to }, async (connection) =>
      (await connection.runAndReadAll("SELECT call_id FROM calls")).getRows().map(([id]) => String(id)),
    );
    expect(before.filter((one) => !kept.includes(one))).toEqual([]);
  }
  writer.stdin.end();
  await once(writer, "close");

  const holder = spawn(process.execPath, ["--input-type=module", "-e", HOLDER, path], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void holder.kill("SIGKILL"));
  await once(holder.stdout, "data");
  const to = join(folder, "held.duckdb");
  await expect(copyDuckDbFile({ path, to, patienceMs: 200, signal })).rejects.toThrow(
    /another process holds the DuckDB file \(process \d+\)/,
  );
  expect(readdirSync(folder)).not.toContain("held.duckdb");
});

const HOLDER = `
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(process.argv[1]);
  console.log("holds it");
  process.stdin.resume();
`;

test("Parquet files: what a process that was killed had moved out of memory goes with a forgotten call", async () => {
  const lake = openParquetStore({ url: new Secret(`parquet:${folder}/lake`), table: "calls" });
  await lake.prepare(TABLE_COLUMNS);
  await lake.upsert([rowFor("dana", "a talk")], TABLE_COLUMNS, { signal });
  mkdirSync(join(folder, "lake/.patchbay.duckdb.tmp"));
  writeFileSync(join(folder, "lake/.patchbay.duckdb.tmp/duckdb_temp_block-1.block"), "a talk");
  await lake.erase("voiceinfra/dana", { signal });
  expect(await lake.afterErase?.({ signal })).toBeUndefined();
  expect(readdirSync(join(folder, "lake")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});
