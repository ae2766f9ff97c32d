import { PassThrough } from "node:stream";
import { Transport } from "jsforce/lib/transport.js";

/** What one request tells its caller beside the body: jsforce's errors carry neither. */
export interface Answer {
  status?: number;
  retryAfter?: string | null;
}

/** Passed through `connection.request(request, options)` to the transport. */
export interface TransportOptions {
  signal: AbortSignal;
  answer: Answer;
}

/** A describe of Task with hundreds of custom fields has about one megabyte. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/**
 * A way for jsforce to do HTTP that is ours. Its own one (`jsforce/lib/request.js`, 3.10.26) tries each GET up to six times, waits half an hour,
 * follows redirects with the access token to any host, cannot be aborted, and ends the process when a connection breaks in the middle of a body
 * (its `Readable.fromWeb(…).pipe(…)` has nobody who listens for the error).
 * Here: one try, the caller's signal until the last byte, no redirects.
 */
export function createTransport(defaults: { signal?: () => AbortSignal } = {}): Transport {
  const transport = new Transport();
  transport.getRequestStreamCreator = () => (request, options) => {
    // jsforce waits for "complete" or "error"; the stream itself stays empty.
    const stream = new PassThrough();
    const { signal = defaults.signal?.(), answer = {} } = options as Partial<TransportOptions>;
    exchange({ request, signal, answer }).then(
      (response) => stream.emit("complete", response),
      (error) => stream.emit("error", error),
    );
    return stream;
  };
  return transport;
}

type HttpRequest = Parameters<Transport["httpRequest"]>[0];

async function exchange(options: { request: HttpRequest; signal: AbortSignal | undefined; answer: Answer }) {
  const { request, signal, answer } = options;
  const { url, method, headers = {}, body } = request;
  // undici counts the length itself, and refuses one that differs from its own count.
  const { "content-length": _, ...rest } = headers;
  const response = await fetch(url, {
    method,
    headers: rest,
    body: typeof body === "string" ? body : null,
    redirect: "manual",
    ...(signal ? { signal } : {}),
  });
  answer.status = response.status;
  answer.retryAfter = response.headers.get("retry-after");
  const text = await readText(response);
  // jsforce takes every status below 400 for a success, so that a redirect would read as an empty answer.
  const isRedirect = response.status > 300 && response.status < 400;
  return {
    statusCode: isRedirect ? 421 : response.status,
    headers: Object.fromEntries(response.headers),
    body: isRedirect ? "" : text,
  };
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw new Error("the answer is larger than any of Salesforce's");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
