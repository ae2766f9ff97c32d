import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../src/connector/index.ts";
import {
  deliveryOf,
  describeWarehouse,
  documentedCall,
  type EngineTraits,
  openWarehouse,
  plainRow,
} from "../../test/contracts/warehouse.contract.ts";
import { TABLE_COLUMNS } from "./columns.ts";
import { openErrorOfDuckDb } from "./engines/duckdb/errors.ts";
import { openParquetStore } from "./engines/parquet/store.ts";
import { rowOf } from "./record.ts";

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "patchbay-parquet-")), "it's here");
});
afterEach(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

const within = () => ({ signal: AbortSignal.timeout(20_000) });

/** Another program, which knows of nothing but the files. */
async function read(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
const glob = (table = "calls") => `'${folder.replaceAll("'", "''")}/*/${table}.parquet'`;
const filesOf = (day: string) => (existsSync(join(folder, day)) ? readdirSync(join(folder, day)) : []);

/** A file that somebody else put there; `FOLDER` stands for the day's folder. */
const made = (select: string) => [`COPY (${select}) TO 'FOLDER/calls.parquet' (FORMAT parquet)`];
const traits: EngineTraits = {
  timeType: "timestamp with time zone",
  keyFix: /never/,
  tables: {
    older: made("SELECT 'voiceinfra/old' AS delivery_key, 'old' AS call_id, 7::INTEGER AS mine"),
    foreign: made("SELECT 1 AS id, 'x' AS note LIMIT 0"),
    keyNotUnique: { cannot: "a file has no constraints: the folder's one writer keeps one row for each key" },
    keyUniqueOtherwise: { cannot: "a file has no constraints" },
    keyOfTwo: { cannot: "a file has no constraints" },
    wrongType: made("SELECT 'x' AS delivery_key, 1::INTEGER AS start_time"),
    mustBeFilled: { cannot: "a file has no constraints" },
    refusing: { cannot: "a file has no constraints; what its types refuse is below" },
  },
};

describeWarehouse("Parquet files", traits, async () => ({
  settings: { url: `parquet:${folder}` },
  async run(sql) {
    mkdirSync(join(folder, "dt=2024-12-31"), { recursive: true });
    await read(sql.replace("FOLDER", join(folder, "dt=2024-12-31").replaceAll("'", "''")));
  },
  async rows(table) {
    return (await read(`SELECT * FROM read_parquet(${glob(table)}, union_by_name = true, hive_partitioning = false)`)).map(plainRow);
  },
  close: async () => undefined,
}));

describe("a folder of Parquet files", () => {
  test("has one file for each day in which calls began, by UTC, and nothing half written", async () => {
    const destination = await openWarehouse({ url: `parquet:${folder}` });
    const times = ["2025-01-15T23:59:59Z", "2025-01-16T01:30:00+02:00", "2025-01-16T00:00:00Z"];
    await destination.send(
      times.map((start_time, index) => deliveryOf(documentedCall({ call_id: `call_${index}`, start_time }))),
      within(),
    );
    expect(readdirSync(folder).filter((name) => !name.startsWith("."))).toEqual(["dt=2025-01-15", "dt=2025-01-16"]);
    expect(filesOf("dt=2025-01-15")).toEqual(["calls.parquet"]);
    expect(
      await read(`SELECT call_id, dt FROM read_parquet(${glob()}, hive_partitioning = true, hive_types_autocast = false) ORDER BY call_id`),
    ).toEqual([
      { call_id: "call_0", dt: "2025-01-15" },
      { call_id: "call_1", dt: "2025-01-15" },
      { call_id: "call_2", dt: "2025-01-16" },
    ]);
  });

  test("JSON is plain text in a file, which every reader knows; files of earlier versions become so when their day is written", async () => {
    const day = join(folder, "dt=2025-01-15");
    mkdirSync(day, { recursive: true });
    const file = glob().replace("/*/", "/dt=2025-01-15/");
    await read(
      `COPY (SELECT 'voiceinfra/old' AS delivery_key, 'old' AS call_id, '{"a":1}'::JSON AS metadata, '[2]'::JSON AS theirs) TO ${file} (FORMAT parquet)`,
    );
    const destination = await openWarehouse({ url: `parquet:${folder}` });
    await destination.send([deliveryOf(documentedCall({ metadata: { b: 2 } }))], within());
    const types = await read(`SELECT name, converted_type FROM parquet_schema(${file}) WHERE name IN ('metadata', 'extra', 'theirs')`);
    expect(Object.fromEntries(types.map(({ name, converted_type }) => [name, converted_type]))).toEqual({
      metadata: "UTF8",
      extra: "UTF8",
      theirs: "JSON",
    });
    expect(await read(`SELECT call_id, metadata ->> 'a' AS a, metadata ->> 'b' AS b FROM ${glob()} ORDER BY call_id`)).toEqual([
      { call_id: "call_01HXYZ123456", a: null, b: "2" },
      { call_id: "old", a: "1", b: null },
    ]);
  });

  test("a call whose beginning is corrected moves to its day, and its old day's file goes when it is empty", async () => {
    const destination = await openWarehouse({ url: `parquet:${folder}` });
    await destination.send([deliveryOf(documentedCall({ transcript: "kept" }))], within());
    await destination.send([deliveryOf(documentedCall({ start_time: "2025-02-01T08:00:00Z" }))], within());
    expect(await read(`SELECT call_id, transcript FROM ${glob()}`)).toEqual([{ call_id: "call_01HXYZ123456", transcript: "kept" }]);
    expect([filesOf("dt=2025-01-15"), filesOf("dt=2025-02-01")]).toEqual([[], ["calls.parquet"]]);
  });

  test("a call that a crash left in the files of two days is in one after the next batch", async () => {
    const destination = await openWarehouse({ url: `parquet:${folder}` });
    await destination.send(
      [deliveryOf(documentedCall({ transcript: "kept" })), deliveryOf(documentedCall({ call_id: "other" }))],
      within(),
    );
    // What the disk holds after a crash between the two.
    cpSync(join(folder, "dt=2025-01-15"), join(folder, "before"), { recursive: true });
    await destination.send([deliveryOf(documentedCall({ start_time: "2025-02-01T08:00:00Z" }))], within());
    renameSync(join(folder, "before"), join(folder, "dt=2025-01-14"));
    await destination.send([deliveryOf(documentedCall({ start_time: "2025-02-01T08:00:00Z", summary: "Later." }))], within());
    const rows = await read(`SELECT call_id, transcript, summary = 'Later.' AS later FROM ${glob()} WHERE call_id <> 'other'`);
    expect(rows).toEqual([{ call_id: "call_01HXYZ123456", transcript: "kept", later: true }]);
  });

  test("only the days of a batch are written anew", async () => {
    const destination = await openWarehouse({ url: `parquet:${folder}` });
    await destination.send([deliveryOf(documentedCall({ call_id: "a", start_time: "2025-01-10T08:00:00Z" }))], within());
    const file = () => statSync(join(folder, "dt=2025-01-10", "calls.parquet")).ino;
    const before = file();
    await destination.send([deliveryOf(documentedCall({ call_id: "b", start_time: "2025-01-11T08:00:00Z" }))], within());
    expect(file()).toBe(before);
    await destination.send([deliveryOf(documentedCall({ call_id: "c", start_time: "2025-01-10T09:00:00Z" }))], within());
    expect(file()).not.toBe(before);
    expect(await read(`SELECT call_id FROM ${glob()} ORDER BY call_id`)).toEqual([{ call_id: "a" }, { call_id: "b" }, { call_id: "c" }]);
  });

  test("what a crash left half written is not read, and goes at the next batch of its day", async () => {
    const destination = await openWarehouse({ url: `parquet:${folder}` });
    mkdirSync(join(folder, "dt=2025-01-15"), { recursive: true });
    writeFileSync(join(folder, "dt=2025-01-15", ".calls.parquet.new"), "PAR1 half");
    await destination.send([deliveryOf(documentedCall())], within());
    expect(filesOf("dt=2025-01-15")).toEqual(["calls.parquet"]);
  });

  test("what a crash left half written goes at the next start, and when a call is forgotten", async () => {
    const half = join(folder, "dt=2024-06-01", ".calls.parquet.new");
    const crash = () => {
      mkdirSync(join(folder, "dt=2024-06-01"), { recursive: true });
      writeFileSync(half, "PAR1 the word is marzipan");
    };
    crash();
    const destination = await openWarehouse({ url: `parquet:${folder}` });
    expect(existsSync(half)).toBe(false);
    crash();
    await destination.erase?.({ key: "voiceinfra/x", receipt: { id: "voiceinfra/x" } }, within());
    expect(existsSync(half)).toBe(false);
  });

  test("a row of somebody else's without a key stays, when its day is written anew and when a call is forgotten", async () => {
    mkdirSync(join(folder, "dt=2025-01-15"), { recursive: true });
    const file = glob().replace("/*/", "/dt=2025-01-15/");
    await read(`COPY (SELECT NULL::VARCHAR AS delivery_key, 'theirs' AS call_id) TO ${file} (FORMAT parquet)`);
    const destination = await openWarehouse({ url: `parquet:${folder}` });
    await destination.send([deliveryOf(documentedCall()), deliveryOf(documentedCall({ call_id: "b" }))], within());
    const receipt = { id: "voiceinfra/b" };
    expect(await destination.erase?.({ key: receipt.id, receipt }, within())).toBe(true);
    expect(await read(`SELECT call_id FROM ${glob()} ORDER BY call_id`)).toEqual([{ call_id: "call_01HXYZ123456" }, { call_id: "theirs" }]);
  });

  test("a value that DuckDB cannot read refuses its own row, and the rest of its batch is in the files of its days", async () => {
    const store = openParquetStore({ url: new Secret(`parquet:${folder}`), table: "calls" });
    const rows = ["a", "b", "c", "d", "e"].map((call_id) => rowOf(deliveryOf(documentedCall({ call_id }))));
    // What no call can say is put into the row itself: a file has no constraint that could refuse one.
    rows[1]?.cells.set("start_time", "the word is marzipan");
    rows[4]?.cells.set("duration_seconds", "the word is marzipan");
    const results = await store.upsert(rows, TABLE_COLUMNS, within());
    expect(results).toEqual([
      "written",
      { kind: "rejected", code: "conversion", reason: "a value in start_time does not fit its column's type" },
      "written",
      "written",
      { kind: "rejected", code: "conversion", reason: "a value in duration_seconds does not fit its column's type" },
    ]);
    expect(await read(`SELECT call_id FROM ${glob()} ORDER BY call_id`)).toEqual([{ call_id: "a" }, { call_id: "c" }, { call_id: "d" }]);
    const [alone] = rows.slice(1, 2);
    expect(await store.upsert(alone ? [alone] : [], TABLE_COLUMNS, within())).toMatchObject([{ kind: "rejected" }]);
  });

  test("a busy day with long transcripts takes one more call", async () => {
    const destination = await openWarehouse({ url: `parquet:${folder}` });
    mkdirSync(join(folder, "dt=2025-01-15"), { recursive: true });
    await read(
      `COPY (SELECT 'voiceinfra/' || i AS delivery_key, '' || i AS call_id, TIMESTAMPTZ '2025-01-15 08:00:00Z' AS start_time,
         repeat(md5('' || i), 1600) AS transcript FROM range(2100) AS t (i))
       TO ${glob().replace("/*/", "/dt=2025-01-15/")} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)`,
    );
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ kind: "delivered" }]);
    expect(await read(`SELECT count(*)::INTEGER AS calls, min(length(transcript))::INTEGER AS least FROM ${glob()}`)).toEqual([
      { calls: 2101, least: 51_200 },
    ]);
  });

  test("a day that is too large even so says what to do, and nothing of its calls", async () => {
    // In the engine's own words, of an engine that has less than it may take with us.
    const said = read("SET memory_limit = '40MB'; SELECT count(DISTINCT repeat(md5('' || i), 5000)) FROM range(2100) AS t (i)");
    const { outcome } = openErrorOfDuckDb(await said.catch((error: unknown) => error));
    expect(outcome).toMatchObject({ kind: "retry", because: "down", code: "out_of_memory", reason: expect.stringContaining("`share`") });
  });

  test("a folder that another process writes to is waited for, and said to be held", async () => {
    const destination = await openWarehouse({ url: `parquet:${folder}` });
    const holder = spawn(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `const { DuckDBInstance } = await import("@duckdb/node-api"); globalThis.held = await DuckDBInstance.create(process.argv[1]); console.log("held"); process.stdin.resume();`,
        join(folder, ".patchbay.duckdb"),
      ],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    await once(holder.stdout, "data");
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([
      { kind: "retry", because: "down", code: "locked" },
    ]);
    const ended = once(holder, "exit");
    holder.stdin.end();
    await ended;
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ kind: "delivered" }]);
  });

  test("a day's file that is no Parquet is said, and stays as it is", async () => {
    mkdirSync(join(folder, "dt=2025-01-15"), { recursive: true });
    writeFileSync(join(folder, "dt=2025-01-15", "calls.parquet"), "not parquet at all");
    await expect(openWarehouse({ url: `parquet:${folder}` })).rejects.toMatchObject({
      outcome: { kind: "needs-fix", code: "not_parquet" },
    });
  });

  test("a day without a beginning has a folder of its own", async () => {
    const destination = await openWarehouse({ url: `parquet:${folder}` });
    const { start_time: _none, ...without } = documentedCall();
    await destination.send([deliveryOf(without as ReturnType<typeof documentedCall>)], within());
    expect(filesOf("dt=none")).toEqual(["calls.parquet"]);
  });
});
