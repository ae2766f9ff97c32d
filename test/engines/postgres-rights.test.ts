import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { UnreachableError, UsageError } from "../../src/errors.ts";
import { openPostgresLedger } from "../../src/ledger/postgres/index.ts";

const postgres = inject("postgres");

if ("missing" in postgres) {
  test.skip(`PostgreSQL: SKIPPED, ${postgres.missing}`);
} else {
  const id = randomUUID().slice(0, 8);
  const database = `shared_${id}`;
  const admin = async (text: string, of = database) => {
    const url = new URL(postgres.url);
    url.pathname = `/${of}`;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  };
  const urlOf = (options: { user?: string; password?: string; database?: string; query?: string }) => {
    const url = new URL(postgres.url);
    if (options.user) [url.username, url.password] = [options.user, options.password ?? "pw"];
    url.pathname = `/${options.database ?? database}`;
    url.search = options.query ?? "";
    return url.href;
  };
  const role = (name: string) => `${name}_${id}`;
  const place = { route: "r", source: "s", callId: "c", partition: 0, offset: 0, hash: "h", acceptedAt: 1 };
  const refusal = (url: string, options: { mustExist?: boolean; access?: "write" | "look" } = {}) =>
    openPostgresLedger({ url, ...options }).then(
      async (ledger) => {
        await ledger.close();
        throw new Error("it was not refused");
      },
      (error: UsageError | UnreachableError) => error,
    );

  beforeAll(async () => {
    await admin(`CREATE DATABASE ${database}`, "postgres");
    for (const name of ["limited", "writer", "reader", "stranger"]) await admin(`CREATE ROLE ${role(name)} LOGIN PASSWORD 'pw'`);
    await admin(`CREATE SCHEMA patchbay AUTHORIZATION ${role("limited")}`);
  });
  afterAll(async () => {
    await admin(`DROP DATABASE ${database} WITH (FORCE)`, "postgres");
    for (const name of ["limited", "writer", "reader", "stranger"]) await admin(`DROP ROLE ${role(name)}`, "postgres");
  });

  describe("least privilege", () => {
    test("a schema that an administrator made for the role is enough: nothing is asked of the database", async () => {
      const ledger = await openPostgresLedger({ url: urlOf({ user: role("limited"), query: "?schema=patchbay" }) });
      const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [place] });
      expect(answer?.kind).toBe("claimed");
      await ledger.close();
      expect(await admin("SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'")).toEqual([{ n: 0 }]);
    });

    test("a role that only reads and writes the tables works with a ledger that is there", async () => {
      await admin(
        `GRANT USAGE ON SCHEMA patchbay TO ${role("writer")}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA patchbay TO ${role("writer")}`,
      );
      const ledger = await openPostgresLedger({ url: urlOf({ user: role("writer"), query: "?schema=patchbay" }) });
      expect(await ledger.pause({ route: "r", kind: "person", reason: "x", by: "me" })).toBe(true);
      await ledger.close();
    });

    test("a role that may only read is enough to look, and is told what is missing where it would write", async () => {
      await admin(
        `GRANT USAGE ON SCHEMA patchbay TO ${role("reader")}; GRANT SELECT ON ALL TABLES IN SCHEMA patchbay TO ${role("reader")}`,
      );
      const url = urlOf({ user: role("reader"), query: "?schema=patchbay" });
      const ledger = await openPostgresLedger({ url, access: "look" });
      expect(await ledger.deliveries({ limit: 10 })).toHaveLength(1);
      expect((await ledger.controls()).routes).toHaveLength(1);
      await ledger.close();
      const error = await refusal(url);
      expect(error).toBeInstanceOf(UsageError);
      expect(error.hint).toBe(`GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA patchbay TO ${role("reader")}.`);
    });

    test("a role without any right is told which it needs: on the schema, and on the database where there is none", async () => {
      const there = await refusal(urlOf({ user: role("stranger"), query: "?schema=patchbay" }), { mustExist: true });
      expect(`${there.message} ${there.hint}`).toMatch(
        /does not let this user.*permission denied for schema patchbay.*GRANT USAGE, CREATE ON SCHEMA patchbay/,
      );
      const none = await refusal(urlOf({ user: role("stranger"), query: "?schema=another" }));
      expect(none).toBeInstanceOf(UnreachableError);
      expect(`${none.message} ${none.hint}`).toMatch(
        /permission denied for database.*Create the schema another beforehand, owned by this user/,
      );
    });

    test.each(["SELECT", "INSERT", "UPDATE", "DELETE"])(
      "a right that is taken while it runs (%s) is named with the table",
      async (right) => {
        await admin(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA patchbay TO ${role("writer")}`);
        const ledger = await openPostgresLedger({ url: urlOf({ user: role("writer"), query: "?schema=patchbay" }) });
        await admin(`REVOKE ${right} ON ALL TABLES IN SCHEMA patchbay FROM ${role("writer")}`);
        const error = await ledger.retireRoute({ route: "r2", by: "me" }).then(
          () =>
            ledger.claim({ worker: "w", leaseMs: 1, items: [{ ...place, callId: right }] }).then(
              () => undefined,
              (reason) => reason,
            ),
          (reason) => reason,
        );
        expect(error).toBeInstanceOf(UnreachableError);
        expect(`${error.message} ${error.hint}`).toMatch(
          /does not let this user do this: permission denied for table \w+.*GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES/,
        );
        await ledger.close();
      },
    );

    test("tables that another role made cannot be brought up to date: that is said", async () => {
      await admin("UPDATE patchbay.patchbay_ledger_version SET version = 3");
      await admin(
        `GRANT CREATE ON SCHEMA patchbay TO ${role("writer")}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA patchbay TO ${role("writer")}`,
      );
      const error = await refusal(urlOf({ user: role("writer"), query: "?schema=patchbay" }));
      expect(`${error.message} ${error.hint}`).toMatch(/must be owner of table deliveries.*the user that made the tables/);
    });
  });

  describe("a look changes nothing", () => {
    test("it makes no schema and no table, and says that there is no ledger", async () => {
      const error = await refusal(urlOf({ query: "?schema=nothing_here" }), { access: "look" });
      expect(error).toBeInstanceOf(UsageError);
      expect(`${error.message} ${error.hint}`).toMatch(/no ledger in the schema nothing_here of postgres:.*patchbay up/);
      expect(await admin("SELECT 1 FROM pg_namespace WHERE nspname = 'nothing_here'")).toEqual([]);
    });

    test.each([{ access: "look" as const }, { mustExist: true }])("it migrates no ledger of an older version (%o)", async (options) => {
      const schema = `older_${randomUUID().slice(0, 8)}`;
      await (await openPostgresLedger({ url: urlOf({ query: `?schema=${schema}` }) })).close();
      await admin(`UPDATE ${schema}.patchbay_ledger_version SET version = version - 1`);
      const [before] = await admin(`SELECT version FROM ${schema}.patchbay_ledger_version`);
      const error = await refusal(urlOf({ query: `?schema=${schema}` }), options);
      expect(`${error.message} ${error.hint}`).toMatch(
        /made by an older Patchbay: it has version \d+, this program's is \d+.*Start `patchbay up`/,
      );
      expect(await admin(`SELECT version FROM ${schema}.patchbay_ledger_version`)).toEqual([before]);
    });

    test("it works where nothing can be written: on a standby, or a primary set so; a process that writes says why it cannot", async () => {
      const name = `readonly_${id}`;
      await admin(`CREATE DATABASE ${name}`, "postgres");
      const url = urlOf({ database: name });
      const before = await openPostgresLedger({ url });
      await admin(`ALTER DATABASE ${name} SET default_transaction_read_only = on`, "postgres");
      await admin(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND application_name = 'patchbay'`,
        "postgres",
      );
      const looking = await openPostgresLedger({ url, access: "look" });
      expect(await looking.deliveries({ limit: 1 })).toEqual([]);
      await looking.close();
      const error = await refusal(url);
      expect(error).toBeInstanceOf(UnreachableError);
      expect(`${error.message} ${error.hint}`).toMatch(
        /is read-only: a standby, or a primary that was set so.*must lead to the new primary/,
      );
      // One that runs says so, and goes on by itself once its name leads to a primary again: the connection is not kept.
      const claim = () =>
        before.claim({ worker: "w", leaseMs: 1, items: [place] }).then(
          ([answer]) => answer?.kind,
          (reason) => reason.message,
        );
      await expect.poll(claim).toMatch(/is read-only/);
      await admin(`ALTER DATABASE ${name} SET default_transaction_read_only = off`, "postgres");
      await expect.poll(claim).toBe("claimed");
      await before.close();
      await admin(`DROP DATABASE ${name} WITH (FORCE)`, "postgres");
    });
  });

  describe("a database that cannot be one", () => {
    test("in LATIN1 is refused before a call with an emoji is tried for ever", async () => {
      const name = `latin_${id}`;
      await admin(`CREATE DATABASE ${name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`, "postgres");
      const error = await refusal(urlOf({ database: name }));
      expect(error).toBeInstanceOf(UsageError);
      expect(`${error.message} ${error.hint}`).toMatch(/is in LATIN1.*CREATE DATABASE patchbay ENCODING 'UTF8' TEMPLATE template0/);
      await admin(`DROP DATABASE ${name}`, "postgres");
    });

    test("in SQL_ASCII, which keeps bytes as they are, takes every text", async () => {
      const name = `ascii_${id}`;
      await admin(`CREATE DATABASE ${name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`, "postgres");
      const ledger = await openPostgresLedger({ url: urlOf({ database: name }) });
      const odd = { ...place, callId: "Jürgen 📞 山田" };
      const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [odd] });
      if (answer?.kind !== "claimed") throw new Error("not claimed");
      const settlement = { kind: "delivered" as const, receipt: { id: "📞" }, sentFields: ["summary"] };
      await ledger.settle([{ ...odd, claimId: answer.claim.claimId, settlement, routesVersion: "v" }]);
      await ledger.keepRoutesFile({ version: "v", text: "# 📞 ü" });
      expect(await ledger.deliveries({ callId: odd.callId, limit: 1 })).toMatchObject([{ callId: odd.callId, receipt: { id: "📞" } }]);
      expect(await ledger.routesFile("v")).toMatchObject({ text: "# 📞 ü" });
      await ledger.close();
      await admin(`DROP DATABASE ${name} WITH (FORCE)`, "postgres");
    });

    test("with a table of somebody else's in the way is left as it is", async () => {
      const schema = `foreign_${id}`;
      await admin(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.workers (name text)`);
      const error = await refusal(urlOf({ query: `?schema=${schema}` }));
      expect(`${error.message} ${error.hint}`).toMatch(
        /has something of the same name in the schema .*"workers".*schema of its own: schema=patchbay/,
      );
      expect(await admin(`SELECT tablename FROM pg_tables WHERE schemaname = '${schema}'`)).toEqual([{ tablename: "workers" }]);
    });

    test("whose tables are dropped while it runs says so", async () => {
      const schema = `dropped_${id}`;
      const ledger = await openPostgresLedger({ url: urlOf({ query: `?schema=${schema}` }) });
      await admin(`DROP SCHEMA ${schema} CASCADE`);
      await expect(ledger.counts()).rejects.toThrow(/is not as Patchbay made it: relation .* does not exist/);
      await ledger.close();
    });

    test("that is not there, or a user that is not, is named", async () => {
      expect((await refusal(urlOf({ database: "nowhere" }))).message).toMatch(/nowhere has no such database/);
      expect((await refusal(urlOf({ user: "nobody_at_all" }))).message).toMatch(/refuses the user/);
    });
  });

  describe("schema= in the URL", () => {
    const tablesOf = async (schema: string) =>
      Number((await admin(`SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = '${schema}'`))[0].n);

    test("is what is used, also beside options= of the session and where the role's search_path is another", async () => {
      const schema = `kept_${id}`;
      await admin(`ALTER ROLE ${role("limited")} SET search_path = public; GRANT CREATE ON DATABASE ${database} TO ${role("limited")}`);
      const ledger = await openPostgresLedger({
        url: urlOf({ user: role("limited"), query: `?schema=${schema}&options=-c%20geqo%3Doff` }),
      });
      await ledger.check();
      await ledger.close();
      expect(await tablesOf(schema)).toBeGreaterThan(8);
      expect(await tablesOf("public")).toBe(0);
    });

    test("does not leave behind what an earlier version put into public beside options=", async () => {
      const name = `lost_${id}`;
      await admin(`CREATE DATABASE ${name}`, "postgres");
      await (await openPostgresLedger({ url: urlOf({ database: name }) })).close();
      const error = await refusal(urlOf({ database: name, query: "?schema=patchbay&options=-c%20geqo%3Doff" }));
      expect(`${error.message} ${error.hint}`).toMatch(/has its tables in the schema public, not in patchbay.*Take schema= out/);
      await admin(`DROP DATABASE ${name} WITH (FORCE)`, "postgres");
    });

    test("may be a search_path in options= instead", async () => {
      const schema = `path_${id}`;
      await (await openPostgresLedger({ url: urlOf({ query: `?options=-c%20search_path%3D${schema}` }) })).close();
      expect(await tablesOf(schema)).toBeGreaterThan(8);
    });

    test("that is a word of SQL is a name all the same", async () => {
      await (await openPostgresLedger({ url: urlOf({ query: "?schema=select" }) })).close();
      expect(await tablesOf("select")).toBeGreaterThan(8);
    });
  });
}
