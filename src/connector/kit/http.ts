import { namingHost } from "./network-error.ts";

/** More than most answers that a connector reads. */
const MAX_ANSWER_BYTES = 1_000_000;

export interface HttpAnswer {
  status: number;
  headers: Headers;
  /** The body's JSON; undefined where it is empty, none, or larger than `maxBytes`. */
  json: unknown;
}

/**
 * Sends one request, once, with `body` as JSON. Follows no redirect: a credential goes only where the settings say.
 * `maxBytes`: of the answer's body, a megabyte if not given. @throws what `fetch` throws; `outcomeOfNetworkError` reads it.
 */
export async function requestJson(options: {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: unknown;
  signal: AbortSignal;
  maxBytes?: number;
}): Promise<HttpAnswer> {
  const { method, url, body, signal, maxBytes = MAX_ANSWER_BYTES } = options;
  const headers = { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }), ...options.headers };
  return namingHost(url, async () => {
    const response = await fetch(url, {
      method,
      headers,
      signal,
      redirect: "manual",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, json: await readJson(response, maxBytes) };
  });
}

async function readJson(response: Response, maxBytes: number): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}
