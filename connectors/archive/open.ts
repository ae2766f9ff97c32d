import { abortable, type OpenDestination, type OpenOptions, type ResolveName } from "../../src/connector/index.ts";
import { createDownloads } from "./download-jobs.ts";
import type { ArchiveWith } from "./mapping.ts";
import { stemOfReceipt } from "./object-name.ts";
import { parseDocument } from "./record.ts";
import { aboutOf, removeRecording } from "./recording.ts";
import { outcomeOfArchiveError, sendCall } from "./send.ts";
import { type ArchiveSettings, bytesOf } from "./settings.ts";
import type { Store } from "./store.ts";

/** @throws {OpenError} when the folder or the bucket cannot be used. */
export async function openArchive({ settings, timeoutMs }: OpenOptions<ArchiveSettings>): Promise<OpenDestination<ArchiveWith>> {
  const store = settings.url.startsWith("s3:")
    ? await import("./engines/s3/store.ts").then(({ openS3Store }) => openS3Store({ ...settings, timeoutMs }))
    : await import("./engines/folder/store.ts").then(({ openFolderStore }) => openFolderStore({ url: settings.url }));
  return archiveIn({ ...settings, store, timeoutMs });
}

/** The archive in an open store. `resolve` is for tests. */
export function archiveIn(
  options: Pick<ArchiveSettings, "recordings" | "max_recording" | "allow_private" | "allow_http"> & {
    store: Store;
    timeoutMs: number;
    resolve?: ResolveName;
  },
): OpenDestination<ArchiveWith> {
  const { store, recordings, max_recording, allow_private: allowPrivate, allow_http: allowHttp, timeoutMs, resolve } = options;
  const maxBytes = bytesOf(max_recording);
  const downloads = createDownloads({ folder: store.scratch, maxBytes, allowPrivate, allowHttp, ...(resolve ? { resolve } : {}) });

  /** For people: in words, without the name of the file. */
  async function inWords<T>(request: Promise<T>): Promise<T> {
    try {
      return await request;
    } catch (error) {
      const outcome = outcomeOfArchiveError(error, store);
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
    send: (deliveries, { signal }) =>
      Promise.all(
        deliveries.map((delivery) =>
          abortable(signal, () => sendCall({ ...(recordings ? { downloads } : {}), store, delivery, timeoutMs, signal })),
        ),
      ),
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
