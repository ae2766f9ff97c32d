import type { Outcome } from "../../src/connector/index.ts";

type InTime = { signal: AbortSignal };

/** A file that lies in a store's `scratch`, whole and on disk. */
export interface ScratchFile {
  path: string;
  bytes: number;
  /** Hex. */
  sha256: string;
  /** Base64: what S3 wants of an object in a bucket with Object Lock. */
  md5: string;
  contentType: string;
}

/** Where an archive lies. Names have slashes between, begin with `calls/` and are safe (see place.ts). A write is whole or has not happened. */
export interface Store {
  /** A folder for files that are still being fetched. */
  scratch: string;
  /** For people and programs: `s3://bucket/prefix/calls/…`. */
  linkTo(name: string): string;
  /** Undefined: there is none. */
  read(name: string, options: InTime): Promise<Buffer | undefined>;
  write(name: string, bytes: Buffer, options: InTime & { contentType: string }): Promise<void>;
  /** The file is gone from `scratch` when this resolves, and is there still when it throws. */
  moveIn(name: string, file: ScratchFile, options: InTime): Promise<void>;
  /** Names that begin so; the part behind the last slash is searched in one folder only. */
  list(prefix: string, options: InTime): Promise<string[]>;
  /** Whether it is there, also where it can only be read after a while (cold storage). */
  has(name: string, options: InTime): Promise<boolean>;
  /** Nothing there is nothing wrong. @throws {Error} in words when something of it stays: earlier versions */
  remove(name: string, options: InTime): Promise<void>;
  /** Behind the last `remove` of a forget: takes away what a broken write may have left of it. Resolves with what stays, for people. */
  afterErase(): Promise<string | undefined>;
  /** What an error of this store means; undefined when it is none of its. */
  outcomeOf(error: unknown): Outcome | undefined;
  close(): Promise<void>;
}
