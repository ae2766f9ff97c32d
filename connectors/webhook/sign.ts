import { createHmac } from "node:crypto";
import type { Secret } from "../../src/connector/index.ts";
import { keyBytesOf } from "./settings.ts";

/**
 * The headers that prove who sent these bytes, and when: Standard Webhooks, scheme v1 (HMAC-SHA256 over `id.timestamp.body`), once for each secret
 * with spaces between (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md).
 */
export function signatureHeaders(options: {
  id: string;
  atMs: number;
  body: Uint8Array;
  secrets: readonly Secret[];
}): Record<string, string> {
  const { id, atMs, body, secrets } = options;
  const timestamp = String(Math.floor(atMs / 1000));
  const signatures = secrets.map((secret) => {
    const hmac = createHmac("sha256", keyBytesOf(secret.reveal()) ?? "");
    return `v1,${hmac.update(`${id}.${timestamp}.`).update(body).digest("base64")}`;
  });
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures.join(" ") };
}
