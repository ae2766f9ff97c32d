import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { describePostgresLedger } from "../contracts/postgres-ledger.contract.ts";
import { describePostgresOwnWays, describePostgresWarehouse } from "../contracts/postgres-warehouse.contract.ts";
import { queryPostgres } from "../support/query-postgres.ts";
import { outside } from "./support/outside.ts";
import { startPgBouncer } from "./support/pgbouncer.ts";
import { startPostgres13 } from "./support/postgres-13.ts";

const { folder, skipped, note } = outside("postgres13");

describe.skipIf(skipped)(`PostgreSQL 13, the oldest that we work with${note}`, () => {
  let running: Awaited<ReturnType<typeof startPostgres13>>;
  beforeAll(async () => {
    running = await startPostgres13(folder);
  });
  afterAll(() => running?.stop());
  const server = { name: "PostgreSQL 13", url: () => running.url };

  test("is what answers", async () => {
    const [row] = await queryPostgres(running.url, "SHOW server_version");
    expect(row?.server_version).toMatch(/^13\./);
  });

  describePostgresLedger(server);
  describePostgresWarehouse(server);
  describePostgresOwnWays(server);

  const { missing } = inject("pgbouncer");
  describe.skipIf(missing)(`behind PgBouncer in transaction mode${missing ? ` (SKIPPED: ${missing})` : ""}`, () => {
    let pooled: Awaited<ReturnType<typeof startPgBouncer>>;
    beforeAll(async () => {
      pooled = await startPgBouncer({ postgres: running.url });
    });
    afterAll(() => pooled?.stop());
    describePostgresLedger({ name: "PostgreSQL 13 behind PgBouncer", url: () => pooled.urlOf("postgres") });
  });
});
