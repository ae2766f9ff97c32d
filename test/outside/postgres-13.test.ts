import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPostgresLedger } from "../../src/ledger/postgres/index.ts";
import { describeLedger } from "../ledger.contract.ts";
import { describeLedgerAfter } from "../ledger-after.contract.ts";
import { describeLedgerRepairs } from "../ledger-repairs.contract.ts";
import { outside } from "./support/outside.ts";
import { startPostgres13 } from "./support/postgres-13.ts";

const { folder, skipped, note } = outside("postgres13");

describe.skipIf(skipped)(`PostgreSQL 13, the oldest that we work with${note}`, () => {
  let server: Awaited<ReturnType<typeof startPostgres13>>;
  beforeAll(async () => {
    server = await startPostgres13(folder);
  });
  afterAll(() => server?.stop());

  test("is what answers", async () => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    expect((await client.query("SHOW server_version")).rows[0].server_version).toMatch(/^13\./);
    await client.end();
  });

  const schema = `s_${randomUUID().replaceAll("-", "")}`;
  const harness = (name: string) => ({
    name: "PostgreSQL 13",
    open: () => openPostgresLedger({ url: `${server.url}?schema=${name}` }),
    async remove() {
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      await client.query(`DROP SCHEMA "${name}" CASCADE`);
      await client.end();
    },
  });
  describeLedger(harness(schema));
  describeLedgerRepairs(harness(`${schema}_repairs`));
  describeLedgerAfter(harness(`${schema}_after`));
});
