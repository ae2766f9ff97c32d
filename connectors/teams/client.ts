import { namingHost, type Secret } from "../../src/connector/index.ts";
import { addressOf } from "./workflow-url.ts";

/** Of an error's body only the code is read. */
const MAX_BODY_BYTES = 20_000;

export interface FlowAnswer {
  status: number;
  headers: Headers;
  /** Its beginning. */
  body: string;
}

/** Starts the flow with a message. The function throws what `fetch` throws. */
export function createClient(options: { url: Secret; baseUrl: string | undefined; timeoutMs: number }) {
  const { url, baseUrl, timeoutMs } = options;
  const address = addressOf({ url: url.reveal(), baseUrl });
  return (message: object, signal: AbortSignal): Promise<FlowAnswer> =>
    namingHost(address, async () => {
      const response = await fetch(address, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(message),
        // The address is the credential: it goes nowhere else.
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      return { status: response.status, headers: response.headers, body: await readBeginning(response) };
    });
}

/** An answer may have no end. */
async function readBeginning(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (bytes >= MAX_BODY_BYTES) break;
  }
  return Buffer.concat(chunks).toString("utf8").slice(0, MAX_BODY_BYTES);
}
