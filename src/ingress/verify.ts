import { createHmac, timingSafeEqual } from "node:crypto";
import type { Secret } from "../lib/secret.ts";

/** Who may post: a source of routes.yaml. */
export interface IngressSource {
  name: string;
  secrets: Secret[];
  allowUnsigned: boolean;
}

/** `secretIndex`: which of the source's secrets signed it; undefined when it came unsigned and may. */
export type Verification = { ok: true; secretIndex: number | undefined } | { ok: false; code: string; message: string };

const HEX_OF_SHA256 = /^[0-9a-f]{64}$/;

/**
 * Checks `X-VoiceInfra-Signature`: lower-case hex of HMAC-SHA256 over the raw body, key = the secret as UTF-8.
 * Constant time by construction: every secret is tried, and digests of equal length are compared by `timingSafeEqual`.
 * The sentences are read in VoiceInfra's delivery log by whoever sets the webhook up; none says what would have been right.
 */
export function verify(options: { source: IngressSource; header: string | undefined; body: Uint8Array }): Verification {
  const { source, header, body } = options;
  if (header === undefined || header === "") {
    if (source.allowUnsigned) return { ok: true, secretIndex: undefined };
    return refuse("signature_missing", "The header X-VoiceInfra-Signature is missing. Set the webhook secret in VoiceInfra.");
  }
  if (source.secrets.length === 0) return { ok: true, secretIndex: undefined };
  // Node joins a repeated header with a comma.
  if (header.includes(",")) return refuse("signature_doubled", "The header X-VoiceInfra-Signature was sent more than once.");
  if (!HEX_OF_SHA256.test(header)) {
    return refuse("signature_malformed", "The header X-VoiceInfra-Signature is not 64 lower-case hexadecimal digits.");
  }
  const given = Buffer.from(header, "hex");
  let secretIndex: number | undefined;
  for (const [index, secret] of source.secrets.entries()) {
    const expected = createHmac("sha256", secret.reveal()).update(body).digest();
    if (timingSafeEqual(given, expected)) secretIndex ??= index;
  }
  if (secretIndex !== undefined) return { ok: true, secretIndex };
  return refuse(
    "signature_wrong",
    "The signature does not fit the body: the secret in VoiceInfra is not the one configured here, or the body was changed on its way.",
  );
}

function refuse(code: string, message: string): Verification {
  return { ok: false, code, message };
}
