import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OpenError, Secret } from "../../src/connector/index.ts";
import type { RoutesFileError } from "../../src/errors.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import {
  deliveryOf,
  describeWarehouse,
  documentedCall,
  openWarehouse,
  plainRow,
  refusedNames,
} from "../../test/contracts/warehouse.contract.ts";
import { TABLE_COLUMNS } from "./columns.ts";
import { withDuckDbFile } from "./engines/duckdb/file.ts";
import { openDuckDbStore } from "./engines/duckdb/store.ts";
import { warehouse } from "./index.ts";
import { rowOf } from "./record.ts";
import { sendRows } from "./send.ts";
import type { Store } from "./store.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "patchbay-warehouse-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describeWarehouse(
  "DuckDB",
  {
    timeType: "timestamp with time zone",
    keyFix: /^Run: ALTER TABLE calls ADD PRIMARY KEY \(delivery_key\)$/,
    refusesOverflow: true,
    tables: {
      older: [
        "CREATE TABLE calls (delivery_key varchar PRIMARY KEY, call_id varchar, mine integer)",
        "INSERT INTO calls VALUES ('voiceinfra/old', 'old', 7)",
      ],
      foreign: ["CREATE TABLE calls (id integer, note varchar)"],
      keyNotUnique: ["CREATE TABLE calls (delivery_key varchar, call_id varchar)"],
      keyUniqueOtherwise: ["CREATE TABLE calls (delivery_key varchar UNIQUE)"],
      keyOfTwo: ["CREATE TABLE calls (delivery_key varchar, call_id varchar, PRIMARY KEY (delivery_key, call_id))"],
      wrongType: ["CREATE TABLE calls (delivery_key varchar PRIMARY KEY, start_time integer)", "INSERT INTO calls VALUES ('x', 1)"],
      mustBeFilled: ["CREATE TABLE calls (delivery_key varchar PRIMARY KEY, region varchar NOT NULL, fine varchar NOT NULL DEFAULT 'x')"],
      refusing: [
        "CREATE TABLE calls (delivery_key varchar PRIMARY KEY, duration_seconds integer, agent_id varchar CHECK (agent_id < 'forbidden'))",
      ],
    },
  },
  async () => {
    const path = join(folder, "warehouse.duckdb");
    return {
      settings: { url: `duckdb:${path}` },
      run: (sql) => withDuckDbFile({ path }, (connection) => connection.run(sql)),
      rows: (table) =>
        withDuckDbFile({ path, readOnly: true }, async (connection) => {
          const read = await connection.runAndReadAll(`SELECT * FROM "${table}"`).catch(() => undefined);
          return read?.getRowObjectsJson().map(plainRow);
        }),
      keyWords: () =>
        withDuckDbFile({ path: join(folder, "words.duckdb") }, async (connection) => {
          const words = await connection.runAndReadAll("SELECT DISTINCT keyword_name FROM duckdb_keywords()");
          return words.getRows().map(([word]) => String(word));
        }),
      close: async () => undefined,
    };
  },
);

/** Another program: opens the file, says what it found, and holds it until its input ends. */
const OTHER_PROGRAM = `
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const [path, access_mode] = process.argv.slice(1);
  try {
    const instance = await DuckDBInstance.create(path, { access_mode });
    const connection = await instance.connect();
    const rows = (await connection.runAndReadAll("SELECT count(*) FROM information_schema.tables WHERE table_name = 'calls'")).getRows();
    const calls = rows[0][0] > 0n ? (await connection.runAndReadAll("SELECT count(*) FROM calls")).getRows()[0][0] : 0n;
    console.log("calls " + calls);
  } catch (error) {
    console.log("refused");
  }
  process.stdin.resume();
`;

describe("a DuckDB file and other programs", () => {
  const programs: ChildProcess[] = [];
  afterEach(async () => {
    await Promise.all(programs.splice(0).map(letGo));
  });

  async function otherProgram(path: string, mode: "READ_ONLY" | "READ_WRITE"): Promise<{ said: string; program: ChildProcess }> {
    const program = spawn(process.execPath, ["--input-type=module", "-e", OTHER_PROGRAM, path, mode], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    programs.push(program);
    for await (const said of createInterface({ input: program.stdout })) return { said, program };
    throw new Error("the other program said nothing");
  }
  async function letGo(program: ChildProcess): Promise<void> {
    if (program.exitCode !== null) return;
    const ended = new Promise((resolve) => program.once("exit", resolve));
    program.stdin?.end();
    await ended;
  }

  test("between batches another program reads the file, and sees every row", async () => {
    const path = join(folder, "deep", "er", "warehouse.duckdb");
    const destination = await openWarehouse({ url: `duckdb:${path}` });
    for (const call_id of ["one", "two"]) {
      await destination.send([deliveryOf(documentedCall({ call_id }))], { signal: AbortSignal.timeout(10_000) });
    }
    const { said, program } = await otherProgram(path, "READ_ONLY");
    expect(said).toBe("calls 2");
    await letGo(program);
    await destination.close();
  });

  test("a file that another program holds: the call waits, the reason says who, and it goes on afterwards", async () => {
    const path = join(folder, "warehouse.duckdb");
    const destination = await openWarehouse({ url: `duckdb:${path}` });
    const { program } = await otherProgram(path, "READ_WRITE");
    const send = () =>
      destination.send([deliveryOf(documentedCall()), deliveryOf(documentedCall({ call_id: "b" }))], {
        signal: AbortSignal.timeout(10_000),
      });
    const held = {
      kind: "retry",
      because: "down",
      code: "locked",
      reason: `another process holds the DuckDB file (process ${program.pid}); DuckDB lets one write, or several read`,
      retryAfterMs: 5_000,
    };
    expect(await send()).toEqual([held, held]);
    await letGo(program);
    expect((await send()).map(({ kind }) => kind)).toEqual(["delivered", "delivered"]);
    await destination.close();
  });

  test("a program that lets go within two seconds is waited for", async () => {
    const path = join(folder, "warehouse.duckdb");
    const destination = await openWarehouse({ url: `duckdb:${path}` });
    const { program } = await otherProgram(path, "READ_WRITE");
    const sent = destination.send([deliveryOf(documentedCall())], { signal: AbortSignal.timeout(10_000) });
    await letGo(program);
    expect((await sent).map(({ kind }) => kind)).toEqual(["delivered"]);
    await destination.close();
  });

  test("opening says the same, since a held file is no mistake in the settings", async () => {
    const path = join(folder, "warehouse.duckdb");
    await otherProgram(path, "READ_WRITE");
    const error = await openWarehouse({ url: `duckdb:${path}` }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenError);
    expect((error as OpenError).outcome).toMatchObject({ kind: "retry", because: "down", code: "locked" });
  });

  test("a reader in our own process does not drop the lock under a writer", async () => {
    const path = join(folder, "warehouse.duckdb");
    let said = "";
    let reading: Promise<void> | undefined;
    await withDuckDbFile({ path }, async () => {
      reading = withDuckDbFile({ path: join(folder, ".", "warehouse.duckdb"), readOnly: true }, async () => undefined);
      said = (await otherProgram(path, "READ_WRITE")).said;
    });
    await reading;
    expect(said).toBe("refused");
  });

  test("a file that was moved away is made anew", async () => {
    const path = join(folder, "warehouse.duckdb");
    const destination = await openWarehouse({ url: `duckdb:${path}` });
    const send = () => destination.send([deliveryOf(documentedCall())], { signal: AbortSignal.timeout(10_000) });
    await send();
    for (const suffix of ["", ".wal"]) rmSync(`${path}${suffix}`, { force: true });
    expect((await send()).map(({ kind }) => kind)).toEqual(["delivered"]);
    await destination.close();
  });

  test("many small batches do not pile up in the write-ahead log, which every opening would play back", async () => {
    const path = join(folder, "warehouse.duckdb");
    const store = openDuckDbStore({ url: new Secret(`duckdb:${path}`), table: "calls", batchesPerCheckpoint: 3 });
    const logSizes: number[] = [];
    for (let index = 0; index < 6; index += 1) {
      const rows = [rowOf(deliveryOf(documentedCall({ call_id: `call_${index}` })))];
      expect(await store.upsert(rows, TABLE_COLUMNS, { signal: AbortSignal.timeout(10_000) })).toEqual(["written"]);
      logSizes.push(statSync(`${path}.wal`, { throwIfNoEntry: false })?.size ?? 0);
    }
    expect(logSizes.map((size) => size > 0)).toEqual([true, true, false, true, true, false]);
    await store.close();
  });

  test("closing leaves one file that holds everything", async () => {
    const path = join(folder, "warehouse.duckdb");
    const destination = await openWarehouse({ url: `duckdb:${path}` });
    await destination.send([deliveryOf(documentedCall())], { signal: AbortSignal.timeout(10_000) });
    await destination.close();
    rmSync(`${path}.wal`, { force: true });
    expect((await otherProgram(path, "READ_ONLY")).said).toBe("calls 1");
  });
});

describe("a batch of several statements", () => {
  async function sent(outcome: ConstructorParameters<typeof OpenError>[0]) {
    let statements = 0;
    const store: Store = {
      table: "calls",
      limit: { maxBytes: 1, bytesOf: () => 1 },
      prepare: async () => undefined,
      async upsert(rows) {
        statements += 1;
        if (statements === 2) throw new OpenError(outcome);
        return rows.map(() => "written");
      },
      erase: async () => false,
      read: async () => undefined,
      close: async () => undefined,
    };
    const deliveries = ["a", "b", "c", "d"].map((call_id) => deliveryOf(documentedCall({ call_id })));
    const outcomes = await sendRows({ deliveries, store, signal: AbortSignal.timeout(10_000) });
    return { statements, kinds: outcomes.map(({ kind }) => kind) };
  }

  test("ends at the first that the database takes no more: the rest is not tried, and gets the same answer", async () => {
    const down = { kind: "retry", because: "down", code: "x", reason: "x" } as const;
    expect(await sent(down)).toEqual({ statements: 2, kinds: ["delivered", "retry", "retry", "retry"] });
    const needsFix = { kind: "needs-fix", code: "x", reason: "x", fix: "x" } as const;
    expect(await sent(needsFix)).toMatchObject({ statements: 2, kinds: ["delivered", ...Array(3).fill("needs-fix")] });
  });

  test("goes on where only one statement failed", async () => {
    const record = { kind: "retry", because: "record", code: "x", reason: "x" } as const;
    expect(await sent(record)).toEqual({ statements: 4, kinds: ["delivered", "retry", "delivered", "delivered"] });
  });
});

describe("settings of a warehouse", () => {
  const problemOf = (settings: Record<string, string>) =>
    warehouse.settings.safeParse(settings).error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`);

  test.each([
    ["duckdb:data/warehouse.duckdb"],
    ["parquet:data/calls"],
    ["postgres://me:secret@db/calls"],
    ["postgresql://db/calls?sslmode=verify-full"],
    ["clickhouse://me:secret@host:8123/voice"],
    ["clickhouses://me:secret@host:8443/voice"],
    ["bigquery://acme-calls/voice"],
  ])("%s is a database", (url) => {
    expect(problemOf({ url })).toBeUndefined();
  });

  test("Snowflake needs a user and a key, and says so", () => {
    const url = "snowflake://acme-calls/analytics/voice?warehouse=loading";
    expect(problemOf({ url })).toEqual(["username is missing: Snowflake needs it", "private_key is missing: Snowflake needs it"]);
    expect(problemOf({ url, username: "patchbay", private_key: "x", linger: "10s" })).toBeUndefined();
  });

  test("a setting of another engine is refused, with the engines that it is for", () => {
    expect(problemOf({ url: "duckdb:x", credentials: "{}", linger: "5s" })).toEqual([
      "credentials is for BigQuery only",
      "linger is for BigQuery and Snowflake only",
    ]);
    expect(problemOf({ url: "bigquery://acme-calls/voice", linger: "60s" })).toEqual(["linger is a time from 1s to 10s"]);
  });

  test("an engine that was never run against the real service says so, the others do not", () => {
    expect(warehouse.note?.({ url: "bigquery://acme-calls/voice" })).toMatch(/^experimental: .*BigQuery/);
    expect(warehouse.note?.({ url: "snowflake://acme-calls/analytics/voice" })).toMatch(/^experimental: .*Snowflake/);
    for (const url of ["duckdb:x", "parquet:x", "postgres://db/x", "clickhouse://h:8123/x", "${WAREHOUSE_URL}", undefined]) {
      expect(warehouse.note?.({ url })).toBeUndefined();
    }
  });

  test.each([
    ["duckdb:"],
    ["parquet:"],
    ["parquet:s3://bucket/x"],
    ["clickhouse://host:8123"],
    ["bigquery://project"],
    ["snowflake://acme/db"],
    ["duckdb::memory:"],
    ["duckdb:md:cloud"],
    ["mysql://db/calls"],
    ["warehouse.duckdb"],
  ])("%s is refused, and not quoted", (url) => {
    expect(problemOf({ url })).toEqual([expect.stringMatching(/^url must be duckdb:<file>, parquet:<folder>, postgres:/)]);
  });

  test("an empty address is refused", () => expect(problemOf({ url: "" })).toContain("url is empty"));

  test("a column name cannot be one of ours, nor need quotes", () => {
    const names = (columns: Record<string, string>) => warehouse.with.safeParse({ columns }).success;
    expect(names({ campaign: "" })).toBe(true);
    for (const name of ["summary", "delivery_key", "updated_at", "Campaign", 'a"; DROP TABLE calls; --', "a b", ""]) {
      expect({ name, taken: names({ [name]: "" }) }).toEqual({ name, taken: false });
    }
  });

  test.each([
    ["postgres://db/x", ["xmin", "ctid", "tableoid", "cmax"], ["oid", "rowid", "true", "_version"]],
    ["clickhouse://h:8123/x", ["_version", "_row_exists", "_block_number"], ["xmin", "_part", "final"]],
    [
      "bigquery://acme-calls/voice",
      ["_partitiontime", "_table_suffix", "_file_name", "__root__x", "_change_type"],
      ["t", "table_x", "xmin"],
    ],
    ["snowflake://acme/db/voice", ["current_date", "localtime", "constraint", "true"], ["order", "select", "xmin"]],
    ["duckdb:x", [], ["xmin", "rowid", "true", "_version"]],
    ["parquet:x", [], ["filename", "true"]],
  ])("%s: names that its columns cannot have are refused when the file is loaded, and only there", (url, refused, taken) => {
    expect(refusedNames({ url }, [...refused, ...taken])).toEqual(refused);
    expect(refusedNames({ url }, ["patchbay_target", "patchbay_row", "patchbay_route"])).toEqual(["patchbay_target", "patchbay_row"]);
    // Whose address is a variable that this process does not know.
    expect(refusedNames({ url: "${WAREHOUSE_URL}" }, refused)).toEqual([]);
  });

  test("a column that its database has itself is an error of routes.yaml, with its place", () => {
    const text = `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { rows: { connector: warehouse, url: "\${WAREHOUSE}" } }
routes:
  - id: rows
    to: rows
    share: [metadata]
    with: { columns: { campaign: "x", xmin: "{{ metadata.campaign }}" } }
`;
    const load = (WAREHOUSE: string) =>
      loadRoutes({
        path: "routes.yaml",
        text,
        env: { SECRET: "s", WAREHOUSE },
        connectors: { warehouse: warehouse as never },
        role: { kind: "check" },
      });
    expect(load("duckdb:x").routes).toHaveLength(1);
    try {
      load("postgres://user:password@127.0.0.1/db");
      expect.unreachable();
    } catch (error) {
      const { line, column, message } = (error as RoutesFileError).problems.find(({ severity }) => severity === "error") ?? {};
      expect({ line, column, message }).toEqual({
        line: 8,
        column: 39,
        message: 'the name "xmin" is a system column of PostgreSQL: choose another name',
      });
    }
  });

  test("a schema is for PostgreSQL, a table needs no quotes, and nothing else is known", () => {
    expect(problemOf({ url: "duckdb:x", schema: "a" })).toEqual(["schema is for PostgreSQL only"]);
    expect(problemOf({ url: "duckdb:x", table: "My Calls" })).toHaveLength(1);
    expect(problemOf({ url: "duckdb:x", tabel: "calls" })).toHaveLength(1);
    expect(problemOf({ url: "duckdb:x", table: "patchbay_source" })).toEqual([
      expect.stringMatching(/^table is a name that Patchbay's own/),
    ]);
  });

  test("the address cannot print itself", () => {
    const settings = warehouse.settings.parse({ url: "postgres://me:hunter2@db/calls" });
    expect(JSON.stringify(settings) + String(settings.url)).not.toContain("hunter2");
  });

  test("a file that is no database is said to be none, and stays as it is", async () => {
    const path = join(folder, "notes.txt");
    writeFileSync(path, "not a database ".repeat(1_000));
    const error = await openWarehouse({ url: `duckdb:${path}` }).catch((thrown: unknown) => thrown);
    expect((error as OpenError).outcome).toMatchObject({ kind: "needs-fix", code: "not_a_database" });
  });
});

describe("what is sent", () => {
  test("no column holds anything that the table of the docs does not list", () => {
    const listed = new Set(warehouse.sends?.map(({ field }) => field));
    const golden = join(import.meta.dirname, "golden");
    const columns = readdirSync(golden).flatMap(
      (file) => JSON.parse(readFileSync(join(golden, file), "utf8")).flatMap(Object.keys) as string[],
    );
    expect(columns.length).toBeGreaterThan(100);
    expect([...new Set(columns)].filter((name) => !listed.has(name))).toEqual([]);
    expect(TABLE_COLUMNS.map(({ name }) => name)).toEqual([...listed]);
  });
});

describe("the warehouse's sandbox", () => {
  test("refuses a row that it was told to, alone, and keeps what it has", async () => {
    const sandbox = (await warehouse.sandbox()).createSandbox();
    const destination = await openWarehouse(sandbox.settings({ url: "", folder }));
    const send = (...calls: string[]) =>
      destination.send(
        calls.map((call_id) => deliveryOf(documentedCall({ call_id }))),
        { signal: AbortSignal.timeout(10_000) },
      );
    await send("before");
    sandbox.refuse?.("voiceinfra/b");
    expect((await send("a", "b", "c")).map(({ kind }) => kind)).toEqual(["delivered", "rejected", "delivered"]);
    expect((await sandbox.records()).map(({ key }) => key).toSorted()).toEqual(["a", "before", "c"].map((call) => `voiceinfra/${call}`));
    await destination.close();
  });

  test("its records are the rows of a real file", async () => {
    const sandbox = (await warehouse.sandbox()).createSandbox();
    const settings = sandbox.settings({ url: "", folder });
    expect(await sandbox.records()).toEqual([]);
    const destination = await openWarehouse(settings);
    expect(await sandbox.records()).toEqual([]);
    const [outcome] = await destination.send([deliveryOf(documentedCall())], { signal: AbortSignal.timeout(10_000) });
    expect(await sandbox.records()).toEqual([
      {
        key: "voiceinfra/call_01HXYZ123456",
        id: outcome?.kind === "delivered" ? outcome.receipt.id : "",
        line: "calls: call_01HXYZ123456 · inbound · answered · 147 s",
        body: expect.objectContaining({ call_id: "call_01HXYZ123456", duration_seconds: 147 }),
      },
    ]);
    await destination.close();
  });
});
