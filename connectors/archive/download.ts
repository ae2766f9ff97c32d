import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { discard, type GuardedAnswer, type GuardedHttp, NotReachedError, RefusedAddressError } from "../../src/connector/index.ts";
import { extensionOf } from "./file-extension.ts";
import type { ScratchFile } from "./store.ts";

/** In 30 s: an eighth of what the plainest telephone audio needs to be heard while it comes. A byte now and then is no recording. */
const LEAST_BYTES = 32 * 1024;

/** A recorder hands over to its storage by a redirect or two. Each address is judged like the first. */
const MAX_REDIRECTS = 3;

export interface Download extends ScratchFile {
  /** `mp3`, `wav`. */
  extension: string;
}

/**
 * How long a failure counts. `for-good`: no later try would end otherwise. `answer`: the recorder has said something definite, and may say another thing
 * once it has finished. `for-now`: the way there, or we ourselves, failed; it says nothing about the recording.
 */
export type Lasts = "for-good" | "answer" | "for-now";

/** `code` is ours, and says nothing of the address. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
  readonly code: string;
  readonly lasts: Lasts;

  constructor(code: string, options: { lasts?: Lasts } & ErrorOptions = {}) {
    super(`the recording was not fetched: ${code}`, options);
    this.code = code;
    this.lasts = options.lasts ?? "answer";
  }
}

/**
 * Fetches a recording into a file of `folder`, without ever holding more of it in memory than a chunk.
 * @throws {DownloadError}; nothing is left in the folder then.
 */
export async function download(options: {
  http: GuardedHttp;
  address: string;
  folder: string;
  maxBytes: number;
  /** In each such time at least {@link LEAST_BYTES} come, or it is given up: it holds a place that others wait for. */
  stallMs: number;
  /** Its reason is what is thrown, if it is a {@link DownloadError}. */
  signal: AbortSignal;
}): Promise<Download> {
  const { http, address, folder, maxBytes, stallMs } = options;
  const stalled = new AbortController();
  const signal = AbortSignal.any([options.signal, stalled.signal]);
  let since = 0;
  const timer = setInterval(() => {
    if (since < LEAST_BYTES) stalled.abort(new DownloadError(since === 0 ? "stalled" : "too_slow", { lasts: "for-now" }));
    since = 0;
  }, stallMs);
  const onChunk = (bytes: number) => {
    since += bytes;
  };
  const path = join(folder, randomUUID());
  try {
    // A cleaner of temporary files may have been there.
    await mkdir(folder, { recursive: true });
    const { answer, url } = await ask({ http, address, signal });
    timer.refresh();
    const said = mediaTypeOf(answer);
    const extension = extensionOf({ contentType: said, pathname: url.pathname });
    if (extension === undefined) {
      discard(answer);
      throw new DownloadError("no_audio");
    }
    // It is a header of ours next: what a stranger has written there may break the signature.
    const contentType = MEDIA_TYPE.test(said) ? said : "";
    return { path, contentType, extension, ...(await store({ answer, path, maxBytes, onChunk })) };
  } catch (error) {
    await rm(path, { force: true });
    throw asDownloadError(signal.aborted && !(error instanceof DownloadError) ? signal.reason : error);
  } finally {
    clearInterval(timer);
  }
}

async function ask(options: { http: GuardedHttp; address: string; signal: AbortSignal }): Promise<{ answer: GuardedAnswer; url: URL }> {
  const { http, address, signal } = options;
  let url = parsed(address);
  for (let redirects = 0; ; redirects += 1) {
    // No credential goes along: an address is all that the call has.
    const headers = { accept: "audio/*, video/*;q=0.5, */*;q=0.1", "accept-encoding": "identity", "user-agent": "Patchbay" };
    const answer = await http.request({ url, method: "GET", headers, signal });
    const { status } = answer;
    const { location, "content-encoding": encoding = "identity" } = answer.headers;
    if (status === 200 && encoding === "identity") return { answer, url };
    discard(answer);
    if (status < 300 || status >= 400 || location === undefined) {
      const isBusy = status === 408 || status === 429 || status >= 500;
      throw new DownloadError(status === 200 ? "encoded" : `http_${status}`, { lasts: isBusy ? "for-now" : "answer" });
    }
    if (redirects === MAX_REDIRECTS) throw new DownloadError("too_many_redirects");
    url = parsed(location, url);
  }
}

function parsed(address: string, base?: URL): URL {
  const url = URL.parse(address, base);
  if (!url) throw new DownloadError("no_address", { lasts: "for-good" });
  // Node would make credentials of them.
  if (url.username !== "" || url.password !== "") throw new DownloadError("refused_address", { lasts: "for-good" });
  return url;
}

const MEDIA_TYPE = /^[\w.+-]{1,64}\/[\w.+-]{1,64}$/;

function mediaTypeOf({ headers }: GuardedAnswer): string {
  return (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

async function store(options: {
  answer: GuardedAnswer;
  path: string;
  maxBytes: number;
  onChunk(bytes: number): void;
}): Promise<{ bytes: number; sha256: string; md5: string }> {
  const { answer, path, maxBytes, onChunk } = options;
  const { body } = answer;
  const tooLarge = () => {
    body.destroy();
    return new DownloadError("too_large", { lasts: "for-good" });
  };
  if (Number(answer.headers["content-length"] ?? 0) > maxBytes) throw tooLarge();
  const [sha256, md5] = [createHash("sha256"), createHash("md5")];
  let bytes = 0;
  const file = await open(path, "wx");
  try {
    // Node makes an error of a body that ends before its Content-Length.
    for await (const chunk of body as AsyncIterable<Buffer>) {
      onChunk(chunk.byteLength);
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw tooLarge();
      sha256.update(chunk);
      md5.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (bytes === 0) throw new DownloadError("empty");
  return { bytes, sha256: sha256.digest("hex"), md5: md5.digest("base64") };
}

/** Of our own disk, and none of the recording's. */
const OF_THE_DISK = new Set(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EIO", "EFBIG", "EMFILE", "ENFILE", "ENOENT", "EEXIST"]);

/** Not an answer that cannot be read (HPE_…), which is one. */
const OF_THE_NETWORK = /^(E[A-Z]+|ERR_STREAM_PREMATURE_CLOSE|ABORT_ERR|broken_off)$/;

/** A fault of our own disk is thrown as it is. */
function asDownloadError(error: unknown): unknown {
  if (error instanceof DownloadError) return error;
  if (error instanceof RefusedAddressError) return new DownloadError("refused_address", { lasts: "for-good", cause: error });
  if (error instanceof NotReachedError) return new DownloadError(error.code, { lasts: "for-now", cause: error });
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "broken_off";
  if (OF_THE_DISK.has(code)) return error;
  return new DownloadError(code, { lasts: OF_THE_NETWORK.test(code) ? "for-now" : "answer", cause: error });
}
