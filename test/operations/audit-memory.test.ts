import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openLedger, openLog } from "../../src/app.ts";
import { groupOf } from "../../src/delivery/route/start-position.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { recordKey, toHeaders } from "../../src/model/envelope.ts";
import { documentedCall } from "../support/documented-call.ts";
import { startPatchbay } from "../support/patchbay-process.ts";

const CALLS = 30_000;
const fileOf = (path: string) => resolve(import.meta.dirname, path);
const TRANSCRIPT = "Agent: hello. ".repeat(200);

test("an audit keeps no more of the log in memory than some pages, however long the log", async () => {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-audit-memory-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(
    join(folder, "routes.yaml"),
    'version: 1\nsources: { main: { allow_unsigned: true } }\ndestinations: { store: { connector: archive, url: "file:out" } }\nroutes: [{ id: keep, to: store }]\n',
  );
  await fill(folder);
  const audit = startPatchbay({
    args: ["audit", "--json", "--log", "sqlite:log.db", "--ledger", "sqlite:ledger.db"],
    // Cached code is held in buffers too, and is not what is measured.
    env: { NODE_DISABLE_COMPILE_CACHE: "1" },
    cwd: folder,
    // As `npm run patchbay` starts it.
    program: [
      "--max-semi-space-size=8",
      "--initial-old-space-size=40",
      "--import",
      fileOf("../support/peak-buffers.mjs"),
      fileOf("../../bin/patchbay.js"),
    ],
  });
  const ending = await once(audit.child, "close");
  expect({ ending, output: audit.output().slice(0, 2_000) }).toEqual({ ending: [1, null], output: expect.stringMatching(/^\{/m) });
  const report = audit
    .output()
    .split("\n")
    .find((line) => line.startsWith("{"));
  expect(JSON.parse(report ?? "")).toMatchObject({ routes: [{ records: CALLS, gaps: CALLS }] });
  // 90 MB went through it; V8 by itself lets 64 MB gather.
  expect(Number(/buffers at most: (\d+) MB/.exec(audit.output())?.[1])).toBeLessThan(40);
});

/** Records that the route has read, and of which the ledger knows nothing. */
async function fill(folder: string): Promise<void> {
  const log = await openLog({ url: `sqlite:${folder}/log.db`, logger: createLogger({ level: "silent" }) });
  const ledger = await openLedger({ url: `sqlite:${folder}/ledger.db` });
  const append = (callId: string) => {
    const value = Buffer.from(JSON.stringify({ ...documentedCall(), call_id: callId, transcript: TRANSCRIPT }));
    const headers = toHeaders({ source: "main", acceptedAt: Date.now(), requestId: callId });
    return log.append({ topic: CALLS_TOPIC, key: recordKey("main", callId), value, headers });
  };
  for (let from = 0; from < CALLS; from += 500)
    await Promise.all(Array.from({ length: 500 }, (_, index) => append(`call-${from + index}`)));
  await log.placeGroup({ group: groupOf("keep"), topic: CALLS_TOPIC, positions: [{ partition: 0, offset: CALLS }] });
  await Promise.all([log.close(), ledger.close()]);
}
