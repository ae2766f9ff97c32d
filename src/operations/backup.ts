/**
 * A backup of the embedded engines while they work. Its order makes it whole: first the routes' positions, then the ledger, then the log, then the
 * files of destinations. So everything that the copied ledger calls delivered is in the copied log and at the destination, and everything that was
 * acknowledged and that the copied ledger does not know is behind the positions, and is read again.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { OwnFiles } from "../connector/index.ts";
import { groupOf } from "../delivery/route/start-position.ts";
import { UsageError } from "../errors.ts";
import type { ActionLedger } from "../ledger/actions.ts";
import type { RouteLedger } from "../ledger/routes.ts";
import type { ViewLedger } from "../ledger/views.ts";
import type { StoreFile } from "../lib/sqlite/copy.ts";
import { CALLS_TOPIC, type Log } from "../log/log.ts";
import { type BackedUpFile, fingerprintOf, MANIFEST, type Manifest, newManifest } from "./manifest.ts";
import { verifyActions } from "./verify-actions.ts";

/** What a destination of routes.yaml keeps on this machine. */
export interface DestinationFiles {
  name: string;
  files: OwnFiles;
}

export interface BackupOptions {
  folder: string;
  program: string;
  log: Log & { file: StoreFile };
  ledger: RouteLedger & ViewLedger & ActionLedger & { file: StoreFile };
  destinations: DestinationFiles[];
  signal: AbortSignal;
  onProgress(what: string, done: number, of: number): void;
}

/** Copies, hashes and write-ahead logs that grow meanwhile. */
const ROOM = 1.1;

/** @throws {UsageError} when there is something at the folder's name, no room for it, or another program holds a destination's file. */
export async function backup(options: BackupOptions): Promise<Manifest> {
  const folder = resolve(options.folder);
  refuseExisting(folder);
  const partial = `${folder}.partial`;
  mkdirSync(dirname(folder), { recursive: true });
  refuseFullDisk(dirname(folder), options);
  try {
    mkdirSync(partial, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new UsageError(`${partial} is there: another backup to this folder is under way, or was broken off`, {
      hint: "Remove it if none is under way: it is no backup.",
    });
  }
  try {
    const manifest = await fill(partial, options);
    flushFolder(partial);
    // An empty folder of that name may be there; a rename takes its place.
    if (statSync(folder, { throwIfNoEntry: false })) rmdirSync(folder);
    renameSync(partial, folder);
    flushFolder(dirname(folder));
    return manifest;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

async function fill(folder: string, options: BackupOptions): Promise<Manifest> {
  const { program, log, ledger, destinations, signal, onProgress } = options;
  const began = new Date().toISOString();
  const positions = await positionsOf({ log, routes: await ledger.knownRoutes() });

  // Before the copy, so that the copy has it too.
  const { head: actions } = await verifyActions({ ledger });
  await ledger.file.copy({ to: join(folder, "ledger.db"), onProgress: (done, of) => onProgress("the ledger", done, of) });
  signal.throwIfAborted();
  const deliveries = await statesOf(ledger);
  const [calls = { low: 0, high: 0 }] = await log.ranges(CALLS_TOPIC);
  await log.file.copy({ to: join(folder, "log.db"), onProgress: (done, of) => onProgress("the log", done, of) });
  signal.throwIfAborted();
  positions.push(...(await startsSince({ ledger, positions })));

  const copied: (BackedUpFile & { name: string })[] = [];
  for (const { name, files } of destinations) {
    if (files.kind === "folder" || !statSync(files.path, { throwIfNoEntry: false })) continue;
    onProgress(`the file of ${name}`, 0, 1);
    const file = `destination-${name}.copy`;
    await files.copy({ to: join(folder, file), signal });
    copied.push({ name, ...(await described(folder, file, files.path)) });
  }

  const manifest = newManifest({
    program,
    began,
    ended: new Date().toISOString(),
    log: {
      ...(await described(folder, "log.db", log.file.path)),
      version: log.file.version,
      identity: await log.identity(),
      calls: { low: calls.low, high: calls.high },
    },
    ledger: { ...(await described(folder, "ledger.db", ledger.file.path)), version: ledger.file.version, deliveries, actions },
    positions,
    destinations: copied,
    notIncluded: notIncluded(destinations),
  });
  writeFileSync(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true });
  return manifest;
}

async function positionsOf(options: { log: Log; routes: string[] }): Promise<Manifest["positions"]> {
  const { log, routes } = options;
  const positions: Manifest["positions"] = [];
  for (const route of routes) {
    const [committed] = await log.committed({ group: groupOf(route), topic: CALLS_TOPIC });
    if (committed) positions.push({ route, offset: committed.offset });
  }
  return positions;
}

/** Routes that began since: from their start, since the copied ledger may not know of it. */
async function startsSince(options: { ledger: RouteLedger; positions: Manifest["positions"] }): Promise<Manifest["positions"]> {
  const { ledger, positions } = options;
  const known = new Set(positions.map(({ route }) => route));
  return [...(await ledger.routeStarts())].flatMap(([route, [start]]) =>
    known.has(route) || start === undefined ? [] : [{ route, offset: start.offset }],
  );
}

async function statesOf(ledger: ViewLedger): Promise<Record<string, number>> {
  const counts: Record<string, number> = { delivered: 0, skipped: 0, waiting: 0, dead: 0, sending: 0 };
  for (const one of await ledger.counts())
    for (const state of Object.keys(counts)) counts[state] = (counts[state] ?? 0) + Number(one[state as keyof typeof one]);
  return counts;
}

async function described(folder: string, file: string, was: string): Promise<BackedUpFile> {
  const path = join(folder, file);
  chmodSync(path, 0o600);
  const opened = openSync(path, "r+");
  fsyncSync(opened);
  closeSync(opened);
  return { file, was: resolve(was), ...(await fingerprintOf(path)) };
}

function notIncluded(destinations: DestinationFiles[]): string[] {
  const folders = destinations.filter(({ files }) => files.kind === "folder");
  return [
    ...folders.map(
      ({ name, files }) => `${name}: the folder ${files.path} (plain files that are never half written: copy it after this backup)`,
    ),
    "routes.yaml, .env and the files that hold secrets",
    "what lies at destinations elsewhere",
  ];
}

function refuseExisting(folder: string): void {
  const there = statSync(folder, { throwIfNoEntry: false });
  if (!there || (there.isDirectory() && readdirSync(folder).length === 0)) return;
  throw new UsageError(`${folder} is there, and not empty`, { hint: "Give a new folder for each backup, such as backups/2026-01-31." });
}

function refuseFullDisk(parent: string, { log, ledger, destinations }: BackupOptions): void {
  const paths = [log.file.path, ledger.file.path, ...destinations.flatMap(({ files }) => (files.kind === "file" ? [files.path] : []))];
  const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const needed = ROOM * paths.reduce((sum, path) => sum + sizeOf(path) + sizeOf(`${path}-wal`), 0);
  const { bavail, bsize } = statfsSync(parent);
  if (bavail * bsize > needed) return;
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
  throw new UsageError(`${parent} has room for ${megabytes(bavail * bsize)}, and the backup needs ${megabytes(needed)}`, {
    hint: "Give a folder on another disk, or make room.",
  });
}

function flushFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
