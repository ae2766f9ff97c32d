import { requestJson, type Secret } from "../../src/connector/index.ts";

/** Where the API is, unless `base_url` says otherwise. */
const ADDRESS = "https://api.example.com/v1";

/** One function per request. All throw network errors. */
export function createClient({ token, baseUrl }: { token: Secret; baseUrl: string | undefined }) {
  const address = (baseUrl ?? ADDRESS).replace(/\/+$/, "");
  const headers = { authorization: `Bearer ${token.reveal()}` };
  return {
    readAccount: (signal: AbortSignal) => requestJson({ method: "GET", url: `${address}/me`, headers, signal }),
    /** The same key again writes the same record. */
    writeCall: (key: string, record: object, signal: AbortSignal) =>
      requestJson({ method: "PUT", url: `${address}/calls/${encodeURIComponent(key)}`, headers, body: record, signal }),
  };
}
