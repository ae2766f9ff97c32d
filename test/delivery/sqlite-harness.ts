import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteLedger } from "../../src/ledger/sqlite/index.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import type { DeliveryHarness } from "../contracts/delivery.contract.ts";

export function sqliteHarness(): DeliveryHarness {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-delivery-"));
  return {
    name: "SQLite",
    openLog: () => openSqliteLog({ path: join(folder, "log.db") }),
    openLedger: () => openSqliteLedger({ path: join(folder, "ledger.db") }),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
    shares: false,
  };
}
