import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { UnreachableError, UsageError } from "../../src/errors.ts";
import { openPostgresLedger } from "../../src/ledger/postgres/index.ts";
import { describePostgresLedger } from "../contracts/postgres-ledger.contract.ts";
import { describePostgresWarehouse } from "../contracts/postgres-warehouse.contract.ts";
import { closedPort } from "../support/ports.ts";
import { queryPostgres } from "../support/query-postgres.ts";
import { startPgBouncer } from "./support/pgbouncer.ts";

const postgres = inject("postgres");
const missing = "missing" in postgres ? postgres.missing : inject("pgbouncer").missing;

describe.skipIf(missing)(`PgBouncer in transaction mode${missing ? ` (SKIPPED: ${missing})` : ""}`, () => {
  const direct = "missing" in postgres ? "" : postgres.url;
  const database = `pooled_${randomUUID().slice(0, 8)}`;
  let pooled: Awaited<ReturnType<typeof startPgBouncer>>;

  function admin(text: string, of = database) {
    const url = new URL(direct);
    url.pathname = `/${of}`;
    return queryPostgres(url.href, text);
  }
  const tablesOf = async (schema: string) =>
    Number((await admin(`SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = '${schema}'`))[0]?.n);

  beforeAll(async () => {
    await admin(`CREATE DATABASE ${database}`, "postgres");
    pooled = await startPgBouncer({ postgres: direct });
  });
  afterAll(async () => {
    await pooled?.stop();
    await admin(`DROP DATABASE ${database} WITH (FORCE)`, "postgres");
  });

  // As it is, and after the usual advice: then the session's parameters are taken and have no effect.
  describe.each([
    ["as it comes", [] as string[]],
    ["that passes over parameters of the session", ["ignore_startup_parameters = extra_float_digits, statement_timeout, options"]],
  ])("%s", (what, settings) => {
    let one: Awaited<ReturnType<typeof startPgBouncer>>;
    const url = () => one.urlOf(database);
    const schema = `s_${settings.length}_${randomUUID().slice(0, 8)}`;
    beforeAll(async () => {
      one = await startPgBouncer({ postgres: direct, settings });
    });
    afterAll(() => one?.stop());

    test("keeps schema=, over many connections at once, and prepared statements never miss", async () => {
      const ledgers = await Promise.all(Array.from({ length: 3 }, () => openPostgresLedger({ url: `${url()}?schema=${schema}` })));
      const place = { route: "r", source: "s", partition: 0, hash: "h", acceptedAt: 1 };
      await Promise.all(
        Array.from({ length: 120 }, async (_, offset) => {
          const ledger = ledgers[offset % 3] as (typeof ledgers)[number];
          const item = { ...place, callId: `c${offset}`, offset };
          const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [item] });
          if (answer?.kind !== "claimed") throw new Error(`not claimed: ${answer?.kind}`);
          const settlement = { kind: "delivered" as const, receipt: { id: item.callId }, sentFields: [] };
          expect(await ledger.settle([{ ...item, claimId: answer.claim.claimId, settlement, routesVersion: "v" }])).toEqual([true]);
        }),
      );
      expect(await tablesOf(schema)).toBeGreaterThan(8);
      expect(await tablesOf("public")).toBe(0);
      const looking = await openPostgresLedger({ url: `${url()}?schema=${schema}`, access: "look" });
      expect(await looking.deliveries({ limit: 200 })).toHaveLength(120);
      await Promise.all([...ledgers, looking].map((ledger) => ledger.close()));
      // Nothing of ours is left for whoever gets the connection next.
      const after = new pg.Client({ connectionString: url() });
      await after.connect();
      expect((await after.query("SHOW search_path")).rows).toEqual([{ search_path: '"$user", public' }]);
      expect((await after.query("SELECT count(*)::int AS n FROM pg_prepared_statements")).rows).toEqual([{ n: 0 }]);
      await after.end();
    });

    test("names the setting where the URL has options= of the session", async () => {
      const error = await openPostgresLedger({ url: `${url()}?schema=${schema}&options=-c%20geqo%3Doff` }).then(
        async (ledger) => {
          await ledger.close();
          return undefined;
        },
        (reason) => reason,
      );
      if (settings.length > 0) return expect(error).toBeUndefined();
      expect(error, what).toBeInstanceOf(UsageError);
      expect(`${error.message} ${error.hint}`).toMatch(
        /does not take the options= of the ledger's URL.*ignore_startup_parameters = options/,
      );
    });
  });

  test("a database that it does not know, and a server that is away behind it, are said", async () => {
    const one = await startPgBouncer({
      postgres: direct,
      databases: [`away = host=127.0.0.1 port=${await closedPort()} dbname=x user=x`],
    });
    onTestFinished(() => one.stop());
    const refusal = async (name: string) => {
      const error = await openPostgresLedger({ url: one.urlOf(name) }).catch((reason) => reason);
      expect(error).toBeInstanceOf(UnreachableError);
      return `${error.message} ${error.hint}`;
    };
    expect(await refusal("nowhere")).toMatch(/nowhere is behind a pooler that does not know the database, or the user.*own lists/);
    expect(await refusal("away")).toMatch(
      /is behind a pooler that does not let us through.*server|does not take the query now|does not answer/,
    );
  });

  describePostgresLedger({ name: "PostgreSQL behind PgBouncer", url: () => pooled.urlOf(database) });
  describePostgresWarehouse({ name: "PostgreSQL behind PgBouncer", url: () => direct, through: (name) => pooled.urlOf(name) });
});
