import { PassThrough } from "node:stream";
import { Transport } from "jsforce/lib/transport.js";
import { parseRetryAfterMs } from "../../src/connector/index.ts";
import { readUsage, type Usage } from "./limit-header.ts";
import { SalesforceError } from "./vendor-error.ts";

/** One request's signal, and its answer's status and headers, which jsforce's errors do not have. */
export interface Exchange {
  signal: AbortSignal;
  status?: number;
  retryAfterMs?: number | undefined;
  usage?: Usage | undefined;
}

/** A describe of Task with hundreds of custom fields has about one megabyte. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/**
 * One HTTP exchange of our own, for jsforce to use. Its own (`jsforce/lib/request.js`, 3.10.26) tries each GET up to six times, waits
 * half an hour, follows redirects with the access token to any host, cannot be aborted, and ends the process when a connection breaks in the
 * middle of a body: nobody listens for the error of its `Readable.fromWeb(…).pipe(…)`.
 * Here: one try, the caller's signal until the last byte, no redirects.
 */
export function createTransport(exchange: Exchange): Transport {
  const transport = new Transport();
  transport.getRequestStreamCreator = () => (request) => {
    // jsforce waits for "complete" or "error"; the stream itself stays empty.
    const stream = new PassThrough();
    run(request, exchange).then(
      (response) => stream.emit("complete", response),
      (error) => stream.emit("error", error),
    );
    return stream;
  };
  return transport;
}

async function run(request: Parameters<Transport["httpRequest"]>[0], exchange: Exchange) {
  const { url, method, headers = {}, body } = request;
  // undici counts the length itself.
  const { "content-length": _, ...rest } = headers;
  const response = await fetch(url, {
    method,
    headers: rest,
    body: typeof body === "string" ? body : null,
    redirect: "manual",
    signal: exchange.signal,
  });
  exchange.status = response.status;
  exchange.retryAfterMs = parseRetryAfterMs(response.headers.get("retry-after"), Date.now());
  exchange.usage = readUsage(response.headers.get("sforce-limit-info"));
  const text = await readText(response);
  // jsforce takes every status below 400 for a success: a redirect would read as an empty answer.
  if (response.status > 300 && response.status < 400) throw new SalesforceError({ status: response.status });
  return { statusCode: response.status, headers: Object.fromEntries(response.headers), body: text };
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw new SalesforceError({ status: response.status, errors: [{ code: "ANSWER_TOO_LARGE" }] });
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
