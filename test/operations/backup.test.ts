import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { groupOf } from "../../src/delivery/route/start-position.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/index.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { recordKey, toHeaders } from "../../src/model/envelope.ts";
import { backup, type DestinationFiles } from "../../src/operations/backup.ts";
import { explainFileError } from "../../src/operations/file-errors.ts";
import { type Manifest, readBackup } from "../../src/operations/manifest.ts";
import { agree, bringNear, putInPlace, targetsOf } from "../../src/operations/restore.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";

const EXAMPLE = JSON.parse(documentedExample().toString());

async function stores(folder = mkdtempSync(join(tmpdir(), "patchbay-backup-"))) {
  const [log, ledger] = [
    await openSqliteLog({ path: join(folder, "log.db") }),
    await openSqliteLedger({ path: join(folder, "ledger.db") }),
  ];
  onTestFinished(async () => {
    await Promise.all([log.close(), ledger.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  await ledger.bindLog({ identity: await log.identity() });
  let acceptedAt = 1_700_000_000_000;
  const accept = async (callId: string, more: Record<string, unknown> = {}) => {
    acceptedAt += 1;
    const headers = toHeaders({ source: "s", acceptedAt, requestId: "" });
    const value = Buffer.from(JSON.stringify({ ...EXAMPLE, call_id: callId, ...more }));
    return log.append({ topic: CALLS_TOPIC, key: recordKey("s", callId), value, headers });
  };
  const claim = async (callId: string, offset: number, hash = "h") => {
    const item = { route: "crm", source: "s", callId, partition: 0, offset, hash, acceptedAt: 1_700_000_000_001 + offset };
    const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [item] });
    return answer;
  };
  const deliver = async (callId: string, offset: number) => {
    const answer = await claim(callId, offset);
    if (answer?.kind !== "claimed") throw new Error(`expected a claim, got ${answer?.kind}`);
    const settlement = { kind: "delivered" as const, receipt: { id: callId }, sentFields: [] };
    await ledger.settle([{ route: "crm", source: "s", callId, claimId: answer.claim.claimId, settlement, routesVersion: "v" }]);
  };
  /** As a worker commits: up to, and not including. */
  const commit = async (offset: number) =>
    log.placeGroup({ group: groupOf("crm"), topic: CALLS_TOPIC, positions: [{ partition: 0, offset }] });
  const make = (to: string, destinations: DestinationFiles[] = [], signal = new AbortController().signal) =>
    backup({
      folder: join(folder, to),
      program: "0.0.0",
      log: log as typeof log & { file: NonNullable<typeof log.file> },
      ledger: ledger as typeof ledger & { file: NonNullable<typeof ledger.file> },
      destinations,
      signal,
      onProgress: () => undefined,
    });
  return { folder, log, ledger, accept, claim, deliver, commit, make };
}

/** As `patchbay restore` does it, into a folder of its own. */
async function restored(folder: string, from: string) {
  const manifest = await readBackup(join(folder, from));
  const place = join(folder, "restored");
  mkdirSync(place, { recursive: true });
  const targets = targetsOf({
    folder: join(folder, from),
    manifest,
    log: join(place, "log.db"),
    ledger: join(place, "ledger.db"),
    destinations: undefined,
  });
  putInPlace(bringNear(targets));
  const opened = await stores(place);
  const unknown = await agree({ manifest, log: opened.log, ledger: opened.ledger, onProgress: () => undefined });
  return { ...opened, unknown };
}

test("what the ledger's copy does not know counts as an attempt without a known end; what it knows is done, and a newer version is the newer one", async () => {
  const { folder, ledger, accept, deliver, commit, make } = await stores();
  await ledger.routeStart({ route: "crm", resolve: async () => [{ partition: 0, offset: 0 }] });
  for (const callId of ["done", "known-not-committed", "unread", "changed", "changed"])
    await accept(callId, { summary: `${Math.random()}` });
  await deliver("done", 0);
  await deliver("known-not-committed", 1);
  await commit(1);
  await make("one");
  const after = await restored(folder, "one");
  expect(await after.log.committed({ group: groupOf("crm"), topic: CALLS_TOPIC })).toMatchObject([{ offset: 1 }]);
  const states = Object.fromEntries(
    (await after.ledger.deliveries({ route: "crm", limit: 10 })).map(({ callId, state }) => [callId, state]),
  );
  expect(states).toEqual({ done: "delivered", "known-not-committed": "delivered", unread: "sending", changed: "sending" });
  expect(await after.claim("unread", 2)).toMatchObject({ kind: "claimed", claim: { ambiguous: true } });
  expect(await after.claim("changed", 3)).toMatchObject({ kind: "done" });
  expect(await after.claim("changed", 4, "of the second")).toMatchObject({ kind: "claimed", claim: { ambiguous: true } });
});

test("what waits or is dead in the ledger's copy is asked for before it is sent: it may have been delivered since", async () => {
  const { folder, ledger, accept, claim, commit, make } = await stores();
  await ledger.routeStart({ route: "crm", resolve: async () => [{ partition: 0, offset: 0 }] });
  await accept("waits");
  const answer = await claim("waits", 0);
  if (answer?.kind !== "claimed") throw new Error("expected a claim");
  const settlement = { kind: "waiting" as const, dueInMs: 0, errorCode: "423", reason: "locked", body: Buffer.from("{}") };
  await ledger.settle([{ route: "crm", source: "s", callId: "waits", claimId: answer.claim.claimId, settlement, routesVersion: "v" }]);
  await commit(1);
  await ledger.heartbeat({ worker: "w", host: "h", pid: 1, startedAt: 1, routesVersion: "v", routes: [] });
  await make("one");
  const after = await restored(folder, "one");
  expect(await after.ledger.claimDue({ route: "crm", worker: "w2", leaseMs: 1_000, max: 5 })).toMatchObject([
    { callId: "waits", ambiguous: true },
  ]);
  // The processes of then are none of now.
  expect(await after.ledger.workers()).toEqual([]);
});

test("a route that began while the backup was made is read from its start", async () => {
  const { folder, log, ledger, accept, make } = await stores();
  await accept("before");
  const copy = log.file?.copy;
  // Between the two copies: neither the positions nor the ledger's copy know it.
  Object.assign(log.file as object, {
    async copy(options: Parameters<NonNullable<typeof copy>>[0]) {
      await ledger.routeStart({ route: "crm", resolve: async () => [{ partition: 0, offset: 1 }] });
      await accept("first of the route");
      await log.placeGroup({ group: groupOf("crm"), topic: CALLS_TOPIC, positions: [{ partition: 0, offset: 2 }] });
      await copy?.(options);
    },
  });
  const manifest = await make("one");
  expect(manifest.positions).toEqual([{ route: "crm", offset: 1 }]);
  const after = await restored(folder, "one");
  expect(await after.log.committed({ group: groupOf("crm"), topic: CALLS_TOPIC })).toMatchObject([{ offset: 1 }]);
});

test("a backup that fails, or is broken off, leaves nothing", async () => {
  const { folder, accept, make } = await stores();
  await accept("a");
  const failing: DestinationFiles = {
    name: "table",
    files: { kind: "file", path: join(folder, "log.db"), copy: () => Promise.reject(new Error("another program holds it")) },
  };
  await expect(make("one", [failing])).rejects.toThrow("another program holds it");
  await expect(make("two", [], AbortSignal.abort(new Error("broken off")))).rejects.toThrow("broken off");
  expect(readdirSync(folder).filter((name) => /one|two/.test(name))).toEqual([]);
  // An empty folder that somebody made for it is taken.
  mkdirSync(join(folder, "three"), { mode: 0o755 });
  await make("three");
  expect((await readBackup(join(folder, "three"))).log.calls).toEqual({ low: 0, high: 1 });
});

test("a disk without room is said before anything is written", async () => {
  const { folder, make } = await stores();
  const huge: DestinationFiles = { name: "table", files: { kind: "file", path: join(folder, "huge"), copy: async () => undefined } };
  writeFileSync(join(folder, "huge"), "");
  // Sparse: larger than any disk here, and takes no room.
  const { truncateSync } = await import("node:fs");
  truncateSync(join(folder, "huge"), 2 ** 43);
  await expect(make("one", [huge])).rejects.toThrow(/has room for \d+ MB, and the backup needs \d+ MB/);
  expect(readdirSync(folder).filter((name) => name.startsWith("one"))).toEqual([]);
});

test("faults of the disk and of rights are said in words of what to do", () => {
  const withCode = (code: string) => Object.assign(new Error(code), { code, path: "/backups/x" });
  const withSqlite = (errcode: number) => Object.assign(new Error("sqlite"), { errcode });
  for (const [error, says] of [
    [withCode("ENOSPC"), /the backup: \/backups\/x has no room on its disk/],
    [withCode("EACCES"), /may not be written by this user/],
    [withCode("EROFS"), /may not be written by this user/],
    [withCode("ENOTDIR"), /is in the way/],
    [withSqlite(13), /has no room/],
    [withSqlite(11), /is damaged/],
    [withSqlite(266), /disk that answers with an error/],
  ] as const)
    expect(String((explainFileError(error, "the backup") as Error).message)).toMatch(says);
  const other = new Error("a fault of ours");
  expect(explainFileError(other, "the backup")).toBe(other);
});

test("names of files that are no backup's are not followed", async () => {
  const { folder, make } = await stores();
  const manifest = await make("one");
  const write = (changed: unknown) => {
    chmodSync(join(folder, "one/manifest.json"), 0o600);
    writeFileSync(join(folder, "one/manifest.json"), JSON.stringify(changed));
  };
  const with_ = (file: string): Manifest => ({ ...manifest, log: { ...manifest.log, file } });
  for (const file of ["../log.db", "/etc/passwd", "a/b"]) {
    write(with_(file));
    await expect(readBackup(join(folder, "one"))).rejects.toThrow(/is not what `patchbay backup` writes/);
  }
});
