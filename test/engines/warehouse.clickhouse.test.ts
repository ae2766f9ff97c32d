import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { OpenError } from "../../src/connector/index.ts";
import {
  deliveryOf,
  describeWarehouse,
  documentedCall,
  type EngineTraits,
  openWarehouse,
  plainRow,
  refusedNames,
} from "../contracts/warehouse.contract.ts";
import { startClickHouse } from "../support/clickhouse.ts";
import { closedPort } from "../support/ports.ts";

const started = await startClickHouse();
const missing = "missing" in started ? started.missing : undefined;
if (missing) console.warn(`\nClickHouse as a warehouse is SKIPPED: ${missing}\n`);
const clickhouse = started as Exclude<typeof started, { missing: string }>;

const REPLACING = "ENGINE = ReplacingMergeTree(_version) ORDER BY delivery_key";
const traits: EngineTraits = {
  timeType: "datetime64",
  readsOwnColumnsOnly: true,
  keyFix: /ENGINE = ReplacingMergeTree\(_version\) ORDER BY delivery_key/,
  tables: {
    older: [
      `CREATE TABLE calls (delivery_key String, call_id String, mine Nullable(Int32), big UInt64 DEFAULT 5, _version UInt64) ${REPLACING}`,
      "INSERT INTO calls VALUES ('voiceinfra/old', 'old', 7, 18446744073709551615, 1)",
    ],
    foreign: ["CREATE TABLE calls (id Int32, note String) ENGINE = MergeTree ORDER BY id"],
    keyNotUnique: ["CREATE TABLE calls (delivery_key String, call_id String) ENGINE = MergeTree ORDER BY delivery_key"],
    keyUniqueOtherwise: { cannot: "it has no constraints of uniqueness" },
    keyOfTwo: [
      "CREATE TABLE calls (delivery_key String, call_id String, _version UInt64) ENGINE = ReplacingMergeTree(_version) ORDER BY (delivery_key, call_id)",
    ],
    wrongType: [
      `CREATE TABLE calls (delivery_key String, start_time Int32) ENGINE = ReplacingMergeTree ORDER BY delivery_key`,
      "DROP TABLE calls",
      `CREATE TABLE calls (delivery_key String, start_time Int32, _version UInt64) ${REPLACING}`,
    ],
    mustBeFilled: { cannot: "a column that nothing fills has its type's default" },
    refusing: [
      `CREATE TABLE calls (delivery_key String, agent_id String, _version UInt64, CONSTRAINT fine CHECK NOT startsWith(agent_id, 'forbidden')) ${REPLACING}`,
    ],
  },
};

const freshTables = () => {
  for (const { name } of clickhouse.run("SHOW TABLES")) clickhouse.run(`DROP TABLE \`${name}\` SYNC`);
};

describe.skipIf(missing)(`ClickHouse as a warehouse${missing ? ` (skipped: ${missing})` : ` (${clickhouse.version})`}`, () => {
  afterAll(() => clickhouse.close());

  describeWarehouse("ClickHouse", traits, async () => {
    freshTables();
    return {
      settings: { url: clickhouse.url() },
      run: async (sql) => clickhouse.run(sql),
      rows: async (table) => {
        const there = clickhouse.run(`EXISTS TABLE "${table}"`)[0]?.result;
        if (!there) return undefined;
        const replaces = clickhouse.run(`SELECT engine FROM system.tables WHERE name = '${table}'`)[0]?.engine === "ReplacingMergeTree";
        return clickhouse.run(`SELECT * FROM "${table}"${replaces ? " FINAL" : ""}`).map(plainRow);
      },
      keyWords: async () =>
        clickhouse
          .run("SELECT keyword FROM system.keywords")
          .flatMap(({ keyword }) => (/^\w+$/.test(String(keyword)) ? [String(keyword)] : [])),
      close: async () => undefined,
    };
  });

  describe("what only ClickHouse has", () => {
    beforeEach(freshTables);
    afterEach(() => clickhouse.meanwhile(undefined));
    const within = () => ({ signal: AbortSignal.timeout(10_000) });

    test("a call is delivered once ClickHouse says how many rows it wrote, or shows them where it does not say", async () => {
      const destination = await openWarehouse({ url: clickhouse.url() });
      const send = (...ids: string[]) =>
        destination.send(
          ids.map((call_id) => deliveryOf(documentedCall({ call_id }))),
          within(),
        );
      clickhouse.summarise(false);
      onTestFinished(() => clickhouse.summarise(true));
      expect(await send("a", "b")).toMatchObject([{ kind: "delivered" }, { kind: "delivered" }]);
      // Somebody in between who answers for the server: nothing is written, and nothing says so.
      clickhouse.meanwhile((sql) => {
        if (sql.startsWith("SELECT") && sql.includes("_version"))
          clickhouse.run("ALTER TABLE calls DELETE WHERE true SETTINGS mutations_sync = 2");
      });
      expect(await send("c", "d")).toMatchObject([
        { kind: "retry", because: "server", code: "rows_missing" },
        { kind: "retry", because: "server", code: "rows_missing" },
      ]);
      await destination.close();
    });

    test("a virtual column's name is refused by check, or works as any other", async () => {
      const destination = await openWarehouse({ url: clickhouse.url() });
      const virtual = clickhouse
        .run("DESCRIBE TABLE calls SETTINGS describe_include_virtual_columns = 1")
        .filter(({ is_virtual }) => is_virtual);
      const names = virtual.map(({ name }) => String(name));
      expect(names).toContain("_row_exists");
      const refused = refusedNames({ url: clickhouse.url() }, names);
      const columns = Object.fromEntries(names.filter((name) => !refused.includes(name)).map((name) => [name, `of ${name}`]));
      expect(await destination.send([deliveryOf(documentedCall(), columns)], within())).toMatchObject([{ kind: "delivered" }]);
      expect(clickhouse.run("SELECT * FROM calls FINAL")).toMatchObject([columns]);
      for (const name of refused) {
        await expect(destination.send([deliveryOf(documentedCall(), { [name]: "x" })], within())).resolves.toMatchObject([
          { kind: "needs-fix" },
        ]);
      }
      await destination.close();
    });

    test("columns that others add later keep their values when a call is updated", async () => {
      const destination = await openWarehouse({ url: clickhouse.url() });
      await destination.send([deliveryOf(documentedCall())], within());
      clickhouse.run("ALTER TABLE calls ADD COLUMN score UInt64 DEFAULT 3, ADD COLUMN price Decimal(38, 10)");
      clickhouse.run(
        "ALTER TABLE calls UPDATE score = 18446744073709551615, price = '1234567890123456789.0123456789' WHERE true SETTINGS mutations_sync = 2",
      );
      await destination.send([deliveryOf(documentedCall({ summary: "Later." })), deliveryOf(documentedCall({ call_id: "new" }))], within());
      expect(
        clickhouse.run(
          "SELECT summary = 'Later.' AS later, toString(score) AS score, toString(price) AS price FROM calls FINAL ORDER BY later",
        ),
      ).toEqual([
        { later: 0, score: "3", price: "0" },
        { later: 1, score: "18446744073709551615", price: "1234567890123456789.0123456789" },
      ]);
      await destination.close();
    });

    test("the last event wins also after the server's clock has gone back", async () => {
      const destination = await openWarehouse({ url: clickhouse.url() });
      await destination.send([deliveryOf(documentedCall())], within());
      clickhouse.run("ALTER TABLE calls UPDATE summary = 'written in the future', agent = 'kept' WHERE true SETTINGS mutations_sync = 2");
      clickhouse.run("INSERT INTO calls SELECT * REPLACE (18446744073709551000 AS _version) FROM calls");
      await destination.send([deliveryOf(documentedCall({ agent: "", summary: "Later." }))], within());
      expect(clickhouse.run("SELECT summary, agent, toString(_version) AS version FROM calls FINAL")).toEqual([
        { summary: "Later.", agent: "kept", version: "18446744073709551001" },
      ]);
      await destination.close();
    });

    test("merging leaves the row that FINAL shows", async () => {
      const destination = await openWarehouse({ url: clickhouse.url() });
      for (const summary of ["one", "two", "three"]) await destination.send([deliveryOf(documentedCall({ summary }))], within());
      expect(clickhouse.run("SELECT count() AS n FROM calls")).not.toEqual([{ n: 1 }]);
      clickhouse.run("OPTIMIZE TABLE calls FINAL");
      expect(clickhouse.run("SELECT summary FROM calls")).toEqual([{ summary: "three" }]);
      await destination.close();
    });

    test("an erased call is gone in every version of it", async () => {
      const destination = await openWarehouse({ url: clickhouse.url() });
      for (const summary of ["one", "two"]) await destination.send([deliveryOf(documentedCall({ summary }))], within());
      expect(await destination.erase?.({ key: "voiceinfra/call_01HXYZ123456", receipt: { id: "" } }, within())).toBe(true);
      expect(clickhouse.run("SELECT * FROM calls")).toEqual([]);
      await destination.close();
    });

    test("a year that DateTime64 cannot keep refuses its own row", async () => {
      const destination = await openWarehouse({ url: clickhouse.url() });
      const outcomes = await destination.send(
        [deliveryOf(documentedCall({ call_id: "a", start_time: "1066-10-14T09:00:00Z" })), deliveryOf(documentedCall({ call_id: "b" }))],
        within(),
      );
      expect(outcomes.map(({ kind }) => kind)).toEqual(["rejected", "delivered"]);
      await destination.close();
    });

    test("no value of a call is in a statement, where the server's query log would keep it", async () => {
      const destination = await openWarehouse({ url: clickhouse.url() });
      await destination.send([deliveryOf(documentedCall())], within());
      clickhouse.statements.length = 0;
      await destination.send([deliveryOf(documentedCall({ summary: "About marzipan." }))], within());
      const texts = clickhouse.statements.map((sql) => sql.replace(/FORMAT JSONEachRow\n.*$/s, ""));
      expect(texts.join(" ")).not.toContain("marzipan");
      expect(clickhouse.statements.join(" ")).toContain("marzipan");
      await destination.close();
    });

    test.each([
      [
        "a wrong password",
        () => clickhouse.url({ password: "wrong" }),
        { kind: "needs-fix", code: "516", fix: expect.stringContaining("password") },
      ],
      ["a database that is not there", () => clickhouse.url({ database: "nowhere" }), { kind: "needs-fix", code: "81" }],
    ])("%s is said, with what to do", async (_what, url, outcome) => {
      const error = await openWarehouse({ url: url() }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(OpenError);
      expect((error as OpenError).outcome).toMatchObject(outcome);
    });

    test("a server that is not there is waited for", async () => {
      const port = await closedPort();
      const error = await openWarehouse({ url: `clickhouse://me:secret@127.0.0.1:${port}/voice` }).catch((thrown: unknown) => thrown);
      expect((error as OpenError).outcome).toMatchObject({ kind: "retry", because: "down" });
    });
  });
});
