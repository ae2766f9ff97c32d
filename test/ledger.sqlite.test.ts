import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteLedger } from "../src/ledger/sqlite/index.ts";
import { describeLedger } from "./ledger.contract.ts";
import { describeLedgerAfter } from "./ledger-after.contract.ts";
import { describeLedgerRepairs } from "./ledger-repairs.contract.ts";

function harness() {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-ledger-"));
  return {
    name: "SQLite",
    open: () => openSqliteLedger({ path: join(folder, "ledger.db") }),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

describeLedger(harness());
describeLedgerRepairs(harness());
describeLedgerAfter(harness());

test("a ledger of a newer program is refused, naming both versions", async () => {
  const other = mkdtempSync(join(tmpdir(), "patchbay-ledger-"));
  onTestFinished(() => rmSync(other, { recursive: true, force: true }));
  await (await openSqliteLedger({ path: join(other, "l.db") })).close();
  const db = new DatabaseSync(join(other, "l.db"));
  db.exec("PRAGMA user_version=99");
  db.close();
  await expect(openSqliteLedger({ path: join(other, "l.db") })).rejects.toThrow(/newer.*99.*3/s);
});
