import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { describeLog } from "../log.contract.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-log-"));

describeLog({
  name: "SQLite",
  open: () => openSqliteLog({ path: join(folder, "log.db") }),
  remove: async () => rmSync(folder, { recursive: true, force: true }),
  shares: false,
});
