import { randomUUID } from "node:crypto";
import pg from "pg";
import { describe, expect, inject, test } from "vitest";
import { UnreachableError } from "../../src/errors.ts";
import { openPostgresLedger } from "../../src/ledger/postgres/index.ts";
import { describeLedger } from "../ledger.contract.ts";
import { describeLedgerAfter } from "../ledger-after.contract.ts";
import { describeLedgerRepairs } from "../ledger-repairs.contract.ts";

const postgres = inject("postgres");

if ("missing" in postgres) {
  test.skip(`PostgreSQL: SKIPPED, ${postgres.missing}`);
} else {
  const { url } = postgres;
  const schema = `ledger_${randomUUID().replaceAll("-", "")}`;
  const query = async (text: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(text).finally(() => client.end());
  };

  const harness = (name: string) => ({
    name: "PostgreSQL",
    open: () => openPostgresLedger({ url: `${url}?schema=${name}` }),
    remove: () => query(`DROP SCHEMA "${name}" CASCADE`),
  });
  describeLedger(harness(schema));
  describeLedgerRepairs(harness(`${schema}_repairs`));
  describeLedgerAfter(harness(`${schema}_after`));

  describe("the ledger on PostgreSQL, by itself", () => {
    test("one of a newer program is refused, naming both versions", async () => {
      const other = `${schema}_newer`;
      await (await openPostgresLedger({ url: `${url}?schema=${other}` })).close();
      await query(`UPDATE "${other}".patchbay_ledger_version SET version = 99`);
      await expect(openPostgresLedger({ url: `${url}?schema=${other}` })).rejects.toThrow(/newer.*99.*3/s);
      await query(`DROP SCHEMA "${other}" CASCADE`);
    });

    test("a server that does not answer is named, without the password", async () => {
      const error = await openPostgresLedger({ url: "postgres://user:hunter2@127.0.0.1:1/patchbay" }).catch((reason) => reason);
      expect(error).toBeInstanceOf(UnreachableError);
      expect(error.message).toContain("127.0.0.1:1");
      expect(`${error.message} ${error.hint} ${error.stack}`).not.toContain("hunter2");
    });

    test("a wrong password says so", async () => {
      const wrong = new URL(url);
      wrong.password = "hunter2";
      await expect(openPostgresLedger({ url: wrong.href })).rejects.toThrow("refuses the user or the password");
    });

    test("connections that the server ended are replaced by the next call", async () => {
      const ledger = await openPostgresLedger({ url: `${url}?schema=${schema}` });
      await ledger.check();
      await query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'patchbay' AND pid <> pg_backend_pid()");
      await expect
        .poll(() =>
          ledger.check().then(
            () => "answers",
            () => "not yet",
          ),
        )
        .toBe("answers");
      await ledger.close();
    });
  });
}
