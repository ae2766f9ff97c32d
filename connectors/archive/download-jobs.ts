import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createGuardedHttp, type ResolveName } from "../../src/connector/index.ts";
import { type Download, DownloadError, download } from "./download.ts";

/** Recordings that are being fetched, or lie fetched, at once: of one host, so that it leaves places for others, and in all. */
const MAX_OF_HOST = 8;
const MAX_JOBS = 12;
/** 200 MB at 3 Mbit/s. */
const LONGEST_MS = 10 * 60_000;
/** A recorder that says next to nothing for so long says nothing more. */
const STALL_MS = 30_000;
/** A download that was asked to stop has stopped long before. */
const STOPS_WITHIN_MS = 2_000;
/** A file that nobody came for: its route was paused, or its call went to another process. */
const UNCLAIMED_MS = 15 * 60_000;

/**
 * Downloads that outlive the attempt which began them: an hour of audio may take longer than an attempt may. The next attempt at the same call, in
 * this process, finds the download where it is by then, or done. They write to the scratch folder only.
 */
export interface Downloads {
  /**
   * The recording for this stem, fetched: begun now unless it is under way. Undefined when it is not there within `waitMs`, or too many are under way.
   * It stays there until it is `taken`.
   * @throws what {@link download} throws; the next call begins again.
   */
  fetched(options: { stem: string; address: string; waitMs: number }): Promise<Download | undefined>;
  /** Its file has been moved away, or is not wanted any more. */
  taken(stem: string): Promise<void>;
  close(): Promise<void>;
}

interface Job {
  address: string;
  result: Promise<Download>;
  stop: AbortController;
  expiry: NodeJS.Timeout;
  /** Kept for the next attempt to hear of; it takes nobody's place. */
  failed: boolean;
}

export function createDownloads(options: {
  folder: string;
  maxBytes: number;
  allowPrivate: boolean;
  allowHttp: boolean;
  maxJobs?: number;
  stallMs?: number;
  resolve?: ResolveName;
}): Downloads {
  const { folder, maxBytes, maxJobs = MAX_JOBS, stallMs = STALL_MS, ...guard } = options;
  const http = createGuardedHttp(guard);
  const jobs = new Map<string, Job>();

  function begin(stem: string, address: string): Job {
    const stop = new AbortController();
    const longest = setTimeout(() => stop.abort(new DownloadError("too_slow", { lasts: "for-now" })), LONGEST_MS).unref();
    const result = download({ http, address, folder, maxBytes, stallMs, signal: stop.signal });
    const expiry = setTimeout(() => void drop(stem), LONGEST_MS + UNCLAIMED_MS).unref();
    const job = { address, result, stop, expiry, failed: false };
    jobs.set(stem, job);
    // The caller that waits sees the rejection; without one it must not count as unhandled.
    result
      .catch(() => {
        job.failed = true;
      })
      .finally(() => clearTimeout(longest));
    return job;
  }

  function hasPlace(address: string): boolean {
    const held = [...jobs.values()].filter(({ failed }) => !failed);
    return held.length < maxJobs && held.filter((job) => hostOf(job.address) === hostOf(address)).length < MAX_OF_HOST;
  }

  async function drop(stem: string): Promise<void> {
    const job = jobs.get(stem);
    if (!job) return;
    jobs.delete(stem);
    clearTimeout(job.expiry);
    job.stop.abort(new DownloadError("given_up", { lasts: "for-now" }));
    const removed = job.result.then(
      ({ path }) => rm(path, { force: true }),
      () => undefined,
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOPS_WITHIN_MS);
    });
    await Promise.race([removed, late]).finally(() => clearTimeout(timer));
  }

  return {
    async fetched({ stem, address, waitMs }) {
      const known = jobs.get(stem);
      // A call whose recording has moved: what was begun is of no use.
      if (known && addressHash(known.address) !== addressHash(address)) await drop(stem);
      if (!jobs.has(stem) && !hasPlace(address)) return undefined;
      const job = jobs.get(stem) ?? begin(stem, address);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), Math.max(0, waitMs));
      });
      try {
        const fetched = await Promise.race([job.result, late]);
        // Stored by an attempt that failed just behind that, or taken by a cleaner of temporary files.
        if (fetched && !existsSync(fetched.path)) throw new DownloadError("lost", { lasts: "for-now" });
        return fetched;
      } catch (error) {
        if (jobs.get(stem) === job) await drop(stem);
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
    taken: drop,
    async close() {
      await Promise.all([...jobs.keys()].map(drop));
      http.close();
    },
  };
}

function hostOf(address: string): string {
  return URL.parse(address)?.host ?? "";
}

/** Tells one recording's address from another's. Signatures in the query change each time, and are left out. */
export function addressHash(address: string): string {
  const url = URL.parse(address);
  return createHash("sha256")
    .update(url ? `${url.origin}${url.pathname}` : address)
    .digest("hex");
}
