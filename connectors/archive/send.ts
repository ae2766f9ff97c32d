import type { Delivery, Outcome, Receipt } from "../../src/connector/index.ts";
import type { Downloads } from "./download-jobs.ts";
import { outcomeOfFileError } from "./engines/folder/errors.ts";
import type { ArchiveWith } from "./mapping.ts";
import { stemOf } from "./object-name.ts";
import { extra } from "./receipt.ts";
import { documentOf, ForeignDocumentError } from "./record.ts";
import { keepRecording } from "./recording.ts";
import type { Store } from "./store.ts";

/** Of an attempt's time, for a recording to come; the rest is for storing it. */
const SHARE_FOR_FETCHING = 0.6;
/** Until when it is stored, or given up for now. */
const SHARE_FOR_STORING = 0.9;

/** Writes a call's JSON, then its recording: whatever becomes of the recording, the call is in the archive. Without `downloads` none is kept. */
export async function sendCall(options: {
  store: Store;
  downloads?: Downloads;
  delivery: Delivery<ArchiveWith>;
  timeoutMs: number;
  signal: AbortSignal;
}): Promise<Outcome> {
  const { store, downloads, delivery, timeoutMs, signal } = options;
  const startedAtMs = performance.now();
  const stem = stemOf(delivery);
  const name = `${stem}.json`;
  try {
    const existing = await store.read(name, { signal });
    const document = documentOf(delivery, existing);
    if (!existing?.equals(document)) await store.write(name, document, { signal, contentType: "application/json" });

    const receipt: Receipt = { id: name, url: store.linkTo(name) };
    const { recording_url: address } = delivery.call;
    if (!downloads || !address) return { kind: "delivered", receipt: { ...receipt, ...extra.write(extra.read(delivery.previous)) } };
    const kept = await keepRecording({
      store,
      downloads,
      stem,
      address,
      sinceAcceptedMs: delivery.sinceAcceptedMs,
      waitUntilMs: startedAtMs + timeoutMs * SHARE_FOR_FETCHING,
      storeUntilMs: startedAtMs + timeoutMs * SHARE_FOR_STORING,
      signal,
    });
    if (kept.kind === "later") return kept.outcome;
    const recording = kept.kind === "in-place" ? { recording: kept.file } : { recording_missing: kept.why };
    return { kind: "delivered", receipt: { ...receipt, ...extra.write(recording) } };
  } catch (error) {
    const outcome = outcomeOfArchiveError(error, store);
    if (!outcome) throw error;
    return outcome;
  }
}

/** Undefined: it is neither the store's nor the disk's. */
export function outcomeOfArchiveError(error: unknown, store: Store): Outcome | undefined {
  if (error instanceof ForeignDocumentError) {
    const reason = "what lies in the archive under the call's name is not this call, and is left as it is";
    return { kind: "rejected", code: "not_this_call", reason };
  }
  return store.outcomeOf(error) ?? outcomeOfFileError(error);
}
