import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { OpenError, type Secret, signJwt } from "../../../../src/connector/index.ts";

/** Snowflake takes no token that lives longer than an hour (docs.snowflake.com, "Authenticating to the server", key pair). */
const LIFETIME_S = 59 * 60;
const RENEW_BEFORE_S = 5 * 60;

/** Signs tokens for the user's public key; each is used for most of an hour. @throws {OpenError} when the key cannot be read. */
export function createTokens(options: { account: string; username: string; privateKey: Secret; nowMs?: () => number }): () => string {
  const { account, username, nowMs = Date.now } = options;
  const key = readKey(options.privateKey);
  const subject = `${accountName(account)}.${username.toUpperCase()}`;
  const fingerprint = createHash("sha256")
    .update(createPublicKey(key).export({ type: "spki", format: "der" }))
    .digest("base64");
  let token = "";
  let goodUntilS = 0;

  return () => {
    const nowS = Math.floor(nowMs() / 1000);
    if (nowS < goodUntilS) return token;
    goodUntilS = nowS + LIFETIME_S - RENEW_BEFORE_S;
    const claims = { iss: `${subject}.SHA256:${fingerprint}`, sub: subject, iat: nowS, exp: nowS + LIFETIME_S };
    token = signJwt({ key, claims });
    return token;
  };
}

/** Without region and cloud, `xy12345.eu-central-1` → `XY12345`; an organisation's account, `acme-calls`, is whole. */
function accountName(account: string): string {
  return account.replace(/\..*$/, "").toUpperCase();
}

function readKey(secret: Secret): KeyObject {
  try {
    // A variable often holds the lines with \n written out.
    const key = createPrivateKey(secret.reveal().replaceAll("\\n", "\n"));
    if (key.asymmetricKeyType === "rsa") return key;
  } catch {
    // Said below, without the text.
  }
  throw new OpenError({
    kind: "needs-fix",
    code: "private_key",
    reason: "`private_key` is not an RSA key in PEM that is not encrypted",
    fix: "Make one: openssl genrsa 2048 | openssl pkcs8 -topk8 -inform PEM -nocrypt; and name its file: private_key: ${file:/run/secrets/snowflake.p8}",
  });
}
