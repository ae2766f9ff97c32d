/** The description of a backup. It is written last, so a folder without it is no backup. */
import { createHash } from "node:crypto";
import { createReadStream, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UsageError } from "../errors.ts";

export const MANIFEST = "manifest.json";
const FORMAT = "patchbay-backup-1";

const File = z.object({
  /** In the backup's folder. */
  file: z.string().regex(/^[\w.-]+$/),
  /** Its original path, as the settings named it. */
  was: z.string(),
  bytes: z.number(),
  sha256: z.string(),
});
const StoreFile = File.extend({ version: z.number() });

const Manifest = z.object({
  format: z.literal(FORMAT),
  /** Patchbay's version. */
  program: z.string(),
  /** ISO 8601. What was accepted before `began` is in the backup; what arrived after `ended` is not. */
  began: z.string(),
  ended: z.string(),
  log: StoreFile.extend({ identity: z.string(), calls: z.object({ low: z.number(), high: z.number() }) }),
  ledger: StoreFile.extend({
    /** Rows by state. */
    deliveries: z.record(z.string(), z.number()),
    /** The seal of its newest action: it proves later that none was removed since. */
    actions: z.string(),
  }),
  /** How far each route had read before the ledger was copied: the copied ledger knows all below it. */
  positions: z.array(z.object({ route: z.string(), offset: z.number() })),
  destinations: z.array(File.extend({ name: z.string() })),
  notIncluded: z.array(z.string()),
});

export type Manifest = z.output<typeof Manifest>;
export type BackedUpFile = z.output<typeof File>;

export function newManifest(fields: Omit<Manifest, "format">): Manifest {
  return { format: FORMAT, ...fields };
}

export function filesOf({ log, ledger, destinations }: Manifest): BackedUpFile[] {
  return [ledger, log, ...destinations];
}

/** Size and SHA-256 of a file, read from end to end. */
export async function fingerprintOf(
  path: string,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<{ bytes: number; sha256: string }> {
  const digest = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1_000_000 }) as AsyncIterable<Buffer>) {
    digest.update(chunk);
    bytes += chunk.byteLength;
    onBytes(chunk.byteLength);
  }
  return { bytes, sha256: digest.digest("hex") };
}

/** Reads a backup and compares every file with what its manifest says. @throws {UsageError} saying which file is not as it was, or that it is no backup. */
export async function readBackup(folder: string, onProgress: (done: number, of: number) => void = () => undefined): Promise<Manifest> {
  const manifest = readManifest(folder);
  const files = filesOf(manifest);
  const of = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const { file, bytes, sha256 } of files) {
    const path = join(folder, file);
    const there = statSync(path, { throwIfNoEntry: false });
    if (!there) throw broken(folder, `${file} is missing`);
    if (there.size !== bytes) throw broken(folder, `${file} has ${there.size} bytes, and had ${bytes}`);
    const now = await fingerprintOf(path, (read) => {
      done += read;
      onProgress(done, of);
    });
    if (now.sha256 !== sha256) throw broken(folder, `${file} is not what was written: its SHA-256 is another`);
  }
  return manifest;
}

function readManifest(folder: string): Manifest {
  let text: string;
  try {
    text = readFileSync(join(folder, MANIFEST), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    throw new UsageError(`${folder} is no backup: it has no ${MANIFEST}`, {
      hint: "A backup that was broken off has none, and its folder ends in .partial. Name a folder that `patchbay backup` has made.",
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw broken(folder, `${MANIFEST} cannot be read`);
  }
  const parsed = Manifest.safeParse(value);
  if (parsed.success) return parsed.data;
  const format = typeof value === "object" && value !== null && "format" in value ? String(value.format) : "";
  if (format !== FORMAT && format.startsWith("patchbay-backup-"))
    throw new UsageError(`${folder} was made by a newer Patchbay (${format})`, { hint: "Restore it with that one, or with a later." });
  throw broken(folder, `${MANIFEST} is not what \`patchbay backup\` writes`);
}

function broken(folder: string, what: string): UsageError {
  return new UsageError(`the backup ${folder} is damaged: ${what}`, { hint: "Use another backup; nothing was changed." });
}
