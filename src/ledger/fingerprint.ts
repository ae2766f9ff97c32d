import { createHmac, createSecretKey, hash } from "node:crypto";

/**
 * What the ledger keeps instead of a content hash: its HMAC-SHA256 under a key of this ledger, in hex. A bare hash of a short call record reveals
 * the number in it: 222,000 numbers a second can be tried on one core.
 * @param key hex; created with the ledger.
 */
export function createFingerprint(key: string): (contentHash: string) => string {
  const secret = createSecretKey(Buffer.from(key, "hex"));
  return (contentHash) => createHmac("sha256", secret).update(contentHash).digest("hex");
}

/** HMAC's two padded keys (RFC 2104), for a database that has SHA-256 and no HMAC: `sha256(outer || sha256(inner || text))`. */
export function paddedKeys(key: string): { inner: Buffer; outer: Buffer } {
  const given = Buffer.from(key, "hex");
  const block = Buffer.alloc(64);
  (given.byteLength > 64 ? hash("sha256", given, "buffer") : given).copy(block);
  return { inner: block.map((byte) => byte ^ 0x36) as Buffer, outer: block.map((byte) => byte ^ 0x5c) as Buffer };
}
