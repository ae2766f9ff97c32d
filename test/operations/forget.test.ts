import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isRunning } from "../../src/delivery/process/heartbeat.ts";
import { forgottenHash } from "../../src/ledger/forgotten.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/index.ts";
import { systemClock } from "../../src/lib/time/clock.ts";
import { CALLS_TOPIC, QUARANTINE_TOPIC } from "../../src/log/log.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { recordKey, toHeaders } from "../../src/model/envelope.ts";
import { auditRoute, isWhole } from "../../src/operations/audit.ts";
import { findEverything } from "../../src/operations/find.ts";
import { forbid, forgetEverything, forgottenOf } from "../../src/operations/forget.ts";
import { forgottenFile, keepForgotten, readForgotten } from "../../src/operations/forgotten-file.ts";
import { readQuarantine } from "../../src/operations/quarantine.ts";
import { applyRetention } from "../../src/operations/retention.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { runPatchbay } from "../support/patchbay-process.ts";
import { rawFinds } from "../support/raw-files.ts";

const EXAMPLE = JSON.parse(documentedExample().toString());
const OURS = "+18005551234";
const DANA = "+14155550123";
const OTHER = "+14155550199";
const FAR = 1_000 * 86_400_000;

async function stores() {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-forget-"));
  const [log, ledger] = [
    await openSqliteLog({ path: join(folder, "log.db") }),
    await openSqliteLedger({ path: join(folder, "ledger.db") }),
  ];
  onTestFinished(async () => {
    await Promise.all([log.close(), ledger.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  await ledger.routeStart({ route: "crm", resolve: async () => [{ partition: 0, offset: 0 }] });

  const bodyOf = (record: Record<string, unknown>) =>
    Buffer.from(JSON.stringify({ ...EXAMPLE, from_number: OTHER, to_number: OURS, transcript: undefined, ...record }));
  /** A call in the log; `settled`: what became of it on the route. */
  async function call(record: { call_id: string } & Record<string, unknown>, settled?: "dead" | "delivered" | "sending"): Promise<void> {
    const body = bodyOf(record);
    const headers = toHeaders({ source: "s", acceptedAt: 1_700_000_000_000, requestId: "" });
    const { offset } = await log.append({ topic: CALLS_TOPIC, key: recordKey("s", record.call_id), value: body, headers });
    if (settled === undefined) return;
    const item = { route: "crm", source: "s", callId: record.call_id, partition: 0, offset, hash: "h", acceptedAt: 1_700_000_000_000 };
    const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [item] });
    if (answer?.kind !== "claimed") throw new Error(`expected a claim, got ${answer?.kind}`);
    if (settled === "sending") return;
    const settlement =
      settled === "dead"
        ? { kind: "dead" as const, errorCode: "400", reason: "no", body }
        : { kind: "delivered" as const, receipt: { id: `of-${record.call_id}` }, sentFields: [] };
    await ledger.settle([{ ...item, claimId: answer.claim.claimId, settlement, routesVersion: "v" }]);
  }
  async function quarantined(key: string, text: string): Promise<void> {
    const headers = toHeaders({ source: "s", acceptedAt: 1_700_000_000_000, requestId: "" });
    await log.append({ topic: QUARANTINE_TOPIC, key, value: Buffer.from(text), headers });
  }
  const find = (what: string, ownNumbers = [OURS]) => findEverything({ what, ownNumbers, log, ledger });
  const forget = async (what: string) => {
    const found = await find(what);
    await forbid({ found, ledger, isRunning, clock: systemClock });
    return forgetEverything({ found, log, ledger, by: "ann" });
  };
  return { folder, log, ledger, call, quarantined, find, forget };
}

const ids = (calls: { callId: string }[]) => calls.map(({ callId }) => callId).sort();

test("a number finds calls however it is typed, and however a call has it: in its fields, in metadata, in fields that we do not know", async () => {
  const { call, find } = await stores();
  await call({ call_id: "from", from_number: DANA });
  await call({ call_id: "to", from_number: OURS, to_number: "14155550123" });
  await call({ call_id: "sip", from_number: "sip:+14155550123@carrier.example" });
  await call({ call_id: "metadata", metadata: { contact: { phones: ["(415) 555-0123 ext. 4"] } } });
  await call({ call_id: "unknown-field", customer: { mobile: 14155550123 } });
  await call({ call_id: "other", metadata: { phone: OTHER } });
  const all = ["from", "metadata", "sip", "to", "unknown-field"];
  for (const typed of [DANA, "(415) 555-0123", "415.555.0123 x9", "001 415 555 0123", "tel:+1-415-555-0123"]) {
    expect(`${typed}: ${ids((await find(typed)).calls)}`).toBe(`${typed}: ${all}`);
  }
});

test("calls in whose text the number is spoken of are named and stay: they may be somebody else's", async () => {
  const { call, find, forget } = await stores();
  await call({ call_id: "of-dana", from_number: DANA });
  await call({ call_id: "speaks-of-it", transcript: "Agent: who shall we call? Caller: my sister, 415-555-0123, after five." });
  await call({ call_id: "recorded", recording_url: "https://rec.example/2025/+14155550123.mp3" });
  const found = await find(DANA);
  expect({ calls: ids(found.calls), mentions: ids(found.mentions) }).toEqual({
    calls: ["of-dana"],
    mentions: ["recorded", "speaks-of-it"],
  });
  expect(await forget(DANA)).toMatchObject({ copies: 1 });
  expect(ids((await find(DANA)).mentions)).toEqual(["recorded", "speaks-of-it"]);
});

test("what people wrote, and the number stands in, is named: it stays as it was", async () => {
  const { ledger, call, find } = await stores();
  await call({ call_id: "of-dana", from_number: DANA });
  await ledger.note({ by: "ann", route: "crm", action: "discard", detail: "1 dead letter: asked for at (415) 555-0123" });
  await ledger.note({ by: "ann", route: "crm", action: "pause", detail: "the CRM moves" });
  await ledger.keepRoutesFile({ version: "aaa", text: `when: customer_number != "${DANA}"` });
  await ledger.keepRoutesFile({ version: "bbb", text: "when: true" });
  expect((await find(DANA)).written).toEqual(["version aaa of routes.yaml", "action 1"]);
  expect((await find("of-dana")).written).toEqual([]);
});

test("a dead letter whose copy in the log is gone is found by its number: its record is in the ledger", async () => {
  const { folder, log, ledger, call, find, forget } = await stores();
  await call({ call_id: "long-dead", from_number: DANA, summary: "about the blue lamp" }, "dead");
  await log.trim?.({ topic: CALLS_TOPIC, olderThanMs: -1, groups: [] });
  const found = await find("(415) 555-0123");
  expect(found).toMatchObject({ calls: [{ callId: "long-dead" }], places: [], looked: { records: 0, bodies: 1 } });
  expect(await forget("(415) 555-0123")).toEqual({ rows: 1, copies: 0, quarantined: 0, stays: [] });
  expect(await ledger.bodies({ limit: 10 })).toEqual([]);
  expect(rawFinds(folder, ["blue lamp", "4155550123"])).toEqual([]);
});

test("quarantined records are compared by their values: escaped texts, numbers in other forms, a call_id", async () => {
  const { log, quarantined, find, forget } = await stores();
  await quarantined("a".repeat(64), '{"call_id":"q1","from_number":"+1 415 555 0123"}');
  await quarantined("b".repeat(64), '{"call_id":"q2","from_number":"\\u002b14155550123"}');
  await quarantined("c".repeat(64), '{"call_id":"call\\u005fq3","who":{"number":14155550123}}');
  await quarantined("d".repeat(64), `${'{"a":'.repeat(70)}"(415) 555-0123"${"}".repeat(70)}`);
  await quarantined("e".repeat(64), '{"call_id":"q5","from_number":"+14155550199"}');
  expect((await find(DANA)).places.map(({ key }) => key[0])).toEqual(["a", "b", "c", "d"]);
  expect((await find("call_q3")).places.map(({ key }) => key[0])).toEqual(["c"]);
  expect(await forget("call_q3")).toMatchObject({ quarantined: 1 });
  expect(await forget(DANA)).toMatchObject({ quarantined: 3 });
  expect((await readQuarantine(log)).map(({ id }) => id[0])).toEqual(["e"]);
});

test("what comes into quarantine once more after it was forgotten is removed there by the next housekeeping", async () => {
  const { log, ledger, call, quarantined, forget } = await stores();
  await call({ call_id: "of-dana", from_number: DANA });
  await quarantined("a".repeat(64), '{"call_id":"q1","from_number":"+14155550123"}');
  await forget(DANA);
  await quarantined("a".repeat(64), '{"call_id":"q1","from_number":"+14155550123"}');
  await quarantined("f".repeat(64), '{"call_id":"of-dana","duration_seconds":"long"}');
  await quarantined("e".repeat(64), '{"call_id":"another","duration_seconds":"long"}');
  const keeping = { logMs: FAR, quarantineMs: FAR, deadLettersMs: FAR, deliveriesMs: FAR };
  await applyRetention({ keeping, log, ledger, routes: [] });
  expect((await readQuarantine(log)).map(({ id }) => id[0])).toEqual(["e"]);
});

test("retention leaves nothing in the bytes of the files either", async () => {
  const { folder, log, ledger, call, quarantined } = await stores();
  const lines = Array.from({ length: 600 }, (_, n) => `line ${n} of a call that is too old`);
  for (let n = 0; n < 30; n += 1) await call({ call_id: `old-${n}`, transcript: lines.slice(n * 20, n * 20 + 20).join("\n") }, "dead");
  await quarantined("a".repeat(64), '{"note":"a quarantined word"}');
  expect(rawFinds(folder, lines).length).toBeGreaterThan(1);
  await applyRetention({ keeping: { logMs: -1, quarantineMs: -1, deadLettersMs: -1, deliveriesMs: FAR }, log, ledger, routes: [] });
  expect(rawFinds(folder, [...lines, "a quarantined word"])).toEqual([]);
});

test("an attempt that is under way is waited for: what it brings is deleted at the destination too", async () => {
  const { ledger, call, find } = await stores();
  await call({ call_id: "of-dana", from_number: DANA }, "sending");
  const found = await find(DANA);
  let slept = 0;
  const clock = {
    monotonicMs: () => slept,
    async sleep(ms: number) {
      slept += ms;
      if (slept !== 500) return;
      const [row] = await ledger.claimDue({ route: "crm", worker: "w", leaseMs: 1, max: 1 });
      expect(row).toBeUndefined();
      const claimId = await claimIdOf(ledger);
      const settlement = { kind: "delivered" as const, receipt: { id: "made-meanwhile" }, sentFields: [] };
      await ledger.settle([{ route: "crm", source: "s", callId: "of-dana", claimId, settlement, routesVersion: "v" }]);
    },
  };
  const { rows, underWay } = await forbid({ found, ledger, isRunning, clock });
  expect({ receipts: rows.map(({ receipt }) => receipt?.id), underWay }).toEqual({ receipts: ["made-meanwhile"], underWay: [] });
  expect(await ledger.forgottenAmong([forgottenHash("s", "of-dana")])).toEqual(new Set([forgottenHash("s", "of-dana")]));
});

test("the audit stays whole after calls were forgotten, and says that they were skipped", async () => {
  const { log, ledger, call, forget } = await stores();
  await call({ call_id: "a", from_number: DANA }, "delivered");
  await call({ call_id: "b", from_number: DANA }, "dead");
  await call({ call_id: "a", from_number: DANA, summary: "corrected" });
  await call({ call_id: "c" }, "delivered");
  await forget(DANA);
  const subscription = await log.subscribe({ topic: CALLS_TOPIC, group: "patchbay.crm", start: [{ partition: 0, offset: 0 }] });
  for (const taken of await subscription.take({ max: 10 })) taken.ack();
  await subscription.stop({ graceMs: 0 });
  const audit = await auditRoute({ route: { id: "crm" }, log, ledger });
  expect(isWhole(audit) ? "whole" : audit.examples).toBe("whole");
  expect(audit).toMatchObject({ records: 4, delivered: 1, skipped: 2, repeated: 1 });
});

test("what was forgotten is kept beside the ledger too, by hashes that name nobody", async () => {
  const { folder, call, quarantined, find } = await stores();
  await call({ call_id: "of-dana", from_number: DANA });
  await quarantined("a".repeat(64), '{"from_number":"+14155550123"}');
  const file = forgottenFile(join(folder, "ledger.db"));
  const forgotten = forgottenOf(await find(DANA));
  keepForgotten(file, forgotten);
  keepForgotten(file, forgotten);
  expect(readForgotten(file)).toEqual([
    { kind: "call", hash: forgottenHash("s", "of-dana") },
    { kind: "record", hash: "a".repeat(64) },
  ]);
  expect(rawFinds(folder, ["of-dana"]).filter((one) => one.includes(".forgotten"))).toEqual([]);
  writeFileSync(file, "2026-11-27T00:00:00Z call 12", { flag: "a" });
  expect(readForgotten(file)).toHaveLength(2);
});

test("says what was looked at, and never that nothing is known; refuses what would take every call", async () => {
  const { folder, log, ledger, call } = await stores();
  await call({ call_id: "of-dana", from_number: DANA });
  await call({ call_id: "of-another" });
  await Promise.all([log.close(), ledger.close()]);
  const routes = (own: string) => `version: 1
${own}sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { archive: { connector: archive, url: "file:archive" } }
routes: [{ id: crm, to: archive }]
`;
  writeFileSync(join(folder, "routes.yaml"), routes(`own_numbers: ["${OURS}"]\n`));
  writeFileSync(join(folder, "nowhere.yaml"), routes(""));
  const env = { SECRET: "a-secret-of-this-test", PATCHBAY_LOG: "sqlite:log.db", PATCHBAY_LEDGER: "sqlite:ledger.db", PATCHBAY_USER: "ann" };
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runPatchbay({ args: ["forget", ...args], env, cwd: folder });
    return `${code} ${stdout}${stderr}`;
  };
  expect(await run("+14155550188")).toMatch(
    /^1 .*Nothing was found\. Looked for \+14155550188 in from_number, to_number, metadata and every other field of 2 records of the log since 2\S+Z, 0 quarantined records, what the ledger keeps of 0 waiting or dead calls\.\nNot looked at: /s,
  );
  expect(await run("call_nobody")).toMatch(/^1 .*Looked for "call_nobody" in call_id of 2 records .*and every delivery of the ledger\./s);
  expect(await run("(415) 555-0123", "--routes", "nowhere.yaml")).toMatch(/^2 .*is a number without its country.*Write it with \+/s);
  expect(await run(OURS, "--yes")).toMatch(/^2 .*is one of own_numbers: it stands in every call/s);
  expect(await run("(415) 555-0123")).toMatch(
    /^2 .*\n1 call: of-dana\n {2}in the log: 1 copy, to be removed\n {2}in the ledger: 0 rows, to be removed but for the call's id\n.*Add --yes/s,
  );
  expect(await run("(415) 555-0123", "--yes")).toMatch(/^0 .*0 rows and 1 copy in the log are removed; 0 deleted at destinations\./s);
  expect(await run("of-dana")).toMatch(/^1 .*Nothing was found/s);
});

async function claimIdOf(ledger: Awaited<ReturnType<typeof openSqliteLedger>>): Promise<string> {
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(ledger.name.slice("sqlite:".length), { readOnly: true });
  const claimId = String(db.prepare("SELECT claim_id FROM deliveries").get()?.claim_id);
  db.close();
  return claimId;
}
