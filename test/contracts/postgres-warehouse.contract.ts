import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outcomeOfPostgres } from "../../connectors/warehouse/engines/postgres/errors.ts";
import { OpenError, parseJsonExactly } from "../../src/connector/index.ts";
import { queryPostgres } from "../support/query-postgres.ts";
import {
  deliveryOf,
  describeWarehouse,
  documentedCall,
  type EngineTraits,
  openWarehouse,
  plainRow,
  refusedNames,
} from "./warehouse.contract.ts";

const TRAITS: EngineTraits = {
  timeType: "timestamp with time zone",
  keyFix: /^Run: ALTER TABLE calls ADD PRIMARY KEY \(delivery_key\)$/,
  refusesOverflow: true,
  numbersAsTexts: ["endless"],
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
      "CREATE TABLE calls (delivery_key varchar PRIMARY KEY, duration_seconds integer, agent_id varchar CHECK (agent_id NOT LIKE 'forbidden%'))",
    ],
  },
};
/** A server whose administrator we are; asked when a test runs. */
interface Server {
  name: string;
  /** `postgres://…`, in any of its databases. */
  url(): string;
}

/** A database of ours alone, so that files of a project may run side by side on one server. */
function ownDatabase(server: Server) {
  const database = `warehouse_${randomBytes(4).toString("hex")}`;
  const urlOf = (changes: { database?: string; user?: string; password?: string; port?: string } = {}): string => {
    const url = new URL(server.url());
    url.pathname = `/${changes.database ?? database}`;
    if (changes.user) url.username = changes.user;
    if (changes.password) url.password = changes.password;
    if (changes.port) url.port = changes.port;
    return url.href;
  };
  const run = (sql: string) => queryPostgres(urlOf(), sql);
  beforeAll(async () => void (await queryPostgres(server.url(), `CREATE DATABASE ${database}`)));
  afterAll(async () => void (await queryPostgres(server.url(), `DROP DATABASE ${database} WITH (FORCE)`)));
  return { database, urlOf, run };
}

/**
 * What every warehouse promises, on one PostgreSQL.
 * @param through the way that the connector takes to a database, where something stands before the server.
 */
export function describePostgresWarehouse(server: Server & { through?(database: string): string }): void {
  describe(`PostgreSQL as a warehouse: ${server.name}`, () => {
    const { database, urlOf, run } = ownDatabase(server);
    describeWarehouse(server.name, TRAITS, async () => {
      await run("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      const rows = async (table: string) => {
        const [there] = await run(`SELECT to_regclass('"${table}"') IS NOT NULL AS there`);
        if (!there?.there) return undefined;
        return (await run(`SELECT to_json(whole)::text AS row FROM "${table}" AS whole`)).map(({ row }) =>
          plainRow(parseJsonExactly(String(row)) as Record<string, unknown>),
        );
      };
      const keyWords = async () => (await run("SELECT word FROM pg_get_keywords()")).map(({ word }) => String(word));
      const url = server.through?.(database) ?? urlOf();
      return { settings: { url }, run, rows, keyWords, close: async () => undefined };
    });
  });
}

/** What PostgreSQL's own ways ask of the connector: rights, triggers, locks, connections that end. */
export function describePostgresOwnWays(server: Server): void {
  describe(`what PostgreSQL alone has, as a warehouse: ${server.name}`, () => {
    const { database, urlOf, run } = ownDatabase(server);

    async function openFails(settings: Record<string, string>): Promise<Record<string, unknown>> {
      const error = await openWarehouse(settings, 3_000).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(OpenError);
      return { ...(error as OpenError).outcome };
    }

    test("the names that check refuses are those of the server's own system columns", async () => {
      await run("CREATE TABLE any_table (id integer)");
      const columns = await run("SELECT attname FROM pg_attribute WHERE attrelid = 'any_table'::regclass AND attnum < 0");
      const names = columns.map(({ attname }) => String(attname));
      expect(names.length).toBeGreaterThan(5);
      expect(refusedNames({ url: urlOf() }, ["campaign", ...names])).toEqual(names);
      await run("DROP TABLE any_table");
    });

    test("a call whose row a trigger takes away is not delivered, and says why; the others of its batch are", async () => {
      await run("CREATE SCHEMA IF NOT EXISTS triggered");
      const destination = await openWarehouse({ url: urlOf(), schema: "triggered" });
      await run(`CREATE FUNCTION triggered.no_tests() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.call_id LIKE 'test%' THEN RETURN NULL; END IF; RETURN NEW; END $$;
        CREATE TRIGGER no_tests BEFORE INSERT OR UPDATE ON triggered.calls FOR EACH ROW EXECUTE FUNCTION triggered.no_tests()`);
      const deliveries = ["a", "test_1", "b"].map((call_id) => deliveryOf(documentedCall({ call_id })));
      expect(await destination.send(deliveries, { signal: AbortSignal.timeout(10_000) })).toMatchObject([
        { kind: "delivered" },
        { kind: "rejected", code: "not_kept", reason: expect.stringContaining("trigger") },
        { kind: "delivered" },
      ]);
      expect(await run("SELECT call_id FROM triggered.calls ORDER BY call_id")).toEqual([{ call_id: "a" }, { call_id: "b" }]);
      await destination.close();
    });

    test("a schema of its own holds the table, and the receipt says so", async () => {
      await run("CREATE SCHEMA IF NOT EXISTS analytics");
      const destination = await openWarehouse({ url: urlOf(), schema: "analytics" });
      const [outcome] = await destination.send([deliveryOf(documentedCall())], { signal: AbortSignal.timeout(10_000) });
      expect(outcome).toMatchObject({ kind: "delivered", receipt: { extra: { table: "analytics.calls" } } });
      expect(await run("SELECT call_id FROM analytics.calls")).toEqual([{ call_id: "call_01HXYZ123456" }]);
      await destination.close();
    });

    test.each([
      [
        "a schema that is not there",
        () => ({ url: urlOf(), schema: "nowhere" }),
        { kind: "needs-fix", code: "3F000", fix: "Create it, or correct `schema`" },
      ],
      ["a database that is not there", () => ({ url: urlOf({ database: "nowhere" }) }), { kind: "needs-fix", code: "3D000" }],
      ["a server that does not answer", () => ({ url: urlOf({ port: "1" }) }), { kind: "retry", because: "down", code: "ECONNREFUSED" }],
    ])("%s is said when it is opened", async (_what, settings, outcome) => {
      expect(await openFails(settings())).toMatchObject(outcome);
    });

    test("a wrong password needs a fix, and appears nowhere", async () => {
      const failure = await openFails({ url: urlOf({ user: "nobody_at_all", password: "hunter2" }) });
      expect(failure).toMatchObject({ kind: "needs-fix", code: expect.stringMatching(/^28/), fix: "Check user and password in `url`" });
      expect(JSON.stringify(failure)).not.toContain("hunter2");
    });

    describe("a role that may only write", () => {
      const ROLE = `${database}_writer`;
      const asWriter = () => ({ url: urlOf({ user: ROLE, password: "pw" }), schema: "guarded" });

      beforeAll(async () => {
        await run(`CREATE ROLE ${ROLE} LOGIN PASSWORD 'pw'; CREATE SCHEMA guarded; GRANT USAGE ON SCHEMA guarded TO ${ROLE}`);
      });
      afterAll(async () => void (await run(`DROP OWNED BY ${ROLE}; DROP ROLE ${ROLE}`)));

      test("is told what it lacks when there is no table, and needs no more than that once there is one", async () => {
        expect(await openFails(asWriter())).toMatchObject({ kind: "needs-fix", code: "42501", fix: expect.stringContaining("GRANT") });
        await (await openWarehouse({ url: urlOf(), schema: "guarded" })).close();
        await run(`GRANT SELECT, INSERT, UPDATE ON guarded.calls TO ${ROLE}`);
        const destination = await openWarehouse(asWriter());
        const [outcome] = await destination.send([deliveryOf(documentedCall())], { signal: AbortSignal.timeout(10_000) });
        expect(outcome?.kind).toBe("delivered");
        await destination.close();
      });
    });

    test("a table that somebody locks: the calls are tried again, none is given up, and none is half written", async () => {
      await run("CREATE SCHEMA IF NOT EXISTS locked");
      const destination = await openWarehouse({ url: urlOf(), schema: "locked" }, 400);
      const holder = new pg.Client({ connectionString: urlOf() });
      await holder.connect();
      await holder.query("BEGIN; LOCK TABLE locked.calls IN ACCESS EXCLUSIVE MODE");
      const [outcome] = await destination.send([deliveryOf(documentedCall())], { signal: AbortSignal.timeout(5_000) });
      expect(outcome).toMatchObject({ kind: "retry", because: "record", code: "55P03" });
      await holder.query("ROLLBACK");
      await holder.end();
      const [after] = await destination.send([deliveryOf(documentedCall())], { signal: AbortSignal.timeout(5_000) });
      expect(after?.kind).toBe("delivered");
      await destination.close();
    });

    test("a connection that the server ends while it is idle is replaced without an error", async () => {
      await run("CREATE SCHEMA IF NOT EXISTS idle");
      const destination = await openWarehouse({ url: urlOf(), schema: "idle" });
      await run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'patchbay-warehouse' AND datname = current_database()",
      );
      const kinds: (string | undefined)[] = [];
      // The pool may hand out the ended connection once more before it has heard of it: 57P01 then, and the core tries again.
      for (let time = 0; time < 2; time += 1) {
        kinds.push(
          (await destination.send([deliveryOf(documentedCall())], { signal: AbortSignal.timeout(5_000) }).catch(() => []))[0]?.kind,
        );
      }
      expect(kinds[1]).toBe("delivered");
      await destination.close();
    });

    test("waiting for a connection of our own is no server that cannot be reached", async () => {
      const pool = new pg.Pool({ connectionString: urlOf(), max: 1, connectionTimeoutMillis: 200 });
      const held = await pool.connect();
      const error = await pool.connect().catch((thrown: unknown) => thrown);
      held.release();
      await pool.end();
      expect(outcomeOfPostgres(error)).toMatchObject({ kind: "retry", because: "record", code: "pool_busy" });
    });

    test("an attempt that is given up ends its connection, and the next one works", async () => {
      await run("CREATE SCHEMA IF NOT EXISTS slow");
      const destination = await openWarehouse({ url: urlOf(), schema: "slow" });
      const holder = new pg.Client({ connectionString: urlOf() });
      await holder.connect();
      await holder.query("BEGIN; LOCK TABLE slow.calls IN ACCESS EXCLUSIVE MODE");
      const sent = destination.send([deliveryOf(documentedCall())], { signal: AbortSignal.timeout(300) });
      await expect(sent).rejects.toThrow(expect.objectContaining({ name: "TimeoutError" }));
      await holder.query("ROLLBACK");
      await holder.end();
      const [after] = await destination.send([deliveryOf(documentedCall())], { signal: AbortSignal.timeout(5_000) });
      expect(after?.kind).toBe("delivered");
      expect(await run("SELECT call_id FROM slow.calls")).toHaveLength(1);
      await destination.close();
    });
  });
}
