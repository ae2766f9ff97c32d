import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/index.ts";
import { CALLS_TOPIC, QUARANTINE_TOPIC } from "../../src/log/log.ts";
import { readTopic } from "../../src/log/pages.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { toHeaders } from "../../src/model/envelope.ts";
import { markReplayed, readQuarantine, replayedIds, replayQuarantined } from "../../src/operations/quarantine.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";

const T = 1_700_000_000_000;
const EXAMPLE = JSON.parse(documentedExample().toString());

/** A record that an earlier program put into quarantine and this one takes, and a later record of the call, delivered. */
async function quarantinedCall(laterAt: number | undefined, more: Record<string, unknown> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-quarantine-"));
  const log = await openSqliteLog({ path: join(folder, "log.db") });
  const ledger = await openSqliteLedger({ path: join(folder, "ledger.db") });
  onTestFinished(async () => {
    await Promise.all([log.close(), ledger.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  const value = Buffer.from(JSON.stringify({ ...EXAMPLE, call_id: "c", ...more }));
  await log.append({
    topic: QUARANTINE_TOPIC,
    key: "a".repeat(64),
    value,
    headers: toHeaders({ source: "s", acceptedAt: T, requestId: "", signature: "5".repeat(64) }),
  });
  if (laterAt !== undefined) {
    const item = { route: "crm", source: "s", callId: "c", partition: 0, offset: 7, hash: "h", acceptedAt: laterAt };
    await ledger.skip([{ ...item, reason: "when is false", routesVersion: "v" }]);
  }
  const [one] = await readQuarantine(log);
  if (!one) throw new Error("nothing is in quarantine");
  const replay = (again?: boolean) => replayQuarantined({ one, log, ledger, nowMs: T + 90_000, by: "ann", again });
  const stored = () => Array.fromAsync(readTopic({ log, topic: CALLS_TOPIC })).then((pages) => pages.flat());
  const list = async () => markReplayed(await readQuarantine(log), await replayedIds(ledger));
  return { replay, stored, list, ledger };
}

test.each([
  ["no other record of the call came", undefined],
  ["an earlier record of the call is delivered", T - 1],
])("a quarantined record is accepted, with its signature, where %s", async (_, laterAt) => {
  const { replay, stored } = await quarantinedCall(laterAt);
  expect(await replay()).toEqual({ kind: "accepted" });
  expect(await stored()).toMatchObject([{ headers: { signature: "5".repeat(64), accepted_at: String(T + 90_000) } }]);
});

test("a quarantined record does not take the place of one that its call had since, unless a person says so", async () => {
  const { replay, stored } = await quarantinedCall(T + 60_000);
  expect(await replay()).toEqual({ kind: "overtaken", callId: "c", at: T + 60_000 });
  expect(await stored()).toEqual([]);
  expect(await replay(true)).toEqual({ kind: "accepted" });
  expect(await stored()).toHaveLength(1);
});

test("a quarantined record with more values than the ingress takes is no call record for a replay either", async () => {
  const { replay, stored, list } = await quarantinedCall(undefined, { metadata: Array.from({ length: 50_001 }, () => 0) });
  expect(await list()).toMatchObject([{ code: "too_many_values", problems: [{ problem: "The body holds more than 50000 values." }] }]);
  expect(await replay()).toEqual({ kind: "no-call" });
  expect(await stored()).toEqual([]);
});

test("a record that was replayed is listed as replayed, with who did it among the actions", async () => {
  const { replay, list, ledger } = await quarantinedCall(undefined);
  expect(await list()).toMatchObject([{ code: "accepted now" }]);
  await replay();
  expect(await list()).toMatchObject([{ code: "replayed", problems: [] }]);
  expect(await ledger.actions({ limit: 5 })).toMatchObject([{ by: "ann", action: "accept", detail: "quarantined record aaaaaaaaaaaa" }]);
});
