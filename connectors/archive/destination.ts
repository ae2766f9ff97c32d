import { abortable, type Delivery, type OpenDestination, type Outcome, type Receipt, type ResolveName } from "../../src/connector/index.ts";
import { type ArchiveWith, documentOf, ForeignDocumentError, parseDocument } from "./document.ts";
import { createDownloads } from "./downloads.ts";
import { outcomeOfFileError } from "./folder-errors.ts";
import { stemOf, stemOfReceipt } from "./place.ts";
import { aboutOf, keepRecording, removeRecording } from "./recording.ts";
import { bytesOf } from "./settings.ts";
import type { Store } from "./store.ts";

export interface ArchiveOptions {
  store: Store;
  recordings: boolean;
  max_recording: string;
  allow_private: boolean;
  allow_http: boolean;
  timeoutMs: number;
  /** For tests. */
  resolve?: ResolveName;
}

/** Of an attempt's time, for a recording to come; the rest is for storing it. */
const SHARE_FOR_FETCHING = 0.6;
/** Until when it is stored, or given up for now. */
const SHARE_FOR_STORING = 0.9;

/** JSON first: whatever becomes of its recording, a call is in the archive. */
export function openArchive(options: ArchiveOptions): OpenDestination<ArchiveWith> {
  const { store, recordings, max_recording, allow_private: allowPrivate, allow_http: allowHttp, timeoutMs, resolve } = options;
  const maxBytes = bytesOf(max_recording);
  const downloads = createDownloads({ folder: store.scratch, maxBytes, allowPrivate, allowHttp, ...(resolve ? { resolve } : {}) });

  async function sendOne(delivery: Delivery<ArchiveWith>, signal: AbortSignal): Promise<Outcome> {
    const beganMs = performance.now();
    const waitUntilMs = beganMs + timeoutMs * SHARE_FOR_FETCHING;
    const storeUntilMs = beganMs + timeoutMs * SHARE_FOR_STORING;
    const stem = stemOf(delivery);
    const name = `${stem}.json`;
    try {
      const existing = await store.read(name, { signal });
      const document = documentOf(delivery, existing);
      if (!existing?.equals(document)) await store.write(name, document, { signal, contentType: "application/json" });

      const receipt: Receipt = { id: name, url: store.linkTo(name) };
      const { recording_url: address } = delivery.call;
      if (!recordings || !address) return { kind: "delivered", receipt: { ...receipt, ...extraOf(delivery.previous) } };
      const { sinceAcceptedMs } = delivery;
      const kept = await keepRecording({ store, downloads, stem, address, sinceAcceptedMs, waitUntilMs, storeUntilMs, signal });
      if (kept.kind === "later") return kept.outcome;
      const extra: Record<string, string> = kept.kind === "in-place" ? { recording: kept.file } : { recording_missing: kept.why };
      return { kind: "delivered", receipt: { ...receipt, extra } };
    } catch (error) {
      const outcome = outcomeOf(error);
      if (!outcome) throw error;
      return outcome;
    }
  }

  function outcomeOf(error: unknown): Outcome | undefined {
    if (error instanceof ForeignDocumentError) {
      const reason = "what lies in the archive under the call's name is not this call, and is left as it is";
      return { kind: "rejected", code: "not_this_call", reason };
    }
    return store.outcomeOf(error) ?? outcomeOfFileError(error);
  }

  /** For people: in words, without the name of the file. */
  async function inWords<T>(asking: Promise<T>): Promise<T> {
    try {
      return await asking;
    } catch (error) {
      const outcome = outcomeOf(error);
      throw outcome && "reason" in outcome ? new Error(outcome.reason, { cause: error }) : error;
    }
  }

  async function readBoth(name: string, stem: string, signal: AbortSignal) {
    const [document, about] = await Promise.all([store.read(name, { signal }), store.read(aboutOf(stem), { signal })]);
    const call = document && parseDocument(document);
    if (!call) return undefined;
    const recording = about && parseDocument(about);
    return { ...call, ...(recording ? { recording } : {}) };
  }

  async function eraseAll(name: string, stem: string, signal: AbortSignal): Promise<boolean> {
    const wasThere = await store.has(name, { signal });
    await downloads.taken(stem);
    await removeRecording({ store, stem, signal });
    await store.remove(name, { signal });
    return wasThere;
  }

  return {
    send: (deliveries, { signal }) => Promise.all(deliveries.map((delivery) => abortable(signal, () => sendOne(delivery, signal)))),
    async erase({ receipt }, { signal }) {
      const stem = stemOfReceipt(receipt.id);
      return stem === undefined ? false : inWords(eraseAll(receipt.id, stem, signal));
    },
    afterErase: () => inWords(store.afterErase()),
    async read({ receipt }, { signal }) {
      const stem = stemOfReceipt(receipt.id);
      return stem === undefined ? undefined : inWords(readBoth(receipt.id, stem, signal));
    },
    async close() {
      await downloads.close();
      await store.close();
    },
  };
}

/** What an earlier version said of the recording. */
function extraOf(previous: Receipt | undefined): Pick<Receipt, "extra"> {
  return previous?.extra ? { extra: previous.extra } : {};
}
