import { createHmac, createSecretKey, timingSafeEqual } from "node:crypto";
import type { Secret } from "../lib/secret.ts";

/** Who may post: a source of routes.yaml. */
export interface IngressSource {
  name: string;
  secrets: Secret[];
  /** Asked for each delivery: it may end on a day. */
  readonly allowUnsigned: boolean;
}

/** `secretIndex`: which of the source's secrets signed it; undefined when it came unsigned and may. */
export type Verification = { ok: true; secretIndex: number | undefined } | { ok: false; code: string; message: string };

export type Verify = (delivery: { signature: string | undefined; body: Uint8Array }) => Verification;

const HEX_OF_SHA256 = /^[0-9a-f]{64}$/;

/**
 * Checks `X-VoiceInfra-Signature`: lower-case hex of HMAC-SHA256 over the raw body, key = the secret as UTF-8.
 * Constant time by construction: every secret is tried, and digests of equal length are compared by `timingSafeEqual`.
 * The sentences are read in VoiceInfra's delivery log by whoever sets the webhook up; none says what would have been right.
 */
export function createVerify(source: IngressSource): Verify {
  const keys = source.secrets.map((secret) => createSecretKey(secret.reveal(), "utf8"));
  return ({ signature, body }) => {
    if (signature === undefined || signature === "") {
      if (source.allowUnsigned) return { ok: true, secretIndex: undefined };
      return refuse("signature_missing", "The header X-VoiceInfra-Signature is missing. Set the webhook secret in VoiceInfra.");
    }
    if (keys.length === 0 && source.allowUnsigned) return { ok: true, secretIndex: undefined };
    // Node joins a repeated header with a comma.
    if (signature.includes(",")) return refuse("signature_doubled", "The header X-VoiceInfra-Signature was sent more than once.");
    if (!HEX_OF_SHA256.test(signature)) {
      return refuse("signature_malformed", "The header X-VoiceInfra-Signature is not 64 lower-case hexadecimal digits.");
    }
    const given = Buffer.from(signature, "hex");
    let secretIndex: number | undefined;
    for (const [index, key] of keys.entries()) {
      const expected = createHmac("sha256", key).update(body).digest();
      if (timingSafeEqual(given, expected)) secretIndex ??= index;
    }
    if (secretIndex !== undefined) return { ok: true, secretIndex };
    return refuse(
      "signature_wrong",
      "The signature does not fit the body: the secret in VoiceInfra is not the one configured here, or the body was changed on its way.",
    );
  };
}

function refuse(code: string, message: string): Verification {
  return { ok: false, code, message };
}
