import { canonicalJson, type Outcome } from "../../src/connector/index.ts";
import { DownloadError } from "./download.ts";
import { addressHash, type Downloads } from "./download-jobs.ts";
import { parseDocument } from "./record.ts";
import type { Store } from "./store.ts";

const MINUTE_MS = 60_000;
/** A recorder may need a while after the call; a recording that it does not have an hour after the call was accepted does not come. */
const WAITS_FOR_MS = 60 * MINUTE_MS;
const UNDER_WAY_MS = 15_000;

/** In place: its file's name. Missing: why, in a word. Later: the attempt ends here, and another one goes on. */
export type Kept = { kind: "in-place"; file: string } | { kind: "missing"; why: string } | { kind: "later"; outcome: Outcome };

/**
 * Sees to it that a call's recording lies beside its JSON, with a file that says what it is. That file is written last: where it is, the recording is
 * whole. Done already for the same address: nothing is fetched.
 */
export async function keepRecording(options: {
  store: Store;
  downloads: Downloads;
  stem: string;
  address: string;
  sinceAcceptedMs: number;
  /** Of `performance.now()`: until when the attempt may wait for it. */
  waitUntilMs: number;
  /** Likewise: until when it must be stored, a little before the attempt ends, so that its end is known. */
  storeUntilMs: number;
  signal: AbortSignal;
}): Promise<Kept> {
  const { store, downloads, stem, address, sinceAcceptedMs, waitUntilMs, storeUntilMs, signal } = options;
  const about = aboutOf(stem);
  const earlier = await store.read(about, { signal });
  const known = earlier && parseDocument(earlier);
  if (known?.url_sha256 === addressHash(address)) return { kind: "in-place", file: String(known.file) };

  try {
    const fetched = await downloads.fetched({ stem, address, waitMs: waitUntilMs - performance.now() });
    if (!fetched) return later("recording_under_way", "the call is archived, its recording is still being fetched", UNDER_WAY_MS);
    const file = `${stem}.recording.${fetched.extension}`;
    const { bytes, sha256, contentType: content_type } = fetched;
    const late = AbortSignal.timeout(Math.max(0, Math.round(storeUntilMs - performance.now())));
    try {
      await store.moveIn(file, fetched, { signal: AbortSignal.any([signal, late]) });
    } catch (error) {
      if (!late.aborted || signal.aborted) throw error;
      if (sinceAcceptedMs < WAITS_FOR_MS) {
        return later("recording_not_stored", "the call is archived, storing its recording takes longer than an attempt may", 5 * MINUTE_MS);
      }
      await downloads.taken(stem);
      return { kind: "missing", why: "too_slow" };
    }
    await downloads.taken(stem);
    const said = { file, bytes, sha256, content_type, url_sha256: addressHash(address) };
    await store.write(about, Buffer.from(`${canonicalJson(said)}\n`), { signal, contentType: "application/json" });
    if (typeof known?.file === "string" && known.file !== file && known.file.startsWith(`${stem}.recording.`)) {
      await store.remove(known.file, { signal });
    }
    return { kind: "in-place", file };
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error;
    const { code, lasts } = error;
    // What is only for now is tried on, for as long as the route's max_age lets it: after an outage of ours each call may have this one try.
    if (lasts === "for-good" || (lasts === "answer" && sinceAcceptedMs >= WAITS_FOR_MS)) return { kind: "missing", why: code };
    const againMs = sinceAcceptedMs < 5 * MINUTE_MS ? 30_000 : 5 * MINUTE_MS;
    return later("recording_not_there", `the call is archived, its recording cannot be had yet (${code})`, againMs);
  }
}

function later(code: string, reason: string, retryAfterMs: number): Kept {
  return { kind: "later", outcome: { kind: "retry", because: "record", code, reason, retryAfterMs } };
}

/** What says which file the recording is. */
export function aboutOf(stem: string): string {
  return `${stem}.recording.meta`;
}

/** Removes the recording, whatever its ending, and what an interrupted attempt left of it. */
export async function removeRecording(options: { store: Store; stem: string; signal: AbortSignal }): Promise<void> {
  const { store, stem, signal } = options;
  for (const name of await store.list(`${stem}.recording.`, { signal })) await store.remove(name, { signal });
}
