import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { discard, type GuardedAnswer, type GuardedHttp, NotReachedError, RefusedAddressError } from "../../src/connector.ts";
import { extensionOf } from "./media.ts";
import type { ScratchFile } from "./store.ts";

/** A recorder hands over to its storage by a redirect or two. Each address is judged like the first. */
const MAX_REDIRECTS = 3;

export interface Download extends ScratchFile {
  /** `mp3`, `wav`. */
  extension: string;
}

/** `forGood`: no later try would end otherwise. `code` is ours, and says nothing of the address. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
  readonly code: string;
  readonly forGood: boolean;

  constructor(code: string, options: { forGood?: boolean } & ErrorOptions = {}) {
    super(`the recording was not fetched: ${code}`, options);
    this.code = code;
    this.forGood = options.forGood ?? false;
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
  signal: AbortSignal;
}): Promise<Download> {
  const { folder, maxBytes } = options;
  const path = join(folder, randomUUID());
  try {
    // A cleaner of temporary files may have been there.
    await mkdir(folder, { recursive: true });
    const { answer, url } = await ask(options);
    const contentType = mediaTypeOf(answer);
    const extension = extensionOf({ contentType, pathname: url.pathname });
    if (extension === undefined) {
      discard(answer);
      throw new DownloadError("no_audio");
    }
    return { path, contentType, extension, ...(await store({ answer, path, maxBytes })) };
  } catch (error) {
    await rm(path, { force: true });
    throw asDownloadError(error);
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
    if (status < 300 || status >= 400 || location === undefined) throw new DownloadError(status === 200 ? "encoded" : `http_${status}`);
    if (redirects === MAX_REDIRECTS) throw new DownloadError("too_many_redirects");
    url = parsed(location, url);
  }
}

function parsed(address: string, base?: URL): URL {
  const url = URL.parse(address, base);
  if (!url) throw new DownloadError("no_address", { forGood: true });
  // Node would make credentials of them.
  if (url.username !== "" || url.password !== "") throw new DownloadError("refused_address", { forGood: true });
  return url;
}

function mediaTypeOf({ headers }: GuardedAnswer): string {
  return (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

async function store(options: { answer: GuardedAnswer; path: string; maxBytes: number }): Promise<{ bytes: number; sha256: string }> {
  const { answer, path, maxBytes } = options;
  const { body } = answer;
  const tooLarge = () => {
    body.destroy();
    return new DownloadError("too_large", { forGood: true });
  };
  if (Number(answer.headers["content-length"] ?? 0) > maxBytes) throw tooLarge();
  const hash = createHash("sha256");
  let bytes = 0;
  const file = await open(path, "wx");
  try {
    // Node makes an error of a body that ends before its Content-Length.
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw tooLarge();
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (bytes === 0) throw new DownloadError("empty");
  return { bytes, sha256: hash.digest("hex") };
}

/** Of our own disk, and none of the recording's. */
const OF_THE_DISK = new Set(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EIO", "EFBIG", "EMFILE", "ENFILE", "ENOENT", "EEXIST"]);

/** A fault of our own disk is thrown as it is. */
function asDownloadError(error: unknown): unknown {
  if (error instanceof DownloadError) return error;
  if (error instanceof RefusedAddressError) return new DownloadError("refused_address", { forGood: true, cause: error });
  if (error instanceof NotReachedError) return new DownloadError(error.code, { cause: error });
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "broken_off";
  return OF_THE_DISK.has(code) ? error : new DownloadError(code, { cause: error });
}
