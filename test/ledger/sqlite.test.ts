import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/index.ts";
import { MIGRATIONS } from "../../src/ledger/sqlite/schema.ts";
import { openSqlite } from "../../src/lib/sqlite/open.ts";
import { describeLedger } from "../contracts/ledger.contract.ts";
import { describeLedgerAfter } from "../contracts/ledger-after.contract.ts";
import { describeLedgerForgotten } from "../contracts/ledger-forgotten.contract.ts";
import { describeLedgerRepairs } from "../contracts/ledger-repairs.contract.ts";
import { describeLedgerTransactions, type RefusingHarness } from "../contracts/ledger-transactions.contract.ts";
import { describeLedgerLog, describeLedgerVersions } from "../contracts/ledger-versions.contract.ts";

function harness(): RefusingHarness {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-ledger-"));
  const path = join(folder, "ledger.db");
  async function refuse(table: string, condition: string): Promise<void> {
    const db = new DatabaseSync(path);
    db.exec(`CREATE TRIGGER refuse_${table} BEFORE INSERT ON ${table} WHEN ${condition} BEGIN SELECT RAISE(ABORT, 'refused'); END`);
    db.close();
  }
  return {
    name: "SQLite",
    open: () => openSqliteLedger({ path }),
    refuseActionsBy: (person) => refuse("actions", `new.by_whom = '${person}'`),
    refuseLossesOf: (route) => refuse("lost_ranges", `new.route = '${route}'`),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

describeLedger(harness());
describeLedgerRepairs(harness());
describeLedgerAfter(harness());
describeLedgerVersions(harness());
describeLedgerLog(harness());
describeLedgerTransactions(harness());
describeLedgerForgotten(harness());

test("a ledger of a newer program is refused, naming both versions", async () => {
  const other = mkdtempSync(join(tmpdir(), "patchbay-ledger-"));
  onTestFinished(() => rmSync(other, { recursive: true, force: true }));
  await (await openSqliteLedger({ path: join(other, "l.db") })).close();
  const db = new DatabaseSync(join(other, "l.db"));
  db.exec("PRAGMA user_version=99");
  db.close();
  await expect(openSqliteLedger({ path: join(other, "l.db") })).rejects.toThrow(/newer.*99.*6/s);
});

test("a ledger of version 3 keeps what it knows: the same content is no new version, and no bare hash of it is left", async () => {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-ledger-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "l.db");
  const hash = "ab".repeat(32);
  const old = openSqlite({ path, application: "patchbay-ledger", migrations: MIGRATIONS.slice(0, 3) });
  old.exec(`INSERT INTO deliveries (route, source, call_id, state, log_partition, log_offset, hash, accepted_at, updated_at, receipt)
    VALUES ('r', 's', 'c', 'delivered', 0, 1, '${hash}', 1, 1, '{"id":"1"}')`);
  old.close();
  const ledger = await openSqliteLedger({ path });
  const record = { route: "r", source: "s", callId: "c", partition: 0, offset: 2, hash, acceptedAt: 2 };
  expect(await ledger.claim({ worker: "w", leaseMs: 1, items: [record] })).toEqual([{ kind: "done", state: "delivered" }]);
  const [proof] = await ledger.proofs({ route: "r", keys: [{ source: "s", callId: "c" }] });
  expect(proof?.hash).toBe(ledger.fingerprint(hash));
  expect(proof?.hash).not.toBe(hash);
  await ledger.close();
});
