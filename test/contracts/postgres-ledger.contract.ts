import { randomUUID } from "node:crypto";
import { openPostgresLedger } from "../../src/ledger/postgres/index.ts";
import { queryPostgres } from "../support/query-postgres.ts";
import { describeLedger } from "./ledger.contract.ts";
import { describeLedgerAfter } from "./ledger-after.contract.ts";
import { describeLedgerForgotten } from "./ledger-forgotten.contract.ts";
import { describeLedgerRepairs } from "./ledger-repairs.contract.ts";
import { describeLedgerTransactions, type RefusingHarness } from "./ledger-transactions.contract.ts";
import { describeLedgerLog, describeLedgerVersions } from "./ledger-versions.contract.ts";

/**
 * All that every engine's ledger promises, on one PostgreSQL: each suite in a schema of its own.
 * @param options.url is asked when a test runs: the server may be started before the first one.
 */
export function describePostgresLedger(options: { name: string; url(): string }): void {
  const harness = (): RefusingHarness => {
    const schema = `ledger_${randomUUID().replaceAll("-", "")}`;
    const refuse = async (table: string, condition: string) =>
      void (await queryPostgres(options.url(), `ALTER TABLE "${schema}".${table} ADD CHECK (${condition}) NOT VALID`));
    return {
      name: options.name,
      open: () => openPostgresLedger({ url: `${options.url()}?schema=${schema}` }),
      refuseActionsBy: (person) => refuse("actions", `by_whom <> '${person}'`),
      refuseLossesOf: (route) => refuse("lost_ranges", `route <> '${route}'`),
      remove: async () => void (await queryPostgres(options.url(), `DROP SCHEMA "${schema}" CASCADE`)),
    };
  };
  describeLedger(harness());
  describeLedgerRepairs(harness());
  describeLedgerAfter(harness());
  describeLedgerVersions(harness());
  describeLedgerLog(harness());
  describeLedgerTransactions(harness());
  describeLedgerForgotten(harness());
}
