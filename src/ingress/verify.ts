import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import type { Secret } from "../lib/secret.ts";

/** Who may post: a source of routes.yaml. */
export interface IngressSource {
  name: string;
  secrets: Secret[];
  /** Asked for each delivery: it may end on a day. */
  readonly allowUnsigned: boolean;
}

export interface Refusal {
  status: 401 | 404;
  code: string;
  message: string;
}

/** `secretIndex`: which of the source's secrets signed it; undefined when it came unsigned and may. */
export type Verification = { ok: true; secretIndex: number | undefined } | ({ ok: false } & Refusal);

/** Judges who sent a delivery, first by its head alone, then by its body. */
export interface Verifier {
  /** Why the head is enough to refuse it: then no byte of the body is read. */
  refuseByHead(signature: string | undefined): Refusal | undefined;
  /** For a signature that the head let pass. */
  verify(delivery: { signature: string | undefined; body: Uint8Array }): Verification;
}

const HEX_OF_SHA256 = /^[0-9a-f]{64}$/;
const THE_PATH = "and the address for its path: /webhooks/<source>, as named in routes.yaml";

// The sentences are read in VoiceInfra's delivery log by the person who sets the webhook up. None says what would have been right, and
// all but UNKNOWN_SOURCE are the same whether or not there is such a source.
const MISSING = refusal(
  "signature_missing",
  `The header X-VoiceInfra-Signature is missing. Look at the webhook in VoiceInfra: it needs the secret, ${THE_PATH}.`,
);
const DOUBLED = refusal("signature_doubled", "The header X-VoiceInfra-Signature was sent more than once.");
const MALFORMED = refusal("signature_malformed", "The header X-VoiceInfra-Signature is not 64 lower-case hexadecimal digits.");
const WRONG = refusal(
  "signature_wrong",
  `The signature does not fit the body: the secret in VoiceInfra is not the one configured here, or the body was changed on its way. Look at the secret, ${THE_PATH}.`,
);
const UNKNOWN_SOURCE: Refusal = {
  status: 404,
  code: "unknown_source",
  message: "There is no such source. The path is /webhooks/<source>, as named in routes.yaml.",
};

/** Gives each path its verifier; a path of no source gets one that refuses everything. */
export function createVerifiers(sources: IngressSource[]): (name: string) => { verifier: Verifier; known: boolean } {
  const keysOf = new Map(sources.map(({ name, secrets }) => [name, secrets.map((secret) => createSecretKey(secret.reveal(), "utf8"))]));
  const known = new Map(
    sources.map((source) => [source.name, { verifier: createVerifier({ keys: keysOf.get(source.name) ?? [], source }), known: true }]),
  );
  const stranger = { verifier: strangerOf([...keysOf.values()].flat()), known: false };
  return (name) => known.get(name) ?? stranger;
}

/**
 * Checks `X-VoiceInfra-Signature`: lower-case hex of HMAC-SHA256 over the raw body, key = the secret as UTF-8.
 * Constant time by construction: every secret is tried, and digests of equal length are compared by `timingSafeEqual`.
 */
function createVerifier({ keys, source }: { keys: KeyObject[]; source: IngressSource }): Verifier {
  const mayComeUnsigned = (signature: string | undefined) =>
    (keys.length === 0 || signature === undefined || signature === "") && source.allowUnsigned;
  return {
    refuseByHead: (signature) => (mayComeUnsigned(signature) ? undefined : refuseForm(signature)),
    verify({ signature, body }) {
      if (mayComeUnsigned(signature)) return { ok: true, secretIndex: undefined };
      // The day on which it ends may begin between head and body.
      const refused = refuseForm(signature);
      if (refused) return { ok: false, ...refused };
      const secretIndex = indexOfKey({ keys, signature, body });
      return secretIndex === undefined ? { ok: false, ...WRONG } : { ok: true, secretIndex };
    },
  };
}

/**
 * Answers like any source, so that a stranger does not learn which there are. Only a sender who holds a secret of another source, and so
 * has mistaken the path, gets an answer that says so.
 */
function strangerOf(keys: KeyObject[]): Verifier {
  return {
    refuseByHead: refuseForm,
    verify: ({ signature, body }) => ({
      ok: false,
      ...(indexOfKey({ keys, signature, body }) === undefined ? WRONG : UNKNOWN_SOURCE),
    }),
  };
}

function refuseForm(signature: string | undefined): Refusal | undefined {
  if (signature === undefined || signature === "") return MISSING;
  // Node joins a repeated header with a comma.
  if (signature.includes(",")) return DOUBLED;
  return HEX_OF_SHA256.test(signature) ? undefined : MALFORMED;
}

function indexOfKey(options: { keys: KeyObject[]; signature: string | undefined; body: Uint8Array }): number | undefined {
  const { keys, signature = "", body } = options;
  const given = Buffer.from(signature, "hex");
  let found: number | undefined;
  for (const [index, key] of keys.entries()) {
    const expected = createHmac("sha256", key).update(body).digest();
    if (timingSafeEqual(given, expected)) found ??= index;
  }
  return found;
}

function refusal(code: string, message: string): Refusal {
  return { status: 401, code, message };
}
