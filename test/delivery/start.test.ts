import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { resolveStart } from "../../src/delivery/route/start-position.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/index.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import type { Route } from "../../src/route.ts";

test("a route whose group is forgotten goes on where it was, also in partitions that its start does not know", async () => {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-start-"));
  const [log, ledger] = [
    await openSqliteLog({ path: join(folder, "log.db") }),
    await openSqliteLedger({ path: join(folder, "ledger.db") }),
  ];
  onTestFinished(async () => {
    await Promise.all([log.close(), ledger.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  const route = { id: "one", start: { kind: "now" } } as Route;
  expect(await resolveStart({ route, log, ledger })).toEqual([{ partition: 0, offset: 0 }]);
  await ledger.mirrorPositions({
    route: "one",
    positions: [
      { partition: 0, offset: 7 },
      { partition: 5, offset: 3 },
    ],
  });
  expect(await resolveStart({ route, log, ledger })).toEqual([
    { partition: 0, offset: 7 },
    { partition: 5, offset: 3 },
  ]);
});
