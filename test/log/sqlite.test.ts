import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { describeLog } from "../contracts/log.contract.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-log-"));

describeLog({
  name: "SQLite",
  open: () => openSqliteLog({ path: join(folder, "log.db") }),
  remove: async () => rmSync(folder, { recursive: true, force: true }),
  shares: false,
  async makeAnew() {
    const path = join(folder, "anew", "log.db");
    const first = await openSqliteLog({ path });
    const lost = await first.identity();
    await first.close();
    rmSync(join(folder, "anew"), { recursive: true });
    return { lost, made: await openSqliteLog({ path }) };
  },
});
