/** Puts a backup's files in place and makes log and ledger agree: what the ledger does not know is read again, as attempts with an unknown end. */
import { closeSync, constants, copyFileSync, fsyncSync, mkdirSync, openSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { groupOf } from "../delivery/route/start-position.ts";
import { UsageError } from "../errors.ts";
import type { ClaimLedger, ClaimRequest } from "../ledger/claims.ts";
import { CALLS_TOPIC, type Log, type Message } from "../log/log.ts";
import { readPages } from "../log/pages.ts";
import { fromMessage } from "../model/envelope.ts";
import { parseRecord } from "../model/record.ts";
import { explainFileError } from "./file-errors.ts";
import type { BackedUpFile, Manifest } from "./manifest.ts";

/** One file of a backup, and where it goes. */
export interface Target {
  from: string;
  to: string;
}

/** Endings of the files that belong to a log, a ledger or a destination: SQLite and DuckDB keep others beside them. */
const BESIDE = ["", "-wal", "-shm", "-journal", ".wal"];

/** @param options.destinations by name, where their files lie now; undefined: log and ledger alone. One that is not named goes back to where it was. */
export function targetsOf(options: {
  folder: string;
  manifest: Manifest;
  log: string;
  ledger: string;
  destinations: Map<string, string> | undefined;
}): Target[] {
  const { folder, manifest, log, ledger, destinations } = options;
  const target = ({ file }: BackedUpFile, to: string) => ({ from: join(folder, file), to: realPlace(to) });
  const theirs = destinations ? manifest.destinations : [];
  return [
    target(manifest.ledger, ledger),
    target(manifest.log, log),
    ...theirs.map((one) => target(one, destinations?.get(one.name) ?? one.was)),
  ];
}

/** Resolves a symbolic link, so that the file that it leads to is replaced. */
function realPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** Files of the targets that exist. */
export function existing(targets: Target[]): string[] {
  return targets.flatMap(({ to }) => BESIDE.map((ending) => `${to}${ending}`)).filter((path) => statSync(path, { throwIfNoEntry: false }));
}

/**
 * Copies the files next to their places, private and on disk, so that only renames are left. @returns the copy of each target.
 * @throws {UsageError} when there is no room; nothing is left then.
 */
export function bringNear(targets: Target[]): Map<Target, string> {
  const near = new Map(targets.map((target) => [target, `${target.to}.restoring`]));
  dropNear(near);
  try {
    for (const [{ from, to }, path] of near) {
      mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
      copyFileSync(from, path, constants.COPYFILE_EXCL);
      flush(path);
    }
    return near;
  } catch (error) {
    dropNear(near);
    throw explainFileError(error, "the place of the backup's files");
  }
}

export function dropNear(near: Map<Target, string>): void {
  for (const path of near.values()) for (const ending of BESIDE) rmSync(`${path}${ending}`, { force: true });
}

/** Moves what is there aside, as it is, and the waiting files to their places. @returns what was moved, and where to. */
export function putInPlace(near: Map<Target, string>): { from: string; to: string }[] {
  const stamp = new Date().toISOString().replace(/\.\d+|[-:]/g, "");
  const moved = existing([...near.keys()]).map((from) => ({ from, to: `${from}.before-restore-${stamp}` }));
  for (const { from, to } of moved) renameSync(from, to);
  for (const [{ to }, path] of near) renameSync(path, to);
  for (const folder of new Set([...near.keys()].map(({ to }) => dirname(to)))) flush(folder);
  return moved;
}

function flush(path: string): void {
  const opened = openSync(path, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

/**
 * Sets every route to where it was before the ledger was copied. Later calls may have been delivered since, as only the lost ledger knew: each becomes
 * an attempt with an unknown end, so that a destination with a look-up is asked before anything is sent, and one without makes it a dead letter
 * (`on_ambiguous`). With a native key it is written again, into the same record. @returns how many such calls each route has.
 */
export async function agree(options: {
  manifest: Manifest;
  log: Pick<Log, "placeGroup" | "ranges" | "read">;
  ledger: Pick<ClaimLedger, "claim">;
  onProgress(records: number): void;
}): Promise<Map<string, number>> {
  const { manifest, log, ledger, onProgress } = options;
  const [range] = await log.ranges(CALLS_TOPIC);
  const { partition = 0, low = 0, high = 0 } = range ?? {};
  const unknown = new Map<string, number>();
  let read = 0;
  for (const { route, offset } of manifest.positions) {
    if (offset > high)
      throw new UsageError(`the backup's log ends at offset ${high}, and ${route} had read up to ${offset}`, {
        hint: "Use another backup.",
      });
    await log.placeGroup({ group: groupOf(route), topic: CALLS_TOPIC, positions: [{ partition, offset }] });
    for await (const messages of readPages({ log, topic: CALLS_TOPIC, partition, from: Math.max(low, offset), end: high })) {
      const answers = await claimAll(ledger, messages, route);
      unknown.set(route, (unknown.get(route) ?? 0) + answers);
      read += messages.length;
      onProgress(read);
    }
  }
  return unknown;
}

/** A batch never holds one delivery twice, so the versions of a call are claimed one after the other. */
async function claimAll(ledger: Pick<ClaimLedger, "claim">, messages: Message[], route: string): Promise<number> {
  let begun = 0;
  let batch = new Map<string, ClaimRequest>();
  const send = async () => {
    // The claim ends at once, so the worker that reads the record treats it as an attempt with an unknown end.
    const answers = await ledger.claim({ worker: "restore", leaseMs: 0, items: [...batch.values()] });
    begun += answers.filter(({ kind }) => kind === "claimed").length;
    batch = new Map();
  };
  for (const message of messages) {
    const item = requestOf(message, route);
    const key = `${item.source}\n${item.callId}`;
    if (batch.has(key)) await send();
    batch.set(key, item);
  }
  if (batch.size > 0) await send();
  return begun;
}

function requestOf(message: Message, route: string): ClaimRequest {
  const { partition, offset, key, value } = message;
  const { source, acceptedAt } = fromMessage(message);
  const parsed = parseRecord(value);
  const callId = parsed.ok ? parsed.record.call_id : key.slice(source.length + 1) || key;
  return { route, source, callId, partition, offset, hash: parsed.ok ? parsed.hash : "unreadable", acceptedAt };
}
